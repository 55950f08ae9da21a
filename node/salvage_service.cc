#include "node/salvage_service.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>

#include "base/limits.h"
#include "node/errors.h"
#include "node/salvage_reading.h"
#include "rpc/call_context.h"
#include "rpc/finisher.h"
#include "rpc/status.h"

namespace holdfast::node {
namespace {

// Sends what `next` gives until it gives nothing. A step begins when the one before has ended, on the pool or
// in gRPC, so nothing here needs a lock. A caller who has gone is noticed at the next write. Deletes itself
// in OnDone, which comes after Finish, which is the last of all steps.
template <typename Message>
class PullReactor : public grpc::ServerWriteReactor<Message> {
 public:
  using Next = std::function<absl::StatusOr<std::optional<Message>>()>;

  PullReactor(WorkerPool* pool, Next next) : pool_(pool), next_(std::move(next)) {}

  void Step() {
    if (!pool_->TryPost([this] { Give(next_()); }))
      this->Finish(rpc::ToGrpcStatus(TooBusyError("tasks that read files")));
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return this->Finish(grpc::Status::CANCELLED);
    Step();
  }
  void OnDone() override { delete this; }

 private:
  void Give(absl::StatusOr<std::optional<Message>> message) {
    if (!message.ok() || !message->has_value()) return this->Finish(rpc::ToGrpcStatus(message.status()));
    outgoing_ = **std::move(message);
    this->StartWrite(&outgoing_);
  }

  WorkerPool* const pool_;
  const Next next_;
  Message outgoing_;  // gRPC's while it is written
};

template <typename Message>
PullReactor<Message>* StartPulling(WorkerPool* pool, typename PullReactor<Message>::Next next) {
  auto* const reactor = new PullReactor<Message>(pool, std::move(next));
  reactor->Step();
  return reactor;
}

}  // namespace

grpc::ServerWriteReactor<v1::SalvageFileSummary>* SalvageServiceImpl::ListSalvage(
    grpc::CallbackServerContext*, const v1::ListSalvageRequest*) {
  auto listing = std::make_shared<SalvageListing>(options_.files, options_.data_dir, options_.node_id);
  return StartPulling<v1::SalvageFileSummary>(options_.pool, [listing] { return listing->Next(); });
}

grpc::ServerWriteReactor<v1::ReadSalvageResponse>* SalvageServiceImpl::ReadSalvage(
    grpc::CallbackServerContext*, const v1::ReadSalvageRequest* request) {
  auto content =
      std::make_shared<SalvageContent>(options_.files, options_.data_dir, options_.node_id, request->file());
  return StartPulling<v1::ReadSalvageResponse>(options_.pool, [content] { return content->Next(); });
}

grpc::ServerUnaryReactor* SalvageServiceImpl::RegisterSalvage(grpc::CallbackServerContext* context,
                                                              const v1::RegisterSalvageRequest* request,
                                                              v1::RegisterSalvageResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  const absl::Duration patience =
      std::min(rpc::TimeToDecide(rpc::RemainingOf(*context, *options_.clock)), kDefaultCommitDeadline);
  const absl::Duration deadline = options_.clock->SinceBoot() + patience;
  options_.strand->Post([this, reactor, request, response, deadline] {
    options_.administration->RegisterSalvage(*request, deadline, rpc::Finisher(reactor, response));
  });
  return reactor;
}

}  // namespace holdfast::node
