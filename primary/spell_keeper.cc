#include "primary/spell_keeper.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "primary/errors.h"
#include "primary/spell.h"
#include "primary/voter_checks.h"
#include "storage/proto_time.h"

namespace holdfast::primary {
namespace {

// A value of node.db: "<began_at_us> <milliseconds that have passed>".
constexpr absl::string_view kPassedValue = "local_spell";
constexpr absl::Duration kRetry = absl::Seconds(1);
constexpr absl::Duration kPollInterval = absl::Milliseconds(50);
// How long the voters may take to confirm the end before that is worth a word.
constexpr absl::Duration kEndPatience = absl::Seconds(10);

}  // namespace

SpellKeeper::SpellKeeper(Options options)
    : options_(std::move(options)),
      survey_({options_.store, options_.transport, options_.strand, options_.clock, options_.node_id}) {}

SpellKeeper::~SpellKeeper() { options_.strand->Cancel(timer_); }

void SpellKeeper::Stop() {
  stopping_ = true;
  survey_.Stop();
  options_.strand->Cancel(timer_);
  if (tracked_) Note();
  tracked_.reset();
}

// ---- The time ----

absl::Duration SpellKeeper::LengthOf(const v1::ClusterInfo& cluster) const {
  return absl::Seconds(cluster.spell().seconds());
}

absl::Duration SpellKeeper::PassedBefore(const v1::LocalSpell& spell) const {
  absl::Duration passed = options_.clock->Now() - absl::FromUnixMicros(spell.began_at_us());
  const auto noted = options_.store->node().GetValue(kPassedValue);
  if (noted.ok() && noted->has_value()) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(**noted, ' ');
    int64_t began = 0;
    int64_t milliseconds = 0;
    if (absl::SimpleAtoi(parts.first, &began) && absl::SimpleAtoi(parts.second, &milliseconds) &&
        began == spell.began_at_us()) {
      passed = std::max(passed, absl::Milliseconds(milliseconds));
    }
  }
  return std::max(passed, absl::ZeroDuration());
}

void SpellKeeper::Note() {
  tracked_->noted_at = now();
  // A disk that cannot take it makes the bound coarser after a restart, and ends nothing now.
  options_.store->node()
      .PutValue(kPassedValue, absl::StrCat(tracked_->began_at_us, " ", absl::ToInt64Milliseconds(Passed())))
      .IgnoreError();
}

std::optional<absl::Duration> SpellKeeper::Left() const {
  if (!tracked_) return std::nullopt;
  return std::max(LengthOf(options_.replica->cluster()) - Passed(), absl::ZeroDuration());
}

void SpellKeeper::Look() {
  if (stopping_) return;
  const v1::ClusterInfo cluster = options_.replica->cluster();
  const bool acts = options_.replica->view().role == v1::NODE_ROLE_PRIMARY;
  if (!acts || !cluster.has_spell()) {
    if (tracked_ && cluster.has_spell()) Note();
    if (tracked_ && !cluster.has_spell()) options_.store->node().DeleteValue(kPassedValue).IgnoreError();
    tracked_.reset();
    options_.strand->Cancel(timer_);
    return;
  }
  if (!tracked_ || tracked_->began_at_us != cluster.spell().began_at_us()) {
    tracked_.emplace();
    tracked_->began_at_us = cluster.spell().began_at_us();
    tracked_->before = PassedBefore(cluster.spell());
    tracked_->since = now();
    Note();
    Tell(Event::kBegan);
  }
  options_.strand->Cancel(timer_);
  Tick();  // an extension may have moved the end
}

