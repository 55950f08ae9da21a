#include "failover/operations.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/failpoint.h"
#include "base/status_macros.h"
#include "base/uuid.h"
#include "failover/errors.h"
#include "failover/own_node.h"
#include "replication/store_log.h"
#include "storage/record_codec.h"

namespace holdfast::failover {
namespace {

// Who was silent when a plan was made is asked again with less patience when it is carried out.
constexpr absl::Duration kRemembersSilence = absl::Minutes(1);
// Who could not give its records to an operation is mended, or asked once more, after so long. By the wall
// clock: one that jumps makes the next plan say less, or more, than the promises will prove, no worse.
constexpr absl::Duration kRemembersCannotGive = absl::Minutes(10);

}  // namespace

Operations::Operations(Options options)
    : options_(std::move(options)),
      journal_(&options_.store->node()),
      gatherer_(options_),
      hand_back_({options_, [this](const v1::EpochPromise& given) { return TakeBack(given); }}),
      herald_(options_),
      settlement_({options_, options_.append}),
      // Above what another process of this node has counted to, as long as clocks go forward.
      changes_(static_cast<uint64_t>(absl::ToUnixMicros(options_.clock->Now()))) {}

Operations::~Operations() { Stop(); }

void Operations::Start() {
  hand_back_.Look();
  herald_.Start();
  settlement_.Start();
  const absl::StatusOr<std::vector<v1::Operation>> operations = journal_.List();
  if (!operations.ok() || operations->empty()) return;
  const v1::Operation& newest = operations->front();
  const bool is_written = EpochRecordOf(*options_.store, newest) != EpochRecord::kNone;
  if (newest.state() == v1::OPERATION_STATE_RUNNING && is_written) Drive(newest);
}

void Operations::Stop() {
  is_stopped_ = true;
  hand_back_.Stop();
  herald_.Stop();
  settlement_.Stop();
  driven_.reset();
  answers_.AnswerAll(StoppedError());
  for (const auto& waiter : std::exchange(waiters_, {})) {
    options_.strand->Cancel(waiter->timer);
    waiter->done(StoppedError());
  }
}

void Operations::MakePlanNow(v1::OperationKind kind, const v1::Overrides& overrides,
                             const v1::Vantage& command, const std::set<std::string>& as_if_gone,
                             std::function<void(v1::Plan)> done) {
  asker_ = Asker::kOperator;
  if (options_.clock->SinceBoot() - planned_at_ > kRemembersSilence) silent_.clear();
  gatherer_.Gather(command, silent_,
                   [this, kind, overrides, as_if_gone, done = std::move(done)](v1::ClusterView view) {
                     asker_ = Asker::kNobody;
                     if (is_stopped_) return;  // whoever waits has been told
                     planned_at_ = options_.clock->SinceBoot();
                     silent_.clear();
                     for (const v1::NodeView& node : view.nodes()) {
                       if (!node.reached()) silent_.insert(node.member().node_id());
                     }
                     done(MakePlan(InputOf(kind, overrides, WithoutNodes(std::move(view), as_if_gone))));
                   });
}

PlanInput Operations::InputOf(v1::OperationKind kind, const v1::Overrides& overrides,
                              v1::ClusterView view) const {
  PlanInput input;
  input.kind = kind;
  input.overrides = overrides;
  input.candidate = OwnLog(*options_.store, *options_.replica);
  for (const v1::NodeInfo& member : options_.replica->nodes()) {
    if (member.node_id() == input.candidate.self.node_id) input.self = member;
  }
  if (const auto loan = options_.replica->held_loan()) {
    input.self.set_slot(loan->slot());
    input.self.set_incarnation(loan->incarnation());
  }
  const replication::ReplicaView seen = options_.replica->view();
  if (!seen.not_serving_reason.empty()) input.self_is_sound = UnsoundError(seen.not_serving_reason);
  input.self_promised = options_.store->node().promise().epoch();
  input.self_role = seen.role;
  const auto epoch = replication::NewestEpoch(*options_.store);
  if (epoch && epoch->epoch) input.newest_epoch = *epoch->epoch;
  // A node that could not give its records a moment ago most likely still cannot: then it is said beforehand.
  if (const auto known = journal_.List(); known.ok() && !known->empty()) {
    const v1::Operation& last = known->front();
    const absl::Duration ago = options_.clock->Now() - absl::FromUnixSeconds(last.started().seconds());
    if (last.error_reason() == "VERDICT_WORSE" && absl::AbsDuration(ago) < kRemembersCannotGive)
      input.cannot_give = {last.cannot_give().begin(), last.cannot_give().end()};
  }
  input.disk_free_bytes = options_.files->FreeBytes(options_.store->options().data_dir).value_or(0);
  input.view = std::move(view);
  return input;
}

void Operations::Plan(const v1::PlanOperationRequest& request,
                      std::function<void(absl::StatusOr<v1::PlanOperationResponse>)> done) {
  if (is_stopped_) return done(StoppedError());
  if (asker_ == Asker::kOperator) return done(PlanningError());
  done = answers_.Keep(std::move(done));
  MakePlanNow(request.kind(), request.overrides(), request.command(),
              {request.as_if_gone().begin(), request.as_if_gone().end()},
              [done = std::move(done)](v1::Plan plan) {
                v1::PlanOperationResponse response;
                *response.mutable_plan() = std::move(plan);
                done(std::move(response));
              });
}

void Operations::Begin(const v1::StartOperationRequest& request,
                       std::function<void(absl::StatusOr<v1::StartOperationResponse>)> done) {
  if (is_stopped_) return done(StoppedError());
  if (IsRunning()) return done(OperationRunningError(driven_->operation()));
  if (asker_ == Asker::kOperator) return done(PlanningError());
  done = answers_.Keep(std::move(done));
  MakePlanNow(request.kind(), request.overrides(), request.command(), {},
              [this, request, done = std::move(done)](v1::Plan plan) {
                if (IsRunning()) return done(OperationRunningError(driven_->operation()));
                if (const absl::Status refused = WhyRefused(plan); !refused.ok()) return done(refused);
                if (plan.plan_id() != request.plan_id())
                  return done(PlanChangedError(request.plan_id(), plan));
                v1::Operation operation = MakeOperation(std::move(plan));
                operation.set_operator_name(request.operator_name());
                operation.set_host(request.host());
                operation.set_reason(request.reason());
                HOLDFAST_FAILPOINT("operation.before-begin");
                if (const absl::Status noted = journal_.Put(operation); !noted.ok()) return done(noted);
                HOLDFAST_FAILPOINT("operation.after-begin");
                v1::StartOperationResponse response;
                *response.mutable_operation() = operation;
                done(std::move(response));
                Drive(std::move(operation));
              });
}

v1::Operation Operations::MakeOperation(v1::Plan plan) const {
  v1::Operation operation;
  operation.set_operation_id(UuidToString(NewUuid7(*options_.clock, *options_.random)));
  *operation.mutable_plan() = std::move(plan);
  // Who saw whom has been weighed, and would be journaled at each step.
  operation.mutable_plan()->mutable_view()->clear_command();
  for (v1::NodeView& node : *operation.mutable_plan()->mutable_view()->mutable_nodes()) node.clear_vantage();
  operation.set_state(v1::OPERATION_STATE_RUNNING);
  const int64_t now_us = absl::ToUnixMicros(options_.clock->Now());
  operation.mutable_started()->set_seconds(now_us / 1'000'000);
  operation.mutable_started()->set_nanos(static_cast<int32_t>(now_us % 1'000'000 * 1000));
  return operation;
}

bool Operations::TakeBack(const v1::EpochPromise& given) {
  if (is_stopped_ || asker_ != Asker::kNobody || IsRunning()) return false;
  asker_ = Asker::kTakeBack;
  gatherer_.Gather({}, {}, [this, given](v1::ClusterView view) {
    asker_ = Asker::kNobody;
    if (is_stopped_ || IsRunning()) return;  // resumed meanwhile
    PlanInput input = InputOf(v1::OPERATION_KIND_PROMOTE_IN_PLACE, {}, std::move(view));
    input.instead_of = given.operation_id();
    v1::Plan plan = MakePlan(input);
    if (!plan.admissible() || input.self_role != v1::NODE_ROLE_SUSPENDED) return;
    v1::Operation operation = MakeOperation(std::move(plan));
    operation.set_takes_back(true);
    operation.set_operator_name(given.operator_name());
    operation.set_host(given.host());
    operation.set_reason(absl::StrCat("the hand-over ", given.operation_id(), " did not come to its end"));
    if (journal_.Put(operation).ok()) Drive(std::move(operation));
  });
  return true;
}

void Operations::Drive(v1::Operation operation) {
  Promotion::Options options{options_, &journal_, {}};
  options.on_change = [this](const v1::Operation& now) {
    ++changes_;
    if (options_.on_change) options_.on_change(now);
    AnswerWaiters();
  };
  driven_ = std::make_unique<Promotion>(std::move(options), std::move(operation));
  driven_->Begin();
}

bool Operations::IsDriven(absl::string_view operation_id) const {
  return IsRunning() && driven_->operation().operation_id() == operation_id;
}

absl::StatusOr<v1::Operation> Operations::Named(absl::string_view operation_id) const {
  HF_ASSIGN_OR_RETURN(std::vector<v1::Operation> operations, journal_.List());
  std::erase_if(operations, [&](const v1::Operation& operation) {
    return !absl::StartsWith(operation.operation_id(), operation_id);
  });
  if (operations.empty()) return OperationNotFoundError(operation_id);
  if (operations.size() > 1 && !operation_id.empty()) return AmbiguousOperationError(operation_id);
  if (driven_ != nullptr && driven_->operation().operation_id() == operations.front().operation_id())
    return driven_->operation();
  return operations.front();
}

v1::GetOperationResponse Operations::Answer(v1::Operation operation) const {
  v1::GetOperationResponse response;
  response.set_is_driven(IsDriven(operation.operation_id()));
  *response.mutable_operation() = std::move(operation);
  response.set_changes(changes_);
  return response;
}

void Operations::Get(const v1::GetOperationRequest& request, absl::Duration deadline,
                     std::function<void(absl::StatusOr<v1::GetOperationResponse>)> done) {
  absl::StatusOr<v1::Operation> operation = Named(request.operation_id());
  if (!operation.ok()) return done(operation.status());
  if (request.seen_changes() != changes_ || !IsDriven(operation->operation_id()))
    return done(Answer(*std::move(operation)));
  auto waiter = std::make_shared<Waiter>();
  waiter->operation_id = operation->operation_id();
  waiter->seen = request.seen_changes();
  waiter->done = std::move(done);
  const absl::Duration patience = std::max(deadline - options_.clock->SinceBoot(), absl::ZeroDuration());
  waiter->timer = options_.strand->PostAfter(patience, [this, weak = std::weak_ptr<Waiter>(waiter)] {
    if (const auto late = weak.lock()) late->seen = 0;
    AnswerWaiters();
  });
  waiters_.push_back(std::move(waiter));
}

void Operations::AnswerWaiters() {
  std::vector<std::shared_ptr<Waiter>> ready;
  for (const auto& waiter : waiters_) {
    if (waiter->seen != changes_ || !IsDriven(waiter->operation_id)) ready.push_back(waiter);
  }
  for (const auto& waiter : ready) {
    options_.strand->Cancel(waiter->timer);
    waiters_.erase(std::find(waiters_.begin(), waiters_.end(), waiter));
    absl::StatusOr<v1::Operation> operation = Named(waiter->operation_id);
    operation.ok() ? waiter->done(Answer(*std::move(operation))) : waiter->done(operation.status());
  }
}

absl::StatusOr<v1::ListOperationsResponse> Operations::List() const {
  HF_ASSIGN_OR_RETURN(const std::vector<v1::Operation> operations, journal_.List());
  v1::ListOperationsResponse response;
  for (const v1::Operation& operation : operations) {
    *response.add_operations() = IsDriven(operation.operation_id()) ? driven_->operation() : operation;
  }
  return response;
}

absl::StatusOr<v1::ResumeOperationResponse> Operations::Resume(const v1::ResumeOperationRequest& request) {
  if (is_stopped_) return StoppedError();
  HF_ASSIGN_OR_RETURN(v1::Operation operation, Named(request.operation_id()));
  const bool is_open = operation.state() == v1::OPERATION_STATE_RUNNING ||
                       operation.state() == v1::OPERATION_STATE_INCOMPLETE ||
                       operation.state() == v1::OPERATION_STATE_UNKNOWN;
  if (!is_open)
    return OperationEndedError(operation.operation_id(), v1::OperationState_Name(operation.state()));
  if (!IsDriven(operation.operation_id())) {
    if (IsRunning()) return OperationRunningError(driven_->operation());
    Drive(std::move(operation));
  }
  v1::ResumeOperationResponse response;
  *response.mutable_operation() = driven_->operation();
  return response;
}

absl::StatusOr<v1::AbortOperationResponse> Operations::Abort(const v1::AbortOperationRequest& request) {
  HF_ASSIGN_OR_RETURN(v1::Operation operation, Named(request.operation_id()));
  v1::AbortOperationResponse response;
  if (IsDriven(operation.operation_id())) {
    HF_RETURN_IF_ERROR(driven_->Abort());
    *response.mutable_operation() = driven_->operation();
    return response;
  }
  if (operation.state() != v1::OPERATION_STATE_RUNNING)
    return OperationEndedError(operation.operation_id(), v1::OperationState_Name(operation.state()));
  // Nobody drives it: its process has ended before the EPOCH record, or Start would have gone on with it.
  if (EpochRecordOf(*options_.store, operation) != EpochRecord::kNone)
    return PastReturnError(operation.operation_id());
  operation.set_state(v1::OPERATION_STATE_ROLLED_BACK);
  operation.set_error(std::string(AbortedError(operation.operation_id()).message()));
  operation.set_error_reason("ABORTED");
  if (options_.store->node().promise().operation_id() == operation.operation_id())
    operation.add_promises_left(options_.store->node().identity().node_id);
  operation.mutable_promises_left()->MergeFrom(operation.asked());
  HF_RETURN_IF_ERROR(journal_.Put(operation));
  *response.mutable_operation() = std::move(operation);
  return response;
}

absl::StatusOr<v1::RejoinResponse> Operations::Rejoin() {
  v1::RejoinResponse response;
  *response.mutable_appended() = storage::ToProto(options_.store->appended());
  const v1::NodeRole role = options_.replica->view().role;
  if (role == v1::NODE_ROLE_STANDBY) return response;
  HF_RETURN_IF_ERROR(options_.replica->Rejoin());
  response.set_changed(true);
  return response;
}

}  // namespace holdfast::failover
