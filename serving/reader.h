#pragma once

#include <functional>

#include "absl/status/status.h"
#include "holdfast/v1/config.pb.h"
#include "serving/paged_read.h"
#include "serving/read_admission.h"
#include "serving/task_queue.h"
#include "storage/store.h"

namespace holdfast::serving {

// Answers Get, List and History from the store, at one revision each. Any thread, gRPC's callback threads
// included: a point read that needs to wait for nothing is answered before the call returns; everything else
// goes to bounded workers, ranges to slow ones of their own, so that listing does not starve reading.
class Reader {
 public:
  struct Options {
    storage::Store* store = nullptr;  // these must outlive the reader and the workers' tasks
    const ReadAdmission* admission = nullptr;
    Clock* clock = nullptr;
    TaskQueue points;  // for point reads that could not be answered at once
    TaskQueue ranges;
  };
  // Called once, on any thread, perhaps before the call returns. `request` and `response` must live until
  // then.
  using Done = std::function<void(const absl::Status&)>;

  explicit Reader(Options options) : options_(std::move(options)) {}

  // Errors: INVALID_KEY, KEY_NOT_FOUND, those of ReadAdmission, DATA_DAMAGED.
  void Get(const v1::GetRequest& request, const CallLimits& limits, v1::GetResponse* response,
           Done done) const;

  // Errors: also INVALID_REQUEST (page token), DEADLINE.
  void List(const v1::ListRequest& request, const CallLimits& limits, v1::ListResponse* response,
            Done done) const;
  void History(const v1::HistoryRequest& request, const CallLimits& limits, v1::HistoryResponse* response,
               Done done) const;

 private:
  absl::Status ReadPoint(storage::ReadLease& lease, const v1::GetRequest& request,
                         const ReadDecision& decision, v1::GetResponse* response) const;
  void GetOnWorker(const v1::GetRequest& request, const ReadDemands& demands, const CallLimits& limits,
                   v1::GetResponse* response, Done done, int attempts_left) const;
  PagedRead::Options PagedOptions() const;

  const Options options_;
};

}  // namespace holdfast::serving
