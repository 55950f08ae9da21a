// What the checker is told of operations, and the machine that dies in the middle of one.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/sim/sim_node.h"

namespace holdfast::sim {
namespace {

// A voter answered whose log was set aside: for whom its promise counts for nothing (F9).
bool MetRenewedVoter(const v1::Verdict& verdict) {
  for (const v1::RuleCount& count : verdict.rules()) {
    for (const v1::MissingVoter& missing : count.missing()) {
      if (absl::StrContains(missing.why(), "incarnation")) return true;
    }
  }
  return false;
}

}  // namespace

// Tells the checker what no wire shows: the candidate's promise to itself, and what it waives.
void SimNode::OnOperation(const v1::Operation& now) {
  if (!is_up() || now.steps_size() == 0) return;
  Coverage& coverage = world_->coverage;
  const std::string& step = now.steps().rbegin()->name();
  const bool has_begun = now.steps().rbegin()->state() == v1::OPERATION_STATE_RUNNING;
  if (step == "promises" && has_begun) {
    v1::PromiseRequest look;
    look.set_inspect(true);
    world_->checker.OnPromiseAnswer(id(), id(), process_->replica->AcceptPromise(look));
  }
  const bool is_switchover = now.plan().kind() == v1::OPERATION_KIND_SWITCHOVER && !now.takes_back();
  if (is_switchover && has_begun && step == "freeze") world_->checker.OnFreeze(now);
  if (is_switchover && has_begun && step == "promise-self") world_->checker.OnDrained(id(), now);
  if (now.state() == v1::OPERATION_STATE_DONE) world_->checker.CheckDone(id(), now);
  const bool chosen = !now.plan().overrides().choose_branch().empty();
  NodeFacts& facts = world_->checker.facts(id());
  if (chosen && world_->insisted.contains(now.operation_id()))
    facts.chooses = now.state() == v1::OPERATION_STATE_RUNNING;
  if (now.state() != v1::OPERATION_STATE_RUNNING) {
    const std::string state = v1::OperationState_Name(now.state());
    coverage.Count("operation_ended_" + state.substr(std::string("OPERATION_STATE_").size()));
    if (!now.error_reason().empty()) coverage.Count("operation_error_" + now.error_reason());
    if (now.error_reason() == "LOWER_EPOCH" || now.error_reason() == "PROMISED_ELSEWHERE")
      coverage.Count("operations_overtaken");
    const bool is_back = now.state() == v1::OPERATION_STATE_ROLLED_BACK;
    if (is_back && now.plan().kind() == v1::OPERATION_KIND_SWITCHOVER)
      coverage.Count("switchovers_rolled_back");
  }
  if (now.epoch_revision() != 0 && step == "open" && opened_.insert(now.operation_id()).second)
    OnEpochRecord(now);
  // Few operations have to harvest: no chance of a crash there is left out.
  const bool is_due = now.steps_size() >= crash_at_operation_step_ || step == "harvest";
  if (has_begun && crash_at_operation_step_ != 0 && is_due) {
    constexpr storage::CrashMode kModes[] = {storage::CrashMode::kKillProcess,
                                             storage::CrashMode::kLoseUnsynced,
                                             storage::CrashMode::kTearUnsynced};
    crash_at_operation_step_ = 0;
    coverage.Count("crashes_at_an_operation_step");
    const bool hands_over = step == "pre-copy" || step == "freeze" || step == "drain";
    coverage.Count(hands_over ? "crashes_at_hand-over" : "crashes_at_" + step);
    disk_.FreezeAfter(0, nullptr);
    OnFrozen(kModes[random_->Below(3)]);
  }
}

void SimNode::OnEpochRecord(const v1::Operation& now) {
  Checker& checker = world_->checker;
  Coverage& coverage = world_->coverage;
  const Entry* record = checker.facts(id()).end;
  while (record != nullptr && record->position.revision.number() != now.epoch_revision())
    record = record->parent;
  if (record == nullptr) return;  // it was begun before, and its record is gone
  const bool chosen = !now.plan().overrides().choose_branch().empty();
  const bool overrides = now.verdict().kind() != v1::VERDICT_KIND_PROVEN || chosen;
  const bool in_place = now.plan().kind() == v1::OPERATION_KIND_PROMOTE_IN_PLACE;
  // What a primary in a local spell holds is all that there is of it.
  const bool is_local = in_place && record->parent->rule != nullptr && record->parent->rule->quorum() == 0;
  if (overrides && !is_local && !world_->insisted.contains(now.operation_id())) {
    world_->violations.Add("R4", absl::StrCat(id(), " begins epoch ", record->epoch(), " with the verdict \"",
                                              now.verdict().says(), "\", and nobody has insisted"));
  }
  checker.CheckPromotion(id(), record, now);
  checker.OnEpoch(record, overrides);
  coverage.Count(overrides ? "take_overs_by_override" : "take_overs_proven");
  if (chosen) coverage.Count("branches_chosen");
  if (now.harvested() > 0) coverage.Count("take_overs_with_harvest");
  if (absl::StrContains(now.harvested_from(), "-p")) coverage.Count("harvests_from_a_proxy");
  if (now.plan().kind() == v1::OPERATION_KIND_SWITCHOVER) coverage.Count("switchovers");
  if (now.takes_back()) coverage.Count("roles_taken_back");
  if (in_place && !now.takes_back()) coverage.Count("in_place_epochs");
  if (MetRenewedVoter(now.verdict())) coverage.Count("take_overs_beside_a_renewed_voter");
  if (world_->on_primary) world_->on_primary(id(), record->epoch());
}

}  // namespace holdfast::sim
