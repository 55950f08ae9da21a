// Behind the EPOCH record: it is committed, every node comes to the new primary, and what remains is named.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/mutants.h"
#include "failover/errors.h"
#include "failover/own_node.h"
#include "failover/promotion.h"
#include "failover/rival.h"
#include "failover/settlement.h"
#include "replication/inventory.h"
#include "replication/stream_gate.h"
#include "storage/proto_time.h"

namespace holdfast::failover {
namespace {

constexpr absl::Duration kLookInterval = absl::Milliseconds(100);
constexpr absl::Duration kLookTimeout = absl::Milliseconds(500);
// The new voters answer within milliseconds; if they died right behind the record, a person is needed.
constexpr absl::Duration kOpenPatience = absl::Seconds(20);
constexpr absl::Duration kOpenInterval = absl::Milliseconds(20);
// Nodes that were reached, and do not come within this, are named and left to come by themselves.
constexpr absl::Duration kPatience = absl::Seconds(10);
// So many questions in a row without an answer: it is not in reach.
constexpr int kAbsentAfter = 2;

// What somebody has to do about a rule with fewer voters, or a smaller q, than the last one of the epoch that
// has ended (F22); empty if it is as good.
std::string RuleRemains(const v1::Verdict& verdict, const v1::DurabilityRule& now) {
  v1::DurabilityRule before;
  for (const v1::RuleCount& count : verdict.rules()) {
    if (count.rule().quorum() > 0) before = count.rule();
  }
  if (now.voters_size() >= before.voters_size() && now.quorum() >= before.quorum()) return "";
  const std::string needs = now.quorum() == 0
                                ? std::string("commits are local now (q = 0)")
                                : absl::StrCat("commits need ", replication::ToString(now), " now");
  return absl::StrCat(
      needs, ", and needed ", replication::ToString(before),
      " before; when nodes are back, give them their vote: holdfast nodes set --voters NODES --q ",
      before.quorum());
}

}  // namespace

void Promotion::WaitOpen() {
  StartStep("open");
  // Of an earlier run that ended INCOMPLETE: who had not come is looked for again.
  auto& arrivals = *operation_.mutable_arrivals();
  arrivals.erase(std::remove_if(arrivals.begin(), arrivals.end(),
                                [](const v1::NodeArrival& arrival) { return !arrival.arrived(); }),
                 arrivals.end());
  operation_.clear_remains();
  operation_.clear_error();
  operation_.clear_error_reason();
  wait_until_ = options_.clock->SinceBoot() + kOpenPatience;
  if (!Note()) return;
  LookForArrivals();
  LookWhetherOpen();
}

// Another epoch has begun, or was promised: whether this one's record is committed is that one's to say.
bool Promotion::IsSuperseded() const {
  const replication::StreamIdentity own{promise_.epoch(), promise_.candidate_node_id(),
                                        promise_.candidate_incarnation()};
  if (!replication::IsPromisedTo(options_.store->node().promise(), own)) return true;
  if (!WhyNotBegun().empty()) return false;
  const v1::NodeRole role = options_.replica->view().role;
  return role != v1::NODE_ROLE_PRIMARY && role != v1::NODE_ROLE_RECOVERING;
}

// After a restart: its replica could not read what it needs to begin, and tries again. Its role says nothing
// yet. Empty once it has begun, and for one that has stopped for good.
std::string Promotion::WhyNotBegun() const {
  if (!options_.replica->view().not_serving_reason.empty()) return "";
  v1::PromiseRequest look = Request();
  look.set_inspect(true);
  look.clear_describe_log();
  const absl::StatusOr<v1::PromiseResponse> own = options_.replica->AcceptPromise(look);
  return own.ok() ? own->cannot_promise() : "";
}

void Promotion::EndSuperseded() {
  const bool was_open = EpochRecordOf(*options_.store, operation_) == EpochRecord::kInLog &&
                        options_.store->visible().revision.number() >= operation_.epoch_revision();
  if (MutantActive(Mutant::kUndoneBehindRecord))
    return End(v1::OPERATION_STATE_ROLLED_BACK, AbortedError(operation_.operation_id()));
  const v1::EpochPromise by =
      OtherPromise(*options_.store, operation_.operation_id()).value_or(options_.store->node().promise());
  End(was_open ? v1::OPERATION_STATE_INCOMPLETE : v1::OPERATION_STATE_UNKNOWN,
      SupersededError(promise_.epoch(), by, was_open));
  // A standby that has admitted nothing in its epoch holds nothing that somebody should look at: it follows
  // again, as its successor may count on (WillFollow).
  const bool was_standby = operation_.plan().kind() != v1::OPERATION_KIND_PROMOTE_IN_PLACE;
  if (!was_open && was_standby) options_.replica->Rejoin().IgnoreError();
}

void Promotion::LookWhetherOpen() {
  if (has_ended() || !IsIn("open")) return;
  if (IsSuperseded()) return EndSuperseded();
  const bool is_open = options_.replica->CanAdmit().ok() &&
                       options_.store->visible().revision.number() >= operation_.epoch_revision();
  if (is_open) {
    if (hand_over_ != nullptr && hand_over_->frozen_at()) {
      storage::FillDuration(options_.clock->SinceBoot() - *hand_over_->frozen_at(),
                            operation_.mutable_commit_pause());
    }
    EndStep("commits are admitted");
    return Converge();
  }
  if (options_.clock->SinceBoot() >= wait_until_) return EndNotOpen();
  options_.strand->PostAfter(kOpenInterval, step_life_.Wrap([this] { LookWhetherOpen(); }));
}

void Promotion::EndNotOpen() {
  const std::string resume = absl::StrCat("holdfast operation resume ", operation_.operation_id());
  if (const std::string why = WhyNotBegun(); !why.empty()) {
    operation_.add_remains(absl::StrCat("this node cannot begin yet: ", why, "; when it can: ", resume));
    CloseStep(v1::OPERATION_STATE_INCOMPLETE, "this node cannot begin yet");
  } else {
    operation_.add_remains(absl::StrCat("commits wait for ",
                                        replication::ToString(options_.replica->cluster().rule()),
                                        "; when they are back: ", resume));
    CloseStep(v1::OPERATION_STATE_INCOMPLETE, "the new voters do not answer");
  }
  End(v1::OPERATION_STATE_INCOMPLETE, absl::OkStatus());
}

void Promotion::Converge() {
  step_life_.Renew();
  StartStep("converge");
  wait_until_ = options_.clock->SinceBoot() + kPatience;
  if (!Note()) return;
  LookForArrivals();
}

// The promise, asked again, sends everybody who has not come yet to the new primary, those who were not
// reached before included; the answer says whom they follow.
void Promotion::LookForArrivals() {
  look_life_.Renew();
  asked_.clear();
  absent_.clear();
  promised_.clear();
  AskWhoLacks();
}

bool Promotion::HasArrived(const std::string& node_id) const {
  return node_id == promise_.candidate_node_id() ||
         std::any_of(operation_.arrivals().begin(), operation_.arrivals().end(),
                     [&](const v1::NodeArrival& arrival) {
                       return arrival.arrived() && arrival.node_id() == node_id;
                     });
}

// R21: its voters durably know that they are voters.
bool Promotion::IsRuleSettled() const {
  return options_.replica->RuleSettled() || MutantActive(Mutant::kDoneTooEarly);
}

void Promotion::AskWhoLacks() {
  if (IsIn("converge")) {
    if (IsSuperseded()) return EndSuperseded();
    const bool is_over = options_.clock->SinceBoot() >= wait_until_;
    if (is_over || (AllCame() && IsRuleSettled())) return EndConverged();
  }
  v1::PromiseRequest request = Request();
  request.clear_describe_log();
  for (const v1::NodeInfo& member : NodesToAsk(*options_.replica)) {
    const std::string& id = member.node_id();
    if (HasArrived(id) || !asked_.insert(id).second) continue;
    options_.transport->Promise(member.peer_address(), request, kLookTimeout,
                                look_life_.Wrap([this, id](const absl::StatusOr<v1::PromiseResponse>& said) {
                                  asked_.erase(id);
                                  OnLook(id, said);
                                }));
  }
  options_.strand->PostAfter(kLookInterval, look_life_.Wrap([this] { AskWhoLacks(); }));
}

void Promotion::OnLook(const std::string& node_id, const absl::StatusOr<v1::PromiseResponse>& said) {
  if (!said.ok()) {
    Absence& absence = absent_[node_id];
    absence.why = said.status();
    ++absence.times;
    return;
  }
  absent_.erase(node_id);
  promised_[node_id] = *said;
  if (said->epoch() == promise_.epoch() && said->appended().revision() >= operation_.epoch_revision())
    Arrive(node_id);
}

// Everybody is here, is known not to be in reach, or was the primary and waits to be brought back. One that
// has handed over comes by itself within a moment, and is waited for.
bool Promotion::AllCame() const {
  const std::vector<v1::NodeInfo> members = options_.replica->nodes();
  return std::all_of(members.begin(), members.end(), [this](const v1::NodeInfo& member) {
    const std::string& id = member.node_id();
    if (HasArrived(id)) return true;
    const auto absent = absent_.find(id);
    if (absent != absent_.end()) return absent->second.times >= kAbsentAfter;
    const auto said = promised_.find(id);
    return said != promised_.end() && !WillFollow(said->second);
  });
}

void Promotion::Arrive(const std::string& node_id) {
  v1::NodeArrival& arrival = *operation_.add_arrivals();
  arrival.set_node_id(node_id);
  arrival.set_arrived(true);
  if (epoch_at_) storage::FillDuration(options_.clock->SinceBoot() - *epoch_at_, arrival.mutable_after());
  if (options_.on_change) options_.on_change(operation_);
}

// What somebody has to do about a node that does not follow; empty for one that does.
std::string Promotion::RemainsOf(const v1::NodeInfo& member, v1::NodeArrival* arrival,
                                 bool* is_complete) const {
  const std::string& id = member.node_id();
  const bool was_primary = id == operation_.plan().ending_primary();
  const auto said = promised_.find(id);
  const auto absent = absent_.find(id);
  if (absent == absent_.end() && said != promised_.end()) {
    if (!WillFollow(said->second)) {
      arrival->set_says("was the primary, and has stopped");
      return absl::StrCat("'", id, "' has stopped as primary; bring it back: holdfast rejoin ", id);
    }
    *is_complete = false;
    arrival->set_says("reached, and does not follow yet");
    return absl::StrCat("'", id, "' was reached and does not follow yet; look at it: holdfast status");
  }
  const std::string reason = absent == absent_.end() ? "DEADLINE" : ReasonOf(absent->second.why);
  arrival->set_says(reason == "UNREACHABLE" ? "not reached"
                    : reason == "DEADLINE"  ? "no answer in time"
                                            : absl::StrCat("refuses: ", reason));
  if (reason == "LOWER_EPOCH") {
    *is_complete = false;
    return absl::StrCat("'", id, "' has promised or seen a later epoch: holdfast operation list");
  }
  if (reason != "UNREACHABLE" && reason != "DEADLINE") {
    *is_complete = false;
    return absl::StrCat("'", id, "' refuses: ", std::string(absent->second.why.message()));
  }
  if (!was_primary)
    return absl::StrCat("nothing for '", id, "': it is not in reach, and comes by itself when it is back");
  return absl::StrCat("'", id,
                      "' is not in reach; when it is back it stops as primary by itself, then: "
                      "holdfast rejoin ",
                      id);
}

void Promotion::EndConverged() {
  bool is_complete = true;
  for (const v1::NodeInfo& member : options_.replica->nodes()) {
    if (HasArrived(member.node_id())) continue;
    v1::NodeArrival arrival;
    arrival.set_node_id(member.node_id());
    operation_.add_remains(RemainsOf(member, &arrival, &is_complete));
    *operation_.add_arrivals() = std::move(arrival);
  }
  std::sort(operation_.mutable_arrivals()->begin(), operation_.mutable_arrivals()->end(),
            [](const v1::NodeArrival& left, const v1::NodeArrival& right) {
              return left.node_id() < right.node_id();
            });
  if (!IsRuleSettled()) {
    is_complete = false;
    operation_.add_remains(
        "the new voters do not know yet that they are voters: switch nothing off; look: holdfast status");
  }
  const std::string weaker = RuleRemains(operation_.verdict(), options_.replica->cluster().rule());
  if (!weaker.empty()) operation_.add_remains(weaker);
  for (const v1::UnsettledEpoch& note : options_.replica->unsettled()) {
    if (note.epoch() == promise_.epoch()) {
      operation_.add_remains(
          absl::StrCat("UNSETTLED: ", Describe(note),
                       "; until then a promotion there can lose what is committed here. It "
                       "ends by itself when they come; look: holdfast status"));
    }
  }
  EndStep(absl::StrCat(std::count_if(operation_.arrivals().begin(), operation_.arrivals().end(),
                                     [](const v1::NodeArrival& arrival) { return arrival.arrived(); }),
                       " of ", operation_.arrivals_size(), " other nodes follow epoch ", promise_.epoch()));
  End(is_complete ? v1::OPERATION_STATE_DONE : v1::OPERATION_STATE_INCOMPLETE, absl::OkStatus());
}

}  // namespace holdfast::failover
