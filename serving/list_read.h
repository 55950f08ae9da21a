#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/digest.h"
#include "holdfast/v1/config.pb.h"
#include "serving/node_state.h"
#include "serving/range.h"
#include "serving/read_admission.h"
#include "serving/task_queue.h"
#include "storage/store.h"

namespace holdfast::serving {

// One List call. Reads kMaxRowsPerLease rows with one lease, gives it back, and queues for the next behind
// the other listings, all at one revision; the page ends at its size, at kMaxPageBytes, or with the range.
// Runs on the workers of `ranges`, one at a time; keeps itself alive.
class ListRead : public std::enable_shared_from_this<ListRead> {
 public:
  struct Options {
    storage::Store* store = nullptr;  // these must outlive the call
    const NodeState* node = nullptr;
    const ReadAdmission* admission = nullptr;
    Clock* clock = nullptr;
    TaskQueue ranges;
  };
  using Done = std::function<void(const absl::Status&)>;

  static void Start(Options options, const v1::ListRequest& request, const CallLimits& limits,
                    v1::ListResponse* response, Done done);

  ListRead(Options options, const v1::ListRequest& request, const CallLimits& limits,
           v1::ListResponse* response, Done done);

 private:
  absl::StatusOr<ReadDemands> Prepare();
  void Ask();
  void Begin(absl::StatusOr<ReadDecision> admitted);
  void RunLease();
  // True when the page is complete.
  absl::StatusOr<bool> ReadSome();
  // False if the row belongs to the next page.
  bool Take(const storage::KeyVersion& row);
  // Begins the listing anew if a rewind took its revision back and the caller did not ask for that one.
  void Fail(const absl::Status& status);
  absl::Status Finish();

  const Options options_;
  const v1::ListRequest& request_;
  const CallLimits limits_;
  v1::ListResponse* const response_;
  const Done done_;
  const KeyRange range_;
  const Digest128 fingerprint_;
  const int page_rows_;

  ReadDemands demands_;
  int attempts_ = 0;
  ReadDecision admitted_;
  std::string next_key_;
  std::optional<std::string> next_page_;  // its first key
  int64_t count_ = 0;
  size_t bytes_ = 0;
};

}  // namespace holdfast::serving
