#include "tests/admin/fake_node.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/mutex.h"
#include "gtest/gtest.h"
#include "rpc/status.h"

namespace holdfast::admin {
namespace {

absl::Status BusyError() {
  return MakeError(absl::StatusCode::kResourceExhausted, "RESOURCE_EXHAUSTED", "it makes a plan already");
}

template <typename Response>
grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context, const v1::ResponseHeader& header,
                                 absl::StatusOr<Response> result, Response* response) {
  auto* reactor = context->DefaultReactor();
  const grpc::Status status = rpc::ToGrpcStatus(result.status());
  if (result.ok()) {
    *response = *std::move(result);
    *response->mutable_header() = header;
  }
  reactor->Finish(status);
  return reactor;
}

// The same for answers without a header; UNIMPLEMENTED where the test has none.
template <typename Response, typename Ask, typename... Request>
grpc::ServerUnaryReactor* AnswerWith(grpc::CallbackServerContext* context, const Ask& ask, Response* response,
                                     const Request&... request) {
  auto* reactor = context->DefaultReactor();
  absl::StatusOr<Response> answer = absl::UnimplementedError("not of this test");
  if (ask) answer = ask(request...);
  const grpc::Status status = rpc::ToGrpcStatus(answer.status());
  if (answer.ok()) *response = *std::move(answer);
  reactor->Finish(status);
  return reactor;
}

// Writes messages one after the other; then ends, or stays open until it is cancelled, which may come while a
// message is written.
template <typename Message>
class ListReactor : public grpc::ServerWriteReactor<Message> {
 public:
  ListReactor(std::vector<Message> messages, bool stay_open, grpc::Status end = grpc::Status::OK)
      : messages_(std::move(messages)), stay_open_(stay_open), end_(std::move(end)) {
    GoOn(/*written=*/false, /*cancelled=*/false);
  }
  void OnWriteDone(bool ok) override { GoOn(/*written=*/true, /*cancelled=*/!ok); }
  void OnCancel() override { GoOn(/*written=*/false, /*cancelled=*/true); }
  void OnDone() override { delete this; }

 private:
  void GoOn(bool written, bool cancelled) {
    const Message* next = nullptr;
    grpc::Status end;
    {
      MutexLock lock(&mu_);
      if (written) writing_ = false;
      cancelled_ = cancelled_ || cancelled;
      if (writing_ || finished_) return;  // whoever is told of the write goes on
      if (!cancelled_ && next_ < messages_.size()) {
        next = &messages_[next_++];
        writing_ = true;
      } else {
        if (!cancelled_ && stay_open_) return;
        end = cancelled_ ? grpc::Status::CANCELLED : end_;
        finished_ = true;
      }
    }
    if (next != nullptr) return this->StartWrite(next);
    this->Finish(end);
  }

  const std::vector<Message> messages_;
  const bool stay_open_;
  const grpc::Status end_;
  Mutex mu_;
  size_t next_ ABSL_GUARDED_BY(mu_) = 0;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
};

std::unique_ptr<rpc::Server> Listen(std::vector<grpc::Service*> services) {
  rpc::ServerOptions options;
  options.address = "127.0.0.1:0";
  auto server = rpc::Server::Start(options, services);
  EXPECT_TRUE(server.ok()) << server.status();
  (*server)->SetServing(true);
  return std::move(*server);
}

}  // namespace

FakeNode::FakeNode(FakeStore* store, v1::NodeInfo info, v1::NodeRole role)
    : store_(store), info_(std::move(info)), role_(role) {
  clients_ = Listen({static_cast<v1::ConfigService::CallbackService*>(this)});
  peers_ = Listen({static_cast<v1::AdminService::CallbackService*>(this),
                   static_cast<v1::OperationService::CallbackService*>(this),
                   static_cast<v1::SalvageService::CallbackService*>(this)});
  info_.set_client_address(clients_->address());
  info_.set_peer_address(peers_->address());
}

FakeNode::~FakeNode() { Stop(); }

void FakeNode::Stop() {
  clients_.reset();
  peers_.reset();
}

v1::ResponseHeader FakeNode::Header() {
  v1::ResponseHeader header;
  header.set_cluster_id("c0ffee");
  header.set_node_id(info_.node_id());
  header.set_site(info_.site());
  header.set_role(role_);
  header.set_revision(store_->revision());
  header.mutable_staleness()->set_seconds(0);
  return header;
}

grpc::ServerUnaryReactor* FakeNode::Get(grpc::CallbackServerContext* context, const v1::GetRequest* request,
                                        v1::GetResponse* response) {
  return Answer(context, Header(), store_->Get(*request), response);
}

grpc::ServerUnaryReactor* FakeNode::List(grpc::CallbackServerContext* context, const v1::ListRequest* request,
                                         v1::ListResponse* response) {
  return Answer(context, Header(), store_->List(*request), response);
}

grpc::ServerUnaryReactor* FakeNode::History(grpc::CallbackServerContext* context,
                                            const v1::HistoryRequest* request,
                                            v1::HistoryResponse* response) {
  return Answer(context, Header(), store_->History(*request), response);
}