// At each of: a note, the warning, the survey, the end.
void SpellKeeper::Tick() {
  const v1::ClusterInfo cluster = options_.replica->cluster();
  if (stopping_ || !tracked_ || !cluster.has_spell()) return;
  const absl::Duration length = LengthOf(cluster);
  const absl::Duration left = length - Passed();
  if (left <= absl::ZeroDuration()) return EndByItself();
  const absl::Duration warn_at = std::min(kWarnBefore, length / 4);
  if (left > warn_at) tracked_->warned = false;
  if (left <= warn_at && !std::exchange(tracked_->warned, true)) Tell(Event::kWarning);
  // A timer of the whole interval may come a moment early.
  if (now() - tracked_->noted_at >= kNoteInterval / 2) Note();
  // The voters are asked before the end: the answers tell under which incarnation they hold the log.
  if (left > NodeSurvey::kTimeout) tracked_->surveyed = false;
  if (left <= NodeSurvey::kTimeout && !std::exchange(tracked_->surveyed, true)) {
    survey_.Ask(AddressesOf(cluster.spell().former_rule()),
                [this, began = tracked_->began_at_us](SurveyAnswers answers) {
                  if (tracked_ && tracked_->began_at_us == began) tracked_->voters = std::move(answers);
                });
  }
  absl::Duration next = std::min(left, kNoteInterval);
  for (const absl::Duration at : {left - NodeSurvey::kTimeout, left - warn_at}) {
    if (at > absl::ZeroDuration()) next = std::min(next, at);
  }
  timer_ = options_.strand->PostAfter(next, [this] { Tick(); });
}

void SpellKeeper::EndByItself() {
  const int64_t began = tracked_->began_at_us;
  if (!std::exchange(tracked_->ending, true)) Tell(Event::kEnding);
  const auto make = [this,
                     began](storage::Store::Batch&) -> absl::StatusOr<std::optional<storage::RecordDraft>> {
    const v1::ClusterInfo cluster = options_.replica->cluster();
    if (!cluster.has_spell() || cluster.spell().began_at_us() != began) return std::nullopt;
    const SurveyAnswers none;
    return SpellEndDraft(cluster, RuleToRestore(cluster, tracked_ ? tracked_->voters : none),
                         EndedByItself(cluster, options_.node_id, options_.clock->Now()));
  };
  // A full disk, a moment in which nothing is admitted: tried again until the record is written. Once it is,
  // Look hears of the rule, and nothing is tracked any more.
  timer_ = options_.strand->PostAfter(kRetry, [this] { Tick(); });
  options_.commit_path->AppendControl(make, now() + kEndPatience,
                                      lifetime_.Wrap([this](const absl::StatusOr<Revision>& revision) {
                                        if (revision.ok() && !revision->is_zero()) Tell(Event::kEnded);
                                        if (ReasonOf(revision.status()) == "COMMIT_UNKNOWN")
                                          Tell(Event::kWaitsForVoters);
                                      }));
}

void SpellKeeper::Tell(Event event) const {
  if (!options_.on_event) return;
  options_.on_event(event, options_.replica->cluster(), Left().value_or(absl::ZeroDuration()));
}

// ---- What operators want ----

NodeSurvey::Addresses SpellKeeper::AddressesOf(const v1::DurabilityRule& rule) const {
  NodeSurvey::Addresses addresses;
  for (const v1::NodeInfo& node : options_.replica->nodes()) {
    const bool votes = std::any_of(rule.voters().begin(), rule.voters().end(),
                                   [&](const v1::Voter& voter) { return voter.node_id() == node.node_id(); });
    if (votes) addresses[node.node_id()] = node.peer_address();
  }
  return addresses;
}

v1::DurabilityRule SpellKeeper::RuleToRestore(const v1::ClusterInfo& cluster,
                                              const SurveyAnswers& voters) const {
  // One at a time: who has not caught up under its new incarnation keeps the old one's place (R21).
  std::map<std::string, std::string, std::less<>> caught_up;
  for (const v1::Voter& voter : cluster.spell().former_rule().voters()) {
    const auto answered = voters.incarnations.find(voter.node_id());
    if (answered == voters.incarnations.end() || answered->second == voter.incarnation()) continue;
    v1::DurabilityRule alone;
    alone.add_voters()->set_node_id(voter.node_id());
    alone.mutable_voters(0)->set_incarnation(answered->second);
    if (CheckCaughtUp(*options_.store, *options_.replica, voters, v1::DurabilityRule(), alone).ok())
      caught_up[voter.node_id()] = answered->second;
  }
  return RestoredRule(cluster.spell(), caught_up);
}

