#pragma once

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/digest.h"
#include "holdfast/v1/config.pb.h"
#include "serving/lost_history_tracker.h"
#include "serving/node_state.h"
#include "serving/range.h"
#include "serving/read_admission.h"
#include "serving/task_queue.h"
#include "storage/store.h"

namespace holdfast::serving {

// One History call: walks back from the newest revision asked for. The stored versions of a single key say at
// once which records to look at; for a range, windows of the log are searched. A page ends at its size, at
// kMaxPageBytes, or after kMaxRecordsPerHistoryPage records, however few matched. Runs on the workers of
// `ranges`, one step at a time; keeps itself alive.
class HistoryRead : public std::enable_shared_from_this<HistoryRead> {
 public:
  struct Options {
    storage::Store* store = nullptr;  // these must outlive the call
    const NodeState* node = nullptr;
    const ReadAdmission* admission = nullptr;
    const LostHistoryTracker* history = nullptr;
    Clock* clock = nullptr;
    TaskQueue ranges;
  };
  using Done = std::function<void(const absl::Status&)>;

  static void Start(Options options, const v1::HistoryRequest& request, const CallLimits& limits,
                    v1::HistoryResponse* response, Done done);

  HistoryRead(Options options, const v1::HistoryRequest& request, const CallLimits& limits,
              v1::HistoryResponse* response, Done done);

 private:
  absl::StatusOr<ReadDemands> Prepare();
  void Begin(absl::StatusOr<ReadDecision> admitted);
  void RunStep();
  // True when the page is complete; `next_` zero when there is no more.
  absl::StatusOr<bool> Step();
  absl::StatusOr<bool> StepByKey();
  absl::StatusOr<bool> StepByWindow();
  // True if the page is full afterwards. `next_` is then the record before.
  bool Take(const storage::LogRecord& record);
  absl::Status Finish();

  const Options options_;
  const v1::HistoryRequest& request_;
  const CallLimits limits_;
  v1::HistoryResponse* const response_;
  const Done done_;
  const KeyRange range_;
  const Digest128 fingerprint_;
  const int page_rows_;
  const LostHistory epochs_;

  ReadDecision admitted_;  // its revision: where the first page began
  Revision next_;          // the newest record that was not looked at
  Revision after_;
  int window_ = 0;
  int looked_ = 0;
  size_t bytes_ = 0;
};

}  // namespace holdfast::serving
