#pragma once

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "holdfast/v1/config.pb.h"
#include "serving/read_admission.h"
#include "serving/task_queue.h"
#include "storage/store.h"

namespace holdfast::serving {

// The frame of a call that reads many rows, a page an answer: it is admitted, goes on step by step on the
// workers of `ranges`, queuing behind the others between its steps, all at one revision, and begins anew if a
// rewind took that revision back and the caller had not asked for it. One thread at a time; keeps itself
// alive.
class PagedRead : public std::enable_shared_from_this<PagedRead> {
 public:
  struct Options {
    storage::Store* store = nullptr;  // these must outlive the call
    const ReadAdmission* admission = nullptr;
    Clock* clock = nullptr;
    TaskQueue ranges;
  };
  // Called once, on any thread.
  using Done = std::function<void(const absl::Status&)>;

  virtual ~PagedRead() = default;

  // Errors, to `done`: those of Prepare, Begin, Step and ReadAdmission, DEADLINE, CANCELLED.
  void Start();

 protected:
  PagedRead(Options options, const CallLimits& limits, v1::ResponseHeader* header, Done done)
      : options_(std::move(options)), limits_(limits), header_(header), done_(std::move(done)) {}

  // Checks the request: what it demands of the node.
  virtual absl::StatusOr<ReadDemands> Prepare() = 0;
  // Empties the page: `admitted().revision` is what it shows. Errors end the call.
  virtual absl::Status Begin() = 0;
  // Reads a little; true when the page is complete.
  virtual absl::StatusOr<bool> Step() = 0;
  // Says how it ended; the header is filled afterwards.
  virtual void Finish() = 0;

  storage::Store& store() const { return *options_.store; }
  const ReadDecision& admitted() const { return admitted_; }

 private:
  void Ask();
  void Run();
  void Fail(const absl::Status& status);

  const Options options_;
  const CallLimits limits_;
  v1::ResponseHeader* const header_;
  const Done done_;
  ReadDemands demands_;
  ReadDecision admitted_;
  int attempts_ = 0;
};

}  // namespace holdfast::serving