grpc::ServerUnaryReactor* FakeNode::Commit(grpc::CallbackServerContext* context,
                                           const v1::CommitRequest* request, v1::CommitResponse* response) {
  if (!primary_client_address.empty()) {
    const absl::Status away =
        WithDetail(MakeError(absl::StatusCode::kFailedPrecondition, "NOT_PRIMARY", "this node is no primary"),
                   "primary_address", primary_client_address);
    return Answer<v1::CommitResponse>(context, Header(), away, response);
  }
  return Answer(context, Header(), store_->Commit(*request), response);
}

grpc::ServerWriteReactor<v1::WatchResponse>* FakeNode::Watch(grpc::CallbackServerContext*,
                                                             const v1::WatchRequest* request) {
  std::vector<v1::WatchResponse> messages(1);
  *messages[0].mutable_header() = Header();
  const int64_t after = request->start_revision() == 0 ? store_->revision() : request->start_revision() - 1;
  for (const v1::WatchEvent& event : store_->EventsAfter(*request, after)) {
    *messages.emplace_back().add_events() = event;
    messages.back().set_revision(event.kv().mod_revision());
  }
  return new ListReactor<v1::WatchResponse>(std::move(messages), /*stay_open=*/true);
}

grpc::ServerUnaryReactor* FakeNode::Status(grpc::CallbackServerContext* context, const v1::StatusRequest*,
                                           v1::StatusResponse* response) {
  if (operations.status) {
    *response = operations.status();
    auto* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
  v1::StatusResponse answer = status;
  const auto fill = [&](v1::LogPosition* position) {
    if (position->revision() == 0) position->set_revision(store_->revision());
    if (position->chain_hash().empty()) position->set_chain_hash(std::string(32, '\x11'));
  };
  fill(answer.mutable_appended());
  fill(answer.mutable_visible());
  fill(answer.mutable_digest_position());
  if (answer.state_digest().empty()) answer.set_state_digest(std::string(16, '\x22'));
  answer.set_key_count(store_->key_count());
  return Answer<v1::StatusResponse>(context, Header(), answer, response);
}

grpc::ServerUnaryReactor* FakeNode::Init(grpc::CallbackServerContext* context, const v1::InitRequest* request,
                                         v1::InitResponse* response) {
  auto* reactor = context->DefaultReactor();
  if (initialised.has_value()) {
    reactor->Finish(rpc::ToGrpcStatus(MakeError(absl::StatusCode::kAlreadyExists, "ALREADY_INITIALIZED",
                                                "this node belongs to cluster c0ffee")));
    return reactor;
  }
  initialised = *request;
  response->set_cluster_id("c0ffee");
  response->set_revision(1);
  reactor->Finish(lost_answer);
  return reactor;
}

grpc::ServerUnaryReactor* FakeNode::ChangeNodes(grpc::CallbackServerContext* context,
                                                const v1::ChangeNodesRequest* request,
                                                v1::ChangeNodesResponse* response) {
  changed = *request;
  response->set_revision(store_->revision() + 1);
  *response->add_nodes() = info_;
  response->set_settled(true);
  auto* reactor = context->DefaultReactor();
  reactor->Finish(lost_answer);
  return reactor;
}

grpc::ServerUnaryReactor* FakeNode::Drain(grpc::CallbackServerContext* context,
                                          const v1::DrainRequest* request, v1::DrainResponse* response) {
  drained = *request;
  *response = drain_answer;
  auto* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerUnaryReactor* FakeNode::ChangeSpell(grpc::CallbackServerContext* context,
                                                const v1::ChangeSpellRequest* request,
                                                v1::ChangeSpellResponse* response) {
  spell_changed = *request;
  response->set_settled(true);
  auto* reactor = context->DefaultReactor();
  reactor->Finish(lost_answer);
  return reactor;
}

// It follows at once.
grpc::ServerUnaryReactor* FakeNode::PointUpstream(grpc::CallbackServerContext* context,
                                                  const v1::PointUpstreamRequest* request,
                                                  v1::PointUpstreamResponse*) {
  pointed = *request;
  status.set_upstream_connected(true);
  status.clear_pin();
  if (!request->upstream_node_id().empty()) {
    status.mutable_pin()->set_node_id(request->upstream_node_id());
    status.mutable_pin()->set_operator_name(request->operator_name());
    status.set_upstream_node_id(request->upstream_node_id());
  }
  status.set_pin_followed(status.has_pin());
  auto* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerUnaryReactor* FakeNode::LendSlot(grpc::CallbackServerContext* context,
                                             const v1::LendSlotRequest* request,
                                             v1::LendSlotResponse* response) {
  lent = *request;
  response->mutable_loan()->set_slot(7);
  response->mutable_loan()->set_node_id(request->node_id());
  auto* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerUnaryReactor* FakeNode::TakeSlot(grpc::CallbackServerContext* context,
                                             const v1::TakeSlotRequest* request, v1::TakeSlotResponse*) {
  taken = *request;
  auto* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerUnaryReactor* FakeNode::Check(grpc::CallbackServerContext* context, const v1::CheckRequest*,
                                          v1::CheckResponse* response) {
  *response->mutable_report() = report;
  auto* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerUnaryReactor* FakeNode::StartDrill(grpc::CallbackServerContext* context,
                                               const v1::StartDrillRequest* request,
                                               v1::StartDrillResponse* response) {
  drilled = *request;
  if (!drills.empty()) *response->mutable_drill() = drills.front();
  auto* reactor = context->DefaultReactor();
  reactor->Finish(rpc::ToGrpcStatus(drill_refusal));
  return reactor;
}

grpc::ServerUnaryReactor* FakeNode::GetDrill(grpc::CallbackServerContext* context, const v1::GetDrillRequest*,
                                             v1::GetDrillResponse* response) {
  if (!drills.empty()) *response->mutable_drill() = drills[std::min(looks_++, drills.size() - 1)];
  auto* reactor = context->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerUnaryReactor* FakeNode::PlanOperation(grpc::CallbackServerContext* context,
                                                  const v1::PlanOperationRequest* request,
                                                  v1::PlanOperationResponse* response) {
  planned = *request;
  if (operations.plan) return AnswerWith(context, operations.plan, response, *request);
  if (plan.ok()) *response->mutable_plan() = *plan;
  auto* reactor = context->DefaultReactor();
  reactor->Finish(rpc::ToGrpcStatus(IsBusy() ? BusyError() : plan.status()));
  return reactor;
}

grpc::ServerUnaryReactor* FakeNode::StartOperation(grpc::CallbackServerContext* context,
                                                   const v1::StartOperationRequest* request,
                                                   v1::StartOperationResponse* response) {
  if (!IsBusy()) return AnswerWith(context, operations.start, response, *request);
  auto* reactor = context->DefaultReactor();
  reactor->Finish(rpc::ToGrpcStatus(BusyError()));
  return reactor;
}

grpc::ServerUnaryReactor* FakeNode::GetOperation(grpc::CallbackServerContext* context,
                                                 const v1::GetOperationRequest* request,
                                                 v1::GetOperationResponse* response) {
  return AnswerWith(context, operations.get, response, *request);
}

grpc::ServerUnaryReactor* FakeNode::ListOperations(grpc::CallbackServerContext* context,
                                                   const v1::ListOperationsRequest*,
                                                   v1::ListOperationsResponse* response) {
  return AnswerWith(context, operations.list, response);
}

grpc::ServerUnaryReactor* FakeNode::ResumeOperation(grpc::CallbackServerContext* context,
                                                    const v1::ResumeOperationRequest* request,
                                                    v1::ResumeOperationResponse* response) {
  return AnswerWith(context, operations.resume, response, *request);
}

grpc::ServerUnaryReactor* FakeNode::AbortOperation(grpc::CallbackServerContext* context,
                                                   const v1::AbortOperationRequest* request,
                                                   v1::AbortOperationResponse* response) {
  return AnswerWith(context, operations.abort, response, *request);
}

grpc::ServerWriteReactor<v1::VerifyResponse>* FakeNode::Verify(grpc::CallbackServerContext*,
                                                               const v1::VerifyRequest* request) {
  std::vector<v1::VerifyResponse> messages(2);
  messages[0].set_checked(10);
  messages[0].set_total(20);
  for (const v1::VerifyFinding& finding : findings) *messages[1].mutable_result()->add_findings() = finding;
  v1::VerifyResult& result = *messages[1].mutable_result();
  result.set_key_count(store_->key_count());
  if (request->at_revision() != 0) {
    result.mutable_position()->set_revision(request->at_revision());
    result.mutable_position()->set_chain_hash(std::string(32, '\x11'));
    result.set_state_digest(recorded_digest);
  }
  return new ListReactor<v1::VerifyResponse>(std::move(messages), /*stay_open=*/false);
}

grpc::ServerWriteReactor<v1::SalvageFileSummary>* FakeNode::ListSalvage(grpc::CallbackServerContext*,
                                                                        const v1::ListSalvageRequest*) {
  return new ListReactor<v1::SalvageFileSummary>(salvage_files, /*stay_open=*/false);
}

grpc::ServerWriteReactor<v1::ReadSalvageResponse>* FakeNode::ReadSalvage(
    grpc::CallbackServerContext*, const v1::ReadSalvageRequest* request) {
  const auto content = salvage_content.find(request->file());
  if (content != salvage_content.end()) {
    return new ListReactor<v1::ReadSalvageResponse>(content->second, /*stay_open=*/false);
  }
  return new ListReactor<v1::ReadSalvageResponse>(
      {}, /*stay_open=*/false,
      rpc::ToGrpcStatus(MakeError(absl::StatusCode::kNotFound, "SALVAGE_NOT_FOUND",
                                  absl::StrCat("no file ", request->file(), " here"))));
}

}  // namespace holdfast::admin
