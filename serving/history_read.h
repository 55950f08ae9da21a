#pragma once

#include "absl/status/statusor.h"
#include "base/digest.h"
#include "holdfast/v1/config.pb.h"
#include "serving/lost_history.h"
#include "serving/paged_read.h"
#include "serving/range.h"

namespace holdfast::serving {

// One History call: walks back from the newest revision asked for. The stored versions of a single key say at
// once which records to look at; for a range, windows of the log are searched. A page ends at its size, at
// kMaxPageBytes, or after kMaxRecordsPerHistoryPage records, however few matched.
class HistoryRead : public PagedRead {
 public:
  // `request` and `response` must live until `done`.
  HistoryRead(Options options, const v1::HistoryRequest& request, const CallLimits& limits,
              v1::HistoryResponse* response, Done done);

 private:
  absl::StatusOr<ReadDemands> Prepare() override;
  absl::Status Begin() override;
  absl::StatusOr<bool> Step() override;  // `next_` is zero when there is no more
  void Finish() override;

  absl::StatusOr<bool> StepByKey();
  absl::StatusOr<bool> StepByWindow();
  // True if the page is full afterwards. `next_` is then the record before.
  bool Take(const storage::LogRecord& record);

  const v1::HistoryRequest& request_;
  v1::HistoryResponse* const response_;
  const KeyRange range_;
  const Digest128 fingerprint_;
  const int page_rows_;

  Revision after_;
  Revision first_;      // where the page begins; zero: at the newest revision asked for
  LostHistory epochs_;  // of what was shown when the call was admitted
  Revision next_;       // the newest record that was not looked at
  int window_ = 0;
  int looked_ = 0;
  size_t bytes_ = 0;
};

}  // namespace holdfast::serving
