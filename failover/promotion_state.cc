// What a promotion knows at any step: the arithmetic's input, and the books.
#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/failpoint.h"
#include "base/mutants.h"
#include "failover/errors.h"
#include "failover/own_node.h"
#include "failover/plan.h"
#include "failover/promotion.h"
#include "failover/rival.h"
#include "failover/settlement.h"
#include "replication/inventory.h"
#include "storage/proto_time.h"
#include "storage/record_codec.h"

namespace holdfast::failover {
namespace {

// These say that there is no promise; any other failure leaves it open.
bool IsRefusal(const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  return reason == "LOWER_EPOCH" || reason == "PROMISED_ELSEWHERE" || reason == "WRONG_CLUSTER";
}

// Voters without whose promise the verdict was made, of any rule.
std::set<std::string> MissingIn(const v1::Verdict& verdict) {
  std::set<std::string> missing;
  for (const v1::RuleCount& count : verdict.rules()) {
    for (const v1::MissingVoter& voter : count.missing()) missing.insert(voter.node_id());
  }
  return missing;
}

// A rule that the promises do not meet. A spell of q = 0 needs no acknowledgement of the new record, so there
// is nothing to waive.
bool IsWaived(const v1::RuleCount& count) {
  return count.rule().quorum() > 0 && static_cast<uint32_t>(count.promised_size()) < count.needed();
}

}  // namespace

CandidateLog Promotion::Candidate() const { return OwnLog(*options_.store, *options_.replica); }

std::vector<v1::PromiseResponse> Promotion::Words(Givers givers) const {
  std::vector<v1::PromiseResponse> words;
  for (const auto& [node_id, said] : promised_) {
    if (givers == Givers::kOnly && cannot_give_.contains(node_id)) continue;
    words.push_back(said);
    if (node_id != promise_.candidate_node_id()) continue;
    // Its own log grows while it harvests.
    v1::PromiseRequest look = Request();
    look.set_inspect(true);
    if (auto own = options_.replica->AcceptPromise(look); own.ok()) words.back() = *std::move(own);
  }
  return words;
}

Branches Promotion::BranchesOf(const std::vector<v1::PromiseResponse>& words) const {
  return FindBranches(promise_.candidate_node_id(), words, operation_.plan().overrides().choose_branch());
}

v1::Verdict Promotion::Verdict() const {
  const std::vector<v1::PromiseResponse> words = Words();
  const Branches branches = BranchesOf(words);
  const CandidateLog candidate = Candidate();
  // What has been promised can be had, until it shows that it cannot.
  const v1::PromiseResponse* const highest = Highest(OnKeptBranch(candidate, branches), words, branches.left);
  const Position reachable =
      highest == nullptr ? candidate.appended : storage::FromProto(highest->appended()).value_or(Position());
  v1::Verdict verdict = JudgeBranches(candidate, words, branches, reachable);
  if (operation_.plan().kind() == v1::OPERATION_KIND_PROMOTE_IN_PLACE)
    SayInPlace(promise_.candidate_node_id(), &verdict);
  if (verdict.kind() != v1::VERDICT_KIND_UNKNOWN || cannot_give_.empty()) return verdict;
  // Who has promised and cannot give its records bounds at least how many there are.
  const std::vector<v1::PromiseResponse> all = Words(Givers::kAndOthers);
  v1::Verdict bounded = JudgeBranches(candidate, all, BranchesOf(all), reachable);
  return bounded.kind() == v1::VERDICT_KIND_BOUNDED ? bounded : verdict;
}

std::string Promotion::AnotherPlan() const {
  const v1::Plan& plan = operation_.plan();
  return absl::StrCat(CommandAgain(plan.kind(), plan.candidate(), plan.overrides()), " --dry-run");
}

absl::Status Promotion::WhyWorse(const v1::Verdict& verdict) const {
  if (verdict.kind() != v1::VERDICT_KIND_BOUNDED || IsSwitchover())
    return VerdictWorseError(verdict, AnotherPlan());
  v1::Overrides overrides = operation_.plan().overrides();
  overrides.set_accept_loss(verdict.lost_at_most());
  return CannotBeHadError(verdict,
                          CommandAgain(operation_.plan().kind(), operation_.plan().candidate(), overrides));
}

bool Promotion::IsAsGoodAsConfirmed(const v1::Verdict& verdict) const {
  if (MutantActive(Mutant::kVerdictNotKept)) return true;
  if (MutantActive(Mutant::kResumedUnasked) && promised_.size() == 1) return true;
  if (!verdict.other_branch().empty()) return false;
  const v1::Verdict& confirmed = operation_.plan().verdict();
  const v1::Overrides& overrides = operation_.plan().overrides();
  switch (verdict.kind()) {
    case v1::VERDICT_KIND_PROVEN:
      return true;
    case v1::VERDICT_KIND_BOUNDED:
      return (overrides.has_accept_loss() && verdict.lost_at_most() <= overrides.accept_loss()) ||
             confirmed.kind() == v1::VERDICT_KIND_UNKNOWN;
    default:
      break;
  }
  if (overrides.accept_unknown_loss()) return true;
  // In place: somebody answers for the sites of those who were missing, and for nobody else.
  const std::set<std::string> answered_for = MissingIn(confirmed);
  const std::set<std::string> missing = MissingIn(verdict);
  return confirmed.kind() == v1::VERDICT_KIND_UNKNOWN &&
         std::includes(answered_for.begin(), answered_for.end(), missing.begin(), missing.end());
}

// What was confirmed can be carried out: the verdict is as good, and the new rule as strong.
bool Promotion::IsEnough() const {
  return HasHandedOver() && IsAsGoodAsConfirmed(Verdict()) &&
         NewRule().quorum() >= operation_.plan().new_rule().quorum();
}

// Whoever of them is left out weakens the new epoch for as long as it lasts.
bool Promotion::HaveVotersAnswered() const {
  const auto& voters = operation_.plan().new_rule().voters();
  return std::all_of(voters.begin(), voters.end(), [this](const v1::Voter& voter) {
    return promised_.contains(voter.node_id()) || refused_.contains(voter.node_id());
  });
}

// Since the plan was confirmed somebody has gone on in a later epoch, and what they have cannot be had. No
// override spoke of that: it would end an epoch that nobody meant (R20).
bool Promotion::IsLeftBehind() const {
  const uint64_t known =
      std::max(operation_.plan().ending_epoch(), options_.store->appended().revision.epoch());
  return std::any_of(promised_.begin(), promised_.end(), [known](const auto& promised) {
    return Revision(promised.second.appended().revision()).epoch() > known;
  });
}

// A primary that has not promised could still acknowledge.
bool Promotion::HasHandedOver() const {
  return !IsSwitchover() || promised_.contains(operation_.plan().ending_primary());
}

absl::Status Promotion::WhyNotHandedOver() const {
  const std::string& primary = operation_.plan().ending_primary();
  const auto refused = refused_.find(primary);
  if (refused == refused_.end() || IsRefusal(refused->second)) return NotHandedOverError(primary);
  return MayHaveHandedOverError(primary, refused->second);
}

v1::DurabilityRule Promotion::NewRule() const {
  std::vector<NewVoter> voters;
  std::string site;
  for (const v1::NodeInfo& member : options_.replica->nodes()) {
    if (member.node_id() == promise_.candidate_node_id()) site = member.site();
    const auto said = promised_.find(member.node_id());
    if (said == promised_.end() || !WillFollow(said->second)) continue;
    voters.push_back({member.node_id(), said->second.incarnation(), member.site(),
                      member.kind() == v1::NODE_KIND_PROXY,
                      storage::FromProto(said->second.appended()).value_or(Position())});
  }
  return RuleForNewEpoch(Candidate(), site, IsSwitchover(), voters, options_.store->appended());
}

storage::RecordDraft Promotion::EpochDraft(const v1::Verdict& verdict) const {
  storage::RecordDraft draft;
  draft.kind = v1::RECORD_KIND_EPOCH;
  draft.epoch.emplace();
  draft.epoch->set_node_id(promise_.candidate_node_id());
  draft.epoch->set_incarnation(promise_.candidate_incarnation());
  draft.epoch->set_operation_id(operation_.operation_id());
  draft.epoch->set_operator_name(operation_.operator_name());
  draft.epoch->set_host(operation_.host());
  draft.epoch->set_reason(operation_.reason());
  for (const std::string& override : OverridesAsTyped(operation_.plan().overrides()))
    draft.epoch->add_overrides(override);
  // R20: what could not be asked is waived by name; the note of it stays until its voters have come.
  const std::vector<v1::DurabilityRule> waived = Waived(verdict);
  for (const v1::DurabilityRule& rule : waived) *draft.epoch->add_waived_rules() = rule;
  draft.rule = NewRule();
  v1::ClusterInfo cluster = options_.replica->cluster();
  cluster.set_epoch(promise_.epoch());
  cluster.set_primary_node_id(promise_.candidate_node_id());
  *cluster.mutable_rule() = *draft.rule;
  // R19: a spell belongs to the primary that wrote it, which alone measures its time.
  cluster.clear_spell();
  v1::RuleOrigin& origin = *cluster.mutable_rule_origin();
  origin.set_set_at_us(absl::ToUnixMicros(options_.clock->Now()));
  origin.set_operator_name(operation_.operator_name());
  origin.set_host(operation_.host());
  origin.set_reason(
      absl::StrCat("epoch ", promise_.epoch(), operation_.reason().empty() ? "" : ": ", operation_.reason()));
  const auto put = [&draft](std::string key, std::string value) {
    v1::Change& change = draft.changes.emplace_back();
    change.set_key(std::move(key));
    change.set_value(std::move(value));
  };
  put(std::string(replication::kClusterKey), replication::ToJson(cluster));
  if (const std::optional<v1::SlotLoan> loan = options_.replica->held_loan()) {
    // R3: the slot that was lent is the candidate's own from here on. Members are in node id order, as keys
    // are.
    for (v1::NodeInfo member : options_.replica->nodes()) {
      if (member.node_id() != loan->node_id() && member.node_id() != loan->lender_node_id()) continue;
      const bool borrows = member.node_id() == loan->node_id();
      member.clear_slot();
      if (borrows) member.set_slot(loan->slot());
      member.set_incarnation(borrows ? loan->incarnation() : "");
      put(replication::NodeKey(member.node_id()), replication::ToJson(member));
    }
  }
  const Revision revision(promise_.epoch(), options_.store->appended().revision.index() + 1);
  v1::UnsettledEpoch note = NoteOfWaived(revision, waived, options_.replica->nodes());
  NoteAdopted({promise_.candidate_node_id(), promise_.candidate_incarnation()}, &note);
  if (!IsSettled(note)) put(replication::UnsettledKey(promise_.epoch()), replication::ToJson(note));
  return draft;
}

// The rules that the promises do not meet, and those of branches that were left by name: whoever votes under
// them may go on without knowing.
std::vector<v1::DurabilityRule> Promotion::Waived(const v1::Verdict& verdict) const {
  std::vector<v1::DurabilityRule> waived;
  for (const v1::RuleCount& count : verdict.rules()) {
    if (verdict.kind() == v1::VERDICT_KIND_UNKNOWN && IsWaived(count) &&
        !MutantActive(Mutant::kWaiverForgotten))
      waived.push_back(count.rule());
  }
  for (const v1::DurabilityRule& rule : BranchesOf(Words()).left_rules) {
    const std::string bytes = rule.SerializeAsString();
    // One that the kept log has too is judged there.
    const bool is_judged =
        std::any_of(verdict.rules().begin(), verdict.rules().end(),
                    [&](const v1::RuleCount& count) { return count.rule().SerializeAsString() == bytes; });
    if (!is_judged) waived.push_back(rule);
  }
  return waived;
}

v1::PromiseRequest Promotion::Request() const {
  v1::PromiseRequest request;
  request.set_cluster_id(options_.store->node().identity().cluster_id);
  *request.mutable_promise() = promise_;
  request.set_describe_log(true);
  return request;
}

// ---- The books ----

void Promotion::StartStep(const std::string& name) {
  step_at_ = options_.clock->SinceBoot();
  v1::OperationStep& step = *operation_.add_steps();
  step.set_name(name);
  step.set_state(v1::OPERATION_STATE_RUNNING);
  storage::FillDuration(step_at_ - started_at_, step.mutable_began());
}

void Promotion::EndStep(const std::string& detail) {
  CloseStep(v1::OPERATION_STATE_DONE, detail);
  HOLDFAST_FAILPOINT(absl::StrCat("promotion.after-step.", operation_.steps().rbegin()->name()));
}

void Promotion::CloseStep(v1::OperationState state, const std::string& detail) {
  v1::OperationStep& step = *operation_.mutable_steps()->rbegin();
  step.set_state(state);
  step.set_detail(detail);
  storage::FillDuration(options_.clock->SinceBoot() - step_at_, step.mutable_took());
}

bool Promotion::IsIn(const std::string& name) const {
  return operation_.steps_size() > 0 && operation_.steps().rbegin()->name() == name &&
         operation_.steps().rbegin()->state() == v1::OPERATION_STATE_RUNNING;
}

bool Promotion::Note() {
  HOLDFAST_FAILPOINT(absl::StrCat("promotion.before-note.", operation_.steps().rbegin()->name()));
  const absl::Status noted = options_.journal->Put(operation_);
  HOLDFAST_FAILPOINT(absl::StrCat("promotion.after-note.", operation_.steps().rbegin()->name()));
  if (!noted.ok()) {
    // Behind the point of no return a journal that cannot be written stops nothing: the log has the record.
    if (!is_past_return_) {
      End(v1::OPERATION_STATE_ROLLED_BACK, noted);
      return false;
    }
  }
  if (options_.on_change) options_.on_change(operation_);
  return true;
}

void Promotion::NamePromisesLeft() {
  operation_.clear_promises_left();
  if (options_.store->node().promise().operation_id() == operation_.operation_id())
    operation_.add_promises_left(promise_.candidate_node_id());
  for (const std::string& node_id : operation_.asked()) {
    const auto refused = refused_.find(node_id);
    if (refused == refused_.end() || !IsRefusal(refused->second)) operation_.add_promises_left(node_id);
  }
}

// Somebody else's operation has promises that this one needs: that is why, whatever failed first.
absl::Status Promotion::WhyReally(const absl::Status& why) const {
  const std::string reason = ReasonOf(why);
  const bool may_be_rival = reason == "LOWER_EPOCH" || reason == "PROMISED_ELSEWHERE" ||
                            reason == "VERDICT_WORSE" || reason == "DEADLINE";
  if (!may_be_rival) return why;
  std::optional<v1::EpochPromise> other = OtherPromise(*options_.store, operation_.operation_id());
  for (auto refused = refused_.begin(); !other && refused != refused_.end(); ++refused)
    other = PromiseNamedIn(refused->second);
  if (!other || other->epoch() < promise_.epoch() || other->operation_id() == operation_.operation_id())
    return why;
  return OvertakenError(promise_.epoch(), *other);
}

void Promotion::End(v1::OperationState state, const absl::Status& cause) {
  const absl::Status why = WhyReally(cause);
  step_life_.Renew();
  look_life_.Renew();
  operation_.set_state(state);
  if (!why.ok()) {
    if (operation_.steps_size() > 0 && operation_.steps().rbegin()->state() == v1::OPERATION_STATE_RUNNING)
      CloseStep(state, std::string(why.message()));
    operation_.set_error(std::string(why.message()));
    operation_.set_error_reason(ReasonOf(why));
  }
  if (state == v1::OPERATION_STATE_ROLLED_BACK || state == v1::OPERATION_STATE_REFUSED) NamePromisesLeft();
  if (hand_over_ != nullptr) hand_over_->Stop();
  if (hand_over_ != nullptr && !is_past_return_) hand_over_->Thaw();
  options_.replica->SetRunningOperation(std::nullopt);
  // It has ended, whatever the disk says: after a restart the log and the promises tell the same.
  HOLDFAST_FAILPOINT("promotion.before-end");
  options_.journal->Put(operation_).IgnoreError();
  HOLDFAST_FAILPOINT("promotion.after-end");
  if (options_.on_change) options_.on_change(operation_);
}

}  // namespace holdfast::failover
