#include "serving/reader.h"

#include <memory>
#include <optional>
#include <utility>

#include "base/status_macros.h"
#include "serving/errors.h"
#include "serving/history_read.h"
#include "serving/key_rules.h"
#include "serving/key_value.h"
#include "serving/list_read.h"

namespace holdfast::serving {
absl::Status Reader::ReadPoint(storage::ReadLease& lease, const v1::GetRequest& request,
                               const ReadDecision& decision, v1::GetResponse* response) const {
  HF_ASSIGN_OR_RETURN(const std::optional<storage::KeyVersion> found,
                      lease.Get(request.key(), decision.revision));
  if (!found) return KeyNotFoundError(request.key());
  FillKeyValue(*found, /*keys_only=*/false, response->mutable_kv());
  return options_.admission->FillHeader(decision, response->mutable_header());
}

void Reader::Get(const v1::GetRequest& request, const CallLimits& limits, v1::GetResponse* response,
                 Done done) const {
  if (const absl::Status status = CheckKey(request.key()); !status.ok()) return done(status);
  const absl::StatusOr<ReadDemands> demands = ReadDemands::From(request.options());
  if (!demands.ok()) return done(demands.status());
  const absl::StatusOr<ReadDecision> decision = options_.admission->Decide(*demands);
  if (!decision.ok()) return done(decision.status());
  if (!decision->wait) {
    auto lease = options_.store->readers().TryAcquire();
    if (!lease.ok()) return done(lease.status());
    if (*lease != nullptr) {
      const absl::Status status = ReadPoint(**lease, request, *decision, response);
      if (!ShouldAskAgain(status, *demands)) {
        lease->reset();  // before the answer, which may take a while to encode
        return done(status);
      }
    }
  }
  GetOnWorker(request, *demands, limits, response, std::move(done), kMaxReadAttempts);
}

void Reader::GetOnWorker(const v1::GetRequest& request, const ReadDemands& demands, const CallLimits& limits,
                         v1::GetResponse* response, Done done, int attempts_left) const {
  options_.admission->OnWorker(demands, limits, options_.points,
                               [this, &request, demands, limits, response, done = std::move(done),
                                attempts_left](absl::StatusOr<ReadDecision> at) {
                                 if (!at.ok()) return done(at.status());
                                 absl::Status status;
                                 {
                                   auto lease = options_.store->readers().Acquire();
                                   status = lease.ok() ? ReadPoint(**lease, request, *at, response)
                                                       : lease.status();
                                 }
                                 if (!ShouldAskAgain(status, demands) || attempts_left == 0)
                                   return done(status);
                                 GetOnWorker(request, demands, limits, response, done, attempts_left - 1);
                               });
}

void Reader::List(const v1::ListRequest& request, const CallLimits& limits, v1::ListResponse* response,
                  Done done) const {
  std::make_shared<ListRead>(PagedOptions(), request, limits, response, std::move(done))->Start();
}

void Reader::History(const v1::HistoryRequest& request, const CallLimits& limits,
                     v1::HistoryResponse* response, Done done) const {
  std::make_shared<HistoryRead>(PagedOptions(), request, limits, response, std::move(done))->Start();
}

PagedRead::Options Reader::PagedOptions() const {
  return {options_.store, options_.admission, options_.clock, options_.ranges};
}

}  // namespace holdfast::serving
