#include "primary/spell.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "primary/errors.h"
#include "storage/proto_time.h"

namespace holdfast::primary {
namespace {

absl::StatusOr<absl::Duration> DurationOf(const v1::ChangeSpellRequest& request) {
  const absl::Duration duration = storage::DurationOf(request.duration());
  if (duration < kMinLocalSpell || duration > kMaxLocalSpell) {
    return InvalidSpellError("duration", absl::StrCat("from ", absl::FormatDuration(kMinLocalSpell), " to ",
                                                      absl::FormatDuration(kMaxLocalSpell), " in all"));
  }
  return duration;
}

absl::Status CheckThereIsOne(const v1::ClusterInfo& now) {
  return now.has_spell() ? absl::OkStatus() : SpellConflictError("no spell of local is under way");
}

storage::RecordDraft DraftOf(const v1::ClusterInfo& next) {
  storage::RecordDraft draft;
  draft.kind = v1::RECORD_KIND_SETTINGS;
  v1::Change& change = draft.changes.emplace_back();
  change.set_key(std::string(replication::kClusterKey));
  change.set_value(replication::ToJson(next));
  return draft;
}

}  // namespace

absl::StatusOr<storage::RecordDraft> SpellBeginDraft(const v1::ClusterInfo& now,
                                                     const v1::ChangeSpellRequest& request, absl::Time when) {
  HF_ASSIGN_OR_RETURN(const absl::Duration duration, DurationOf(request));
  if (request.reason().empty()) return InvalidSpellError("reason", "given");
  if (request.reason().size() > kMaxMessageBytes) {
    return InvalidSpellError("reason", absl::StrCat("at most ", kMaxMessageBytes, " bytes"));
  }
  if (now.has_spell()) {
    return SpellConflictError(absl::StrCat("a spell of local is under way (",
                                           now.rule_origin().operator_name(), ": ",
                                           now.rule_origin().reason(), "); extend it, or end it first"));
  }
  if (now.rule().quorum() == 0) {
    return SpellConflictError("commits are local already, and there is no rule to come back to");
  }
  v1::ClusterInfo next = now;
  v1::LocalSpell& spell = *next.mutable_spell();
  *spell.mutable_former_rule() = now.rule();
  spell.set_began_at_us(absl::ToUnixMicros(when));
  spell.set_seconds(absl::ToInt64Seconds(absl::Ceil(duration, absl::Seconds(1))));
  next.mutable_rule()->set_quorum(0);
  v1::RuleOrigin& origin = *next.mutable_rule_origin();
  origin.set_set_at_us(spell.began_at_us());
  origin.set_operator_name(request.operator_name());
  origin.set_host(request.host());
  origin.set_reason(request.reason());
  storage::RecordDraft draft = DraftOf(next);
  draft.rule = next.rule();
  return draft;
}

absl::StatusOr<storage::RecordDraft> SpellExtendDraft(const v1::ClusterInfo& now,
                                                      const v1::ChangeSpellRequest& request) {
  HF_RETURN_IF_ERROR(CheckThereIsOne(now));
  HF_ASSIGN_OR_RETURN(const absl::Duration duration, DurationOf(request));
  v1::ClusterInfo next = now;
  const int64_t seconds =
      now.spell().seconds() + absl::ToInt64Seconds(absl::Ceil(duration, absl::Seconds(1)));
  if (absl::Seconds(seconds) > kMaxLocalSpell) {
    return InvalidSpellError("duration", absl::StrCat("at most ", absl::FormatDuration(kMaxLocalSpell),
                                                      " in all; end it and begin another one"));
  }
  next.mutable_spell()->set_seconds(seconds);
  if (!request.reason().empty()) {
    absl::StrAppend(next.mutable_rule_origin()->mutable_reason(), "; longer: ", request.reason());
    if (next.rule_origin().reason().size() > kMaxMessageBytes) {
      return InvalidSpellError("reason", absl::StrCat("at most ", kMaxMessageBytes, " bytes in all"));
    }
  }
  return DraftOf(next);
}

absl::StatusOr<storage::RecordDraft> SpellEndDraft(const v1::ClusterInfo& now,
                                                   const v1::DurabilityRule& restored,
                                                   const v1::RuleOrigin& origin) {
  HF_RETURN_IF_ERROR(CheckThereIsOne(now));
  v1::ClusterInfo next = now;
  next.clear_spell();
  *next.mutable_rule() = restored;
  *next.mutable_rule_origin() = origin;
  storage::RecordDraft draft = DraftOf(next);
  draft.rule = restored;
  return draft;
}

v1::DurabilityRule RestoredRule(const v1::LocalSpell& spell,
                                const std::map<std::string, std::string, std::less<>>& caught_up) {
  v1::DurabilityRule rule = spell.former_rule();
  for (v1::Voter& voter : *rule.mutable_voters()) {
    const auto now = caught_up.find(voter.node_id());
    if (now != caught_up.end()) voter.set_incarnation(now->second);
  }
  return rule;
}

v1::RuleOrigin EndedByItself(const v1::ClusterInfo& now, absl::string_view node_id, absl::Time when) {
  v1::RuleOrigin origin;
  origin.set_set_at_us(absl::ToUnixMicros(when));
  origin.set_operator_name(std::string(node_id));
  origin.set_reason(absl::StrCat("the spell of local ended by itself (", now.rule_origin().operator_name(),
                                 ": ", now.rule_origin().reason(), ")"));
  return origin;
}

}  // namespace holdfast::primary
