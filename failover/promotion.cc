// Up to the EPOCH record: the promises, the highest log, the verdict.
#include "failover/promotion.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/mutants.h"
#include "failover/errors.h"
#include "failover/own_node.h"
#include "replication/epoch_history.h"
#include "replication/store_log.h"
#include "storage/record_codec.h"

namespace holdfast::failover {
namespace {

// How long a node may take to store its promise: one sync.
constexpr absl::Duration kPromiseTimeout = absl::Seconds(2);
// Once the promises are enough, the rest of those who were asked get so long: what they hold is kept too.
constexpr absl::Duration kLateComers = absl::Milliseconds(150);
// And so long if one of them was to vote, and the new epoch is as strong without it: commits may be held up.
constexpr absl::Duration kLateVoters = absl::Milliseconds(500);
constexpr absl::Duration kFetchTimeout = absl::Seconds(5);
constexpr absl::Duration kFetchPause = absl::Milliseconds(100);
constexpr int kFetchAttempts = 3;

}  // namespace

EpochRecord EpochRecordOf(storage::Store& store, const v1::Operation& operation) {
  if (MutantActive(Mutant::kEpochTwice)) return EpochRecord::kNone;
  for (const storage::Milestone& milestone : store.milestones()) {
    if (milestone.epoch && milestone.epoch->operation_id() == operation.operation_id())
      return EpochRecord::kInLog;
  }
  const bool may_be_written = operation.epoch_revision() != 0 ||
                              (operation.steps_size() > 0 && operation.steps().rbegin()->name() == "epoch");
  if (!may_be_written) return EpochRecord::kNone;
  // R7: while the promise is this one and no later epoch is in the log, nothing can have cut the record away.
  const bool stands_still = store.node().promise().operation_id() == operation.operation_id() &&
                            store.appended().revision.epoch() < operation.plan().epoch() &&
                            operation.epoch_revision() == 0;
  return stands_still ? EpochRecord::kNone : EpochRecord::kUnknown;
}

Promotion::Promotion(Options options, v1::Operation operation)
    : options_(std::move(options)), operation_(std::move(operation)) {
  promise_.set_epoch(operation_.plan().epoch());
  promise_.set_candidate_node_id(operation_.plan().candidate());
  promise_.set_candidate_incarnation(options_.store->node().identity().incarnation);
  promise_.set_operation_id(operation_.operation_id());
  promise_.set_operator_name(operation_.operator_name());
  promise_.set_host(operation_.host());
  promise_.set_reason(operation_.reason());
  if (IsSwitchover() || operation_.takes_back()) {
    promise_.mutable_handed_over()->set_node_id(operation_.plan().ending_primary());
    promise_.mutable_handed_over()->set_epoch(operation_.plan().ending_epoch());
  }
}

Promotion::~Promotion() {
  if (begun_ && !has_ended()) options_.replica->SetRunningOperation(std::nullopt);
}

void Promotion::Begin() {
  if (std::exchange(begun_, true)) return;
  started_at_ = step_at_ = options_.clock->SinceBoot();
  operation_.set_state(v1::OPERATION_STATE_RUNNING);
  if (operation_.steps_size() > 0 && operation_.steps().rbegin()->state() == v1::OPERATION_STATE_RUNNING)
    CloseStep(v1::OPERATION_STATE_INCOMPLETE, "interrupted by the end of its process");
  options_.replica->SetRunningOperation(promise_);
  switch (EpochRecordOf(*options_.store, operation_)) {
    case EpochRecord::kNone:
      // After a crash behind the promises there is no primary to be frozen any more; what it holds is
      // harvested.
      return IsSwitchover() && operation_.asked().empty() ? BeginHandOver() : PromiseSelf();
    case EpochRecord::kUnknown:
      return EndSuperseded();
    case EpochRecord::kInLog:
      break;
  }
  for (const storage::Milestone& milestone : options_.store->milestones()) {
    if (milestone.epoch && milestone.epoch->operation_id() == operation_.operation_id())
      operation_.set_epoch_revision(milestone.position.revision.number());
  }
  is_past_return_ = true;
  WaitOpen();
}

void Promotion::BeginHandOver() {
  HandOver::Options options;
  static_cast<NodeParts&>(options) = options_;
  options.primary = operation_.plan().ending_primary();
  options.ending_epoch = operation_.plan().ending_epoch();
  for (const v1::Voter& voter : operation_.plan().new_rule().voters())
    options.next_voters.insert(voter.node_id());
  options.on_step = [this](const std::string& name) {
    StartStep(name);
    Note();
  };
  options.on_step_done = [this](const std::string& detail) { EndStep(detail); };
  hand_over_ = std::make_unique<HandOver>(std::move(options), [this](const absl::Status& status) {
    // A full journal may have ended it on the way.
    if (has_ended()) return;
    if (!status.ok()) return End(v1::OPERATION_STATE_ROLLED_BACK, status);
    PromiseSelf();
  });
  hand_over_->Begin();
}

void Promotion::PromiseSelf() {
  StartStep("promise-self");
  if (!Note()) return;
  const absl::StatusOr<v1::PromiseResponse> own = options_.replica->AcceptPromise(Request());
  if (!own.ok()) {
    // An earlier run of it may have asked others; this one has not.
    const bool was_begun = operation_.asked_size() > 0;
    return End(was_begun ? v1::OPERATION_STATE_ROLLED_BACK : v1::OPERATION_STATE_REFUSED, own.status());
  }
  promised_[promise_.candidate_node_id()] = *own;
  EndStep(absl::StrCat("epoch ", promise_.epoch()));
  if (MutantActive(Mutant::kResumedUnasked) && operation_.asked_size() > 0) return Harvest();
  AskPromises();
}

void Promotion::AskPromises() {
  StartStep("promises");
  const std::vector<v1::NodeInfo> members = NodesToAsk(*options_.replica);
  operation_.clear_asked();
  for (const v1::NodeInfo& member : members) {
    if (member.node_id() != promise_.candidate_node_id()) operation_.add_asked(member.node_id());
  }
  if (!Note()) return;
  step_life_.Renew();
  promises_open_ = 1;  // this call itself
  for (const v1::NodeInfo& member : members) {
    if (member.node_id() == promise_.candidate_node_id()) continue;
    ++promises_open_;
    options_.transport->Promise(
        member.peer_address(), Request(), kPromiseTimeout,
        step_life_.Wrap(
            [this, member](const absl::StatusOr<v1::PromiseResponse>& said) { OnPromise(member, said); }));
  }
  if (--promises_open_ == 0) JudgePromises();
}

void Promotion::OnPromise(const v1::NodeInfo& member, const absl::StatusOr<v1::PromiseResponse>& said) {
  --promises_open_;
  if (said.ok()) {
    promised_[member.node_id()] = *said;
  } else {
    refused_[member.node_id()] = said.status();
  }
  if (promises_open_ == 0) return JudgePromises();
  if (!IsEnough()) return;
  const absl::Duration last_call = HaveVotersAnswered() ? kLateComers : kLateVoters;
  if (last_call >= std::exchange(last_call_, std::min(last_call_, last_call))) return;
  options_.strand->PostAfter(last_call, step_life_.Wrap([this] { JudgePromises(); }));
}

void Promotion::JudgePromises() {
  step_life_.Renew();
  EndStep(absl::StrCat(promised_.size(), " of ", operation_.asked_size() + 1, " nodes have promised"));
  // Before anything is cut: a person chooses between branches that somebody relies on (R20).
  if (const Branches branches = BranchesOf(Words()); !branches.open.ok())
    return End(v1::OPERATION_STATE_ROLLED_BACK, branches.open);
  Harvest();
}

// ---- R6 ----

void Promotion::Harvest() {
  const std::vector<v1::PromiseResponse> words = Words();
  const Branches branches = BranchesOf(words);
  if (!branches.open.ok()) return End(v1::OPERATION_STATE_ROLLED_BACK, branches.open);
  const v1::PromiseResponse* const highest =
      Highest(OnKeptBranch(Candidate(), branches), words, branches.left);
  if (highest == nullptr) {
    if (IsIn("harvest")) {
      EndStep(absl::StrCat(operation_.harvested(), " records of '", operation_.harvested_from(),
                           "', verified by hash and digest"));
    }
    return JudgeAgain();
  }
  const std::string from = highest->node_id();
  if (!IsIn("harvest")) {
    StartStep("harvest");
    operation_.set_harvested_from(from);
    if (!Note()) return;
  } else if (operation_.harvested_from() != from) {
    operation_.set_harvested_from(absl::StrCat(operation_.harvested_from(), ", ", from));
  }
  Fetch(from);
}

void Promotion::Fetch(const std::string& from) {
  v1::FetchRecordsRequest request;
  request.set_cluster_id(options_.store->node().identity().cluster_id);
  *request.mutable_promise() = promise_;
  const Position end = options_.store->appended();
  for (const Position& known : replication::HistoryOf(*options_.store, end.revision)
                                   .KnownEnds(replication::StoreLog(options_.store, end)))
    *request.add_epoch_ends() = storage::ToProto(known);
  options_.transport->FetchRecords(
      PeerAddressOf(*options_.replica, from), request, kFetchTimeout,
      step_life_.Wrap([this, from](absl::StatusOr<v1::FetchRecordsResponse> fetched) {
        OnRecords(from, std::move(fetched));
      }));
}

void Promotion::OnRecords(const std::string& from, absl::StatusOr<v1::FetchRecordsResponse> fetched) {
  if (!fetched.ok()) return OnCannotGive(from, fetched.status());
  if (fetched->records().records_size() == 0) return OnCannotGive(from, NothingFetchedError(from));
  const Position ancestor = storage::FromProto(fetched->ancestor()).value_or(Position());
  const absl::StatusOr<Position> reached =
      options_.replica->AppendHarvested(promise_.epoch(), ancestor, fetched->records(),
                                        /*by_name=*/!operation_.plan().overrides().choose_branch().empty());
  // What it sent is damaged; anything else is this node's own trouble, and nobody else's records help.
  if (ReasonOf(reached.status()) == "CHAIN_BROKEN") return OnCannotGive(from, reached.status());
  if (!reached.ok()) return End(v1::OPERATION_STATE_ROLLED_BACK, reached.status());
  operation_.set_harvested(operation_.harvested() + fetched->records().records_size());
  fetch_failures_.erase(from);
  Harvest();
}

// Asked a few times. Afterwards it is as if it had not promised: R6 speaks of the promises that are counted,
// and without this one the rest may prove as much.
void Promotion::OnCannotGive(const std::string& from, const absl::Status& why) {
  if (++fetch_failures_[from] < kFetchAttempts) {
    options_.strand->PostAfter(kFetchPause, step_life_.Wrap([this, from] { Fetch(from); }));
    return;
  }
  cannot_give_.insert(from);
  operation_.clear_cannot_give();
  for (const std::string& node_id : cannot_give_) operation_.add_cannot_give(node_id);
  CloseStep(v1::OPERATION_STATE_INCOMPLETE,
            absl::StrCat("'", from, "' cannot give its records, so its promise does not count: ",
                         std::string(why.message())));
  Harvest();
}

// ---- The point of no return ----

void Promotion::JudgeAgain() {
  StartStep("judge");
  if (!Note()) return;
  const v1::Verdict verdict = Verdict();
  *operation_.mutable_verdict() = verdict;
  if (!HasHandedOver()) return End(v1::OPERATION_STATE_ROLLED_BACK, WhyNotHandedOver());
  if (!IsAsGoodAsConfirmed(verdict)) return End(v1::OPERATION_STATE_ROLLED_BACK, WhyWorse(verdict));
  if (IsLeftBehind()) return End(v1::OPERATION_STATE_ROLLED_BACK, VerdictWorseError(verdict, AnotherPlan()));
  const v1::DurabilityRule rule = NewRule();
  if (rule.quorum() < operation_.plan().new_rule().quorum() && !MutantActive(Mutant::kVerdictNotKept)) {
    return End(v1::OPERATION_STATE_ROLLED_BACK,
               WeakerRuleError(rule.quorum(), operation_.plan().new_rule().quorum(), AnotherPlan()));
  }
  EndStep(verdict.says());
  AppendEpoch();
}

void Promotion::AppendEpoch() {
  StartStep("epoch");
  if (!Note()) return;
  const Revision before = options_.store->appended().revision;
  // Answers later, when the record is committed; or at once, but never from within, if it is refused.
  options_.replica->BeginEpoch(promise_.epoch(), EpochDraft(operation_.verdict()),
                               step_life_.Wrap([this](const absl::Status& status) {
                                 if (!is_past_return_) return End(v1::OPERATION_STATE_ROLLED_BACK, status);
                                 if (IsIn("open")) LookWhetherOpen();
                               }));
  const Revision now = options_.store->appended().revision;
  if (now == before) return;  // refused: the answer says why
  is_past_return_ = true;
  epoch_at_ = options_.clock->SinceBoot();
  operation_.set_epoch_revision(now.number());
  EndStep(absl::StrCat("EPOCH record ", now.ToString()));
  WaitOpen();
}

absl::Status Promotion::Abort() {
  if (has_ended())
    return OperationEndedError(operation_.operation_id(), v1::OperationState_Name(operation_.state()));
  if (is_past_return_) return PastReturnError(operation_.operation_id());
  End(v1::OPERATION_STATE_ROLLED_BACK, AbortedError(operation_.operation_id()));
  return absl::OkStatus();
}

}  // namespace holdfast::failover
