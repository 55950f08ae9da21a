#include "node/admin_service.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/limits.h"
#include "node/errors.h"
#include "node/verify_service.h"
#include "rpc/call_context.h"
#include "rpc/finisher.h"
#include "rpc/status.h"
#include "storage/proto_time.h"

namespace holdfast::node {
namespace {

constexpr absl::Duration kDefaultAdminDeadline = absl::Seconds(30);
// How long a drain waits for watches to end; they are told to at once, and new ones are refused.
constexpr absl::Duration kDefaultDrainWait = absl::Seconds(5);
constexpr absl::Duration kMaxDrainWait = absl::Minutes(1);

}  // namespace

absl::Duration AdminServiceImpl::DeadlineOf(grpc::CallbackServerContext& context) const {
  const absl::Duration remaining = rpc::TimeToDecide(rpc::RemainingOf(context, *options_.clock));
  const absl::Duration patience =
      remaining == absl::InfiniteDuration() ? kDefaultAdminDeadline : std::min(remaining, kMaxCommitDeadline);
  return options_.clock->SinceBoot() + patience;
}

grpc::ServerUnaryReactor* AdminServiceImpl::Init(grpc::CallbackServerContext* context,
                                                 const v1::InitRequest* request, v1::InitResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  options_.strand->Post([this, reactor, request, response, deadline = DeadlineOf(*context)] {
    options_.administration->Init(*request, deadline, rpc::Finisher(reactor, response));
  });
  return reactor;
}

grpc::ServerUnaryReactor* AdminServiceImpl::Status(grpc::CallbackServerContext* context,
                                                   const v1::StatusRequest*, v1::StatusResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  options_.strand->Post([this, reactor, response] {
    *response = options_.status->Get();
    reactor->Finish(grpc::Status::OK);
  });
  return reactor;
}

grpc::ServerWriteReactor<v1::VerifyResponse>* AdminServiceImpl::Verify(grpc::CallbackServerContext*,
                                                                       const v1::VerifyRequest* request) {
  const auto on_whole = [scrub = options_.scrub](const v1::VerifyResult& result) {
    scrub->NoteVerified(result, /*by_itself=*/false);
  };
  return StartVerify(options_.store, options_.pool, options_.strand, on_whole, *request);
}

grpc::ServerUnaryReactor* AdminServiceImpl::ChangeNodes(grpc::CallbackServerContext* context,
                                                        const v1::ChangeNodesRequest* request,
                                                        v1::ChangeNodesResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  options_.strand->Post([this, reactor, request, response, deadline = DeadlineOf(*context)] {
    options_.administration->ChangeNodes(*request, deadline, rpc::Finisher(reactor, response));
  });
  return reactor;
}

grpc::ServerUnaryReactor* AdminServiceImpl::ChangeSpell(grpc::CallbackServerContext* context,
                                                        const v1::ChangeSpellRequest* request,
                                                        v1::ChangeSpellResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  options_.strand->Post([this, reactor, request, response, deadline = DeadlineOf(*context)] {
    options_.administration->ChangeSpell(*request, deadline, rpc::Finisher(reactor, response));
  });
  return reactor;
}

grpc::ServerUnaryReactor* AdminServiceImpl::PointUpstream(grpc::CallbackServerContext* context,
                                                          const v1::PointUpstreamRequest* request,
                                                          v1::PointUpstreamResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  v1::UpstreamPin pin;
  pin.set_node_id(request->upstream_node_id());
  pin.set_operator_name(request->operator_name());
  pin.set_host(request->host());
  pin.set_set_at_us(absl::ToUnixMicros(options_.clock->Now()));
  options_.strand->Post([this, reactor, response, pin = std::move(pin)] {
    const absl::Status pinned = options_.replica->PinUpstream(pin);
    if (pinned.ok()) *response->mutable_pin() = options_.replica->pin();
    reactor->Finish(rpc::ToGrpcStatus(pinned));
  });
  return reactor;
}

grpc::ServerUnaryReactor* AdminServiceImpl::LendSlot(grpc::CallbackServerContext* context,
                                                     const v1::LendSlotRequest* request,
                                                     v1::LendSlotResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  options_.strand->Post([this, reactor, request, response] {
    absl::StatusOr<v1::SlotLoan> loan = options_.replica->LendSlot(*request);
    if (loan.ok()) *response->mutable_loan() = *std::move(loan);
    reactor->Finish(rpc::ToGrpcStatus(loan.status()));
  });
  return reactor;
}

grpc::ServerUnaryReactor* AdminServiceImpl::TakeSlot(grpc::CallbackServerContext* context,
                                                     const v1::TakeSlotRequest* request,
                                                     v1::TakeSlotResponse*) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  options_.strand->Post(
      [this, reactor, request] { reactor->Finish(rpc::ToGrpcStatus(options_.replica->TakeSlot(*request))); });
  return reactor;
}

grpc::ServerUnaryReactor* AdminServiceImpl::Drain(grpc::CallbackServerContext* context,
                                                  const v1::DrainRequest* request,
                                                  v1::DrainResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  if (request->undo()) {
    options_.strand->Post([this, reactor] { reactor->Finish(rpc::ToGrpcStatus(options_.undrain())); });
    return reactor;
  }
  const absl::Duration wanted = storage::DurationOf(request->timeout());
  const absl::Duration timeout =
      request->has_timeout() ? std::clamp(wanted, absl::ZeroDuration(), kMaxDrainWait) : kDefaultDrainWait;
  options_.strand->Post([this, reactor, response, timeout] {
    options_.drain(timeout, [reactor, response](v1::DrainResponse answer) {
      *response = std::move(answer);
      reactor->Finish(grpc::Status::OK);
    });
  });
  return reactor;
}

grpc::ServerUnaryReactor* AdminServiceImpl::Check(grpc::CallbackServerContext* context,
                                                  const v1::CheckRequest*, v1::CheckResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  options_.strand->Post([this, reactor, response] {
    options_.readiness->Look([reactor, response](v1::ReadinessReport report) {
      *response->mutable_report() = std::move(report);
      reactor->Finish(grpc::Status::OK);
    });
  });
  return reactor;
}

grpc::ServerUnaryReactor* AdminServiceImpl::StartDrill(grpc::CallbackServerContext* context,
                                                       const v1::StartDrillRequest* request,
                                                       v1::StartDrillResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  const auto done = rpc::Finisher(reactor, response);
  if (options_.drills == nullptr) {
    done(NoDrillAtProxyError(options_.node_id));
    return reactor;
  }
  options_.strand->Post([this, request, done] { done(options_.drills->StartDrill(*request)); });
  return reactor;
}

grpc::ServerUnaryReactor* AdminServiceImpl::GetDrill(grpc::CallbackServerContext* context,
                                                     const v1::GetDrillRequest*,
                                                     v1::GetDrillResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  options_.strand->Post([this, reactor, response] {
    if (options_.drills != nullptr) *response = options_.drills->GetDrill();
    reactor->Finish(grpc::Status::OK);
  });
  return reactor;
}

}  // namespace holdfast::node
