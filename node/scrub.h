#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/executor.h"
#include "base/offload.h"
#include "holdfast/v1/admin.pb.h"
#include "storage/store.h"

namespace holdfast::node {

// Looks at the whole of this node's data about once a day, so that damage that nobody reads is found before a
// promotion needs it (I13): what `verify --deep` does, at a quarter of one core's speed. What is found leads
// to a repair, as damage does whoever finds it (storage/verify.h), and is remembered for `check`. Strand.
class Scrub {
 public:
  static constexpr absl::Duration kInterval = absl::Hours(24);
  // A node that has just started has other things to do, and one that is restarted all the time is looked at
  // all the same.
  static constexpr absl::Duration kFirstDelay = absl::Minutes(10);
  static constexpr absl::Duration kRetryDelay =
      absl::Hours(1);  // after a failure that says nothing of the data

  struct Options {
    storage::Store* store = nullptr;  // these must outlive the scrub
    Executor* strand = nullptr;
    Offload* offload = nullptr;  // on which nothing else waits: it is held for minutes
    Clock* clock = nullptr;
    // Holds the worker up between two steps; a test need not wait.
    std::function<void(absl::Duration)> pause;
    // A result that could not be had or kept, for the log. Strand.
    std::function<void(const absl::Status&)> on_failure;
  };

  explicit Scrub(Options options) : options_(std::move(options)) {}
  ~Scrub() { Stop(); }

  void Start();
  // Nothing is begun afterwards, and what runs ends soon.
  void Stop();

  // Remembers what a whole verification has found, whoever asked for it.
  void NoteVerified(const v1::VerifyResult& result, bool by_itself);
  // The data is another one since a repair: what was found in the old one is forgotten.
  void ForgetVerified();

 private:
  struct Round;

  void Schedule(absl::Duration delay);
  absl::Duration TimeToNext() const;
  void Begin();
  void Finish(const absl::StatusOr<v1::VerifyResult>& result);

  const Options options_;
  Executor::TimerId timer_ = 0;
  bool is_running_ = false;
  // Outlives this in a worker that has not ended yet.
  const std::shared_ptr<std::atomic<bool>> is_stopped_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace holdfast::node