void SpellKeeper::Change(v1::ChangeSpellRequest request, absl::Duration deadline,
                         std::function<void(absl::StatusOr<v1::ChangeSpellResponse>)> done) {
  if (absl::Status admitted = options_.replica->CanAdmit(); !admitted.ok()) return done(admitted);
  auto call = std::make_shared<Call>();
  call->request = std::move(request);
  call->deadline = deadline;
  call->done = std::move(done);
  const v1::ClusterInfo cluster = options_.replica->cluster();
  const bool needs_voters = call->request.action() != v1::SPELL_ACTION_EXTEND;
  const v1::DurabilityRule& rule = cluster.has_spell() ? cluster.spell().former_rule() : cluster.rule();
  survey_.Ask(needs_voters ? AddressesOf(rule) : NodeSurvey::Addresses(), [this, call](SurveyAnswers voters) {
    call->voters = std::move(voters);
    Append(call);
  });
}

absl::StatusOr<std::optional<storage::RecordDraft>> SpellKeeper::MakeDraft(const Call& call) const {
  const v1::ClusterInfo cluster = options_.replica->cluster();
  std::string silent;
  switch (call.request.action()) {
    case v1::SPELL_ACTION_BEGIN: {
      HF_ASSIGN_OR_RETURN(storage::RecordDraft draft,
                          SpellBeginDraft(cluster, call.request, options_.clock->Now()));
      const uint32_t heard = VotersHeard(*options_.replica, call.voters, cluster.rule(), &silent);
      if (heard >= cluster.rule().quorum()) return draft;
      return VotersOutOfReachError(
          silent, heard, cluster.rule().quorum(),
          absl::StrCat("where they are lost the way on is a new epoch: holdfast promote ", options_.node_id,
                       " --in-place --dry-run"));
    }
    case v1::SPELL_ACTION_EXTEND:
      return SpellExtendDraft(cluster, call.request);
    case v1::SPELL_ACTION_END: {
      const v1::DurabilityRule rule = RuleToRestore(cluster, call.voters);
      v1::RuleOrigin origin;
      origin.set_set_at_us(absl::ToUnixMicros(options_.clock->Now()));
      origin.set_operator_name(call.request.operator_name());
      origin.set_host(call.request.host());
      origin.set_reason(call.request.reason().empty() ? "the spell of local was ended"
                                                      : call.request.reason());
      HF_ASSIGN_OR_RETURN(storage::RecordDraft draft, SpellEndDraft(cluster, rule, origin));
      const uint32_t heard = VotersHeard(*options_.replica, call.voters, rule, &silent);
      if (heard >= rule.quorum()) return draft;
      return VotersOutOfReachError(
          silent, heard, rule.quorum(),
          "to end the spell now would stop commits; it ends by itself when its time is over");
    }
    default:
      return InvalidSpellError("action", "begin, extend or end");
  }
}

void SpellKeeper::Append(const std::shared_ptr<Call>& call) {
  options_.commit_path->AppendControl([this, call](storage::Store::Batch&) { return MakeDraft(*call); },
                                      call->deadline,
                                      [this, call](const absl::StatusOr<Revision>& revision) {
                                        if (!revision.ok()) return call->done(revision.status());
                                        AnswerWhenSettled(call, *revision);
                                      });
}

void SpellKeeper::AnswerWhenSettled(const std::shared_ptr<Call>& call, Revision revision) {
  const bool settled = options_.replica->RuleSettled();
  if (!settled && !stopping_ && now() < call->deadline) {
    options_.strand->PostAfter(kPollInterval, [this, call, revision] { AnswerWhenSettled(call, revision); });
    return;
  }
  const v1::ClusterInfo cluster = options_.replica->cluster();
  v1::ChangeSpellResponse response;
  response.set_revision(revision.number());
  *response.mutable_rule() = cluster.rule();
  if (cluster.has_spell()) *response.mutable_spell() = cluster.spell();
  if (const auto left = Left()) storage::FillDuration(*left, response.mutable_left());
  response.set_settled(settled);
  call->done(std::move(response));
}

}  // namespace holdfast::primary
