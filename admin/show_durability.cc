#include "admin/show_durability.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "admin/cluster_view.h"
#include "admin/show.h"
#include "storage/proto_time.h"

namespace holdfast::admin {
namespace {

constexpr size_t kShownIncarnation = 8;

bool IsPrimary(const v1::StatusResponse& status) { return status.header().role() == v1::NODE_ROLE_PRIMARY; }

std::string ShowOrigin(const v1::RuleOrigin& origin) {
  google::protobuf::Timestamp time;
  time.set_seconds(origin.set_at_us() / 1'000'000);
  return absl::StrCat(ShowTime(time), ", by ", ShowWho(origin.operator_name(), origin.host()),
                      origin.reason().empty() ? "" : ": ", origin.reason());
}

uint32_t PromisesNeeded(const v1::DurabilityRule& rule) {  // R4
  return std::max(rule.quorum(), static_cast<uint32_t>(rule.voters_size()) - rule.quorum() + 1);
}

std::string Lost(uint32_t spare) {
  if (spare == 0) return "with none of them lost";
  return absl::StrCat("with any ", spare, " of them lost");
}

const v1::FollowerStatus* FollowerOf(const v1::StatusResponse& witness, const v1::Voter& voter) {
  for (const v1::FollowerStatus& follower : witness.followers()) {
    if (follower.node_id() == voter.node_id() && follower.incarnation() == voter.incarnation())
      return &follower;
  }
  return nullptr;
}

uint32_t FollowingVoters(const v1::StatusResponse& witness) {
  return static_cast<uint32_t>(
      std::count_if(witness.rule().voters().begin(), witness.rule().voters().end(),
                    [&](const v1::Voter& voter) { return FollowerOf(witness, voter) != nullptr; }));
}

std::string StateOf(const v1::StatusResponse& witness, const v1::Voter& voter) {
  if (!IsPrimary(witness)) return "the primary was not reached";
  const v1::FollowerStatus* const follower = FollowerOf(witness, voter);
  if (follower == nullptr) return "does not follow";
  return absl::StrCat("holds ", ShowRevision(follower->appended().revision()),
                      follower->lag_records() > 0
                          ? absl::StrCat(", lacks ", ShowCount(follower->lag_records()), " records")
                          : std::string());
}

void WriteRule(JsonWriter& json, const v1::StatusResponse& witness, const v1::DurabilityRule& rule) {
  json.BeginObject().Member("quorum", int64_t{rule.quorum()}).Key("voters").BeginArray();
  for (const v1::Voter& voter : rule.voters()) {
    json.BeginObject().Member("node_id", voter.node_id()).Member("incarnation", voter.incarnation());
    const v1::FollowerStatus* const follower = FollowerOf(witness, voter);
    json.Member("follows", follower != nullptr);
    if (follower != nullptr) json.Member("holds_revision", follower->appended().revision());
    json.EndObject();
  }
  json.EndArray().EndObject();
}

void WriteJson(JsonWriter& json, const v1::StatusResponse& witness) {
  json.BeginObject().Key("rule");
  WriteRule(json, witness, witness.rule());
  json.Member("local", witness.rule().quorum() == 0);
  json.Member("asked", witness.header().node_id()).Member("asked_is_primary", IsPrimary(witness));
  json.Member("rule_revision", witness.rule_revision()).Member("committed", witness.rule_committed());
  json.Member("settled", IsPrimary(witness) && witness.rule_settled());
  if (witness.has_rule_origin()) {
    const v1::RuleOrigin& origin = witness.rule_origin();
    json.Key("since").BeginObject().Member("set_at_us", origin.set_at_us());
    json.Member("operator", origin.operator_name()).Member("host", origin.host());
    json.Member("reason", origin.reason()).EndObject();
  }
  if (witness.has_spell()) {
    json.Key("spell").BeginObject().Member("seconds", witness.spell().seconds());
    if (witness.has_spell_left())
      json.Member("left_seconds", absl::ToInt64Seconds(storage::DurationOf(witness.spell_left())));
    json.Key("restores");
    WriteRule(json, witness, witness.spell().former_rule());
    json.EndObject();
  }
  json.Member("commits", WhatCommitsNeed(witness.rule()));
  json.Member("promotion", WhatPromotionsProve(witness.rule()));
  json.Key("warnings").BeginArray();
  for (const std::string& warning : DurabilityWarnings(witness)) json.String(warning);
  json.EndArray().EndObject();
}

}  // namespace

std::string ShowSpan(absl::Duration span) {
  const int64_t seconds = absl::ToInt64Seconds(span);
  if (seconds < 60) return absl::StrCat(seconds, " s");
  const int64_t minutes = seconds / 60;
  if (minutes < 60) return absl::StrCat(minutes, " min");
  if (minutes % 60 == 0) return absl::StrCat(minutes / 60, " h");
  return absl::StrCat(minutes / 60, " h ", minutes % 60, " min");
}

std::string WhatCommitsNeed(const v1::DurabilityRule& rule) {
  if (rule.quorum() == 0)
    return "acknowledged when the primary alone has them on disk; no voter's loss stops them";
  const auto voters = static_cast<uint32_t>(rule.voters_size());
  return absl::StrCat("acknowledged when ", rule.quorum(), " of the ", voters,
                      " voters have them on disk; they go on ", Lost(voters - rule.quorum()));
}

std::string WhatPromotionsProve(const v1::DurabilityRule& rule) {
  if (rule.quorum() == 0)
    return "UNKNOWN, whoever promises: nobody but the primary knows what it acknowledged";
  const auto voters = static_cast<uint32_t>(rule.voters_size());
  const uint32_t needed = PromisesNeeded(rule);
  return absl::StrCat("PROVEN 0 when ", needed, " of the ", voters, " promise; it still is ",
                      Lost(voters - needed));
}

const v1::StatusResponse* BestWitness(const std::vector<absl::StatusOr<v1::StatusResponse>>& answers) {
  const v1::StatusResponse* best = nullptr;
  const auto rank = [](const v1::StatusResponse& status) {
    return std::make_tuple(IsPrimary(status), IsPrimary(status) ? status.epoch() : 0,
                           status.appended().revision());
  };
  for (const auto& answer : answers) {
    if (answer.ok() && (best == nullptr || rank(*answer) > rank(*best))) best = &*answer;
  }
  return best;
}

std::vector<std::string> DurabilityWarnings(const v1::StatusResponse& witness) {
  std::vector<std::string> warnings;
  if (witness.has_spell()) {
    const v1::RuleOrigin& origin = witness.rule_origin();
    const std::string left = witness.has_spell_left()
                                 ? absl::StrCat(ShowSpan(storage::DurationOf(witness.spell_left())), " left")
                                 : absl::StrCat("for ", ShowSpan(absl::Seconds(witness.spell().seconds())),
                                                " in all, and its primary "
                                                "was not reached");
    warnings.push_back(absl::StrCat("LOCAL spell, ", left, " (", origin.operator_name(), ": ",
                                    origin.reason(), "): commits are held by the primary alone"));
  } else if (witness.rule().quorum() == 0 && witness.rule_revision() != 0) {
    warnings.emplace_back(
        "commits are held by the primary alone (q = 0), and no end is set: holdfast durability replicated "
        "--q N --voters ...");
  }
  if (!IsPrimary(witness) || witness.rule_revision() == 0) return warnings;
  if (!witness.rule_committed()) {
    warnings.push_back(absl::StrCat("the rule of ", ShowRevision(witness.rule_revision()),
                                    " waits for its voters: no commit is acknowledged until they hold it"));
  } else if (FollowingVoters(witness) < witness.rule().quorum()) {
    warnings.push_back(
        absl::StrCat("only ", FollowingVoters(witness), " of the voters follow, and a commit needs ",
                     witness.rule().quorum(),
                     ": no commit is acknowledged, reads go on. If "
                     "their site is lost, this primary can go on with what is left; next: holdfast promote ",
                     witness.header().node_id(), " --in-place --dry-run"));
  } else if (!witness.rule_settled()) {
    warnings.emplace_back("the voters do not durably know the rule yet: switch nothing off");
  }
  return warnings;
}

void ShowDurability(Context& context, const v1::StatusResponse& witness) {
  if (context.json()) {
    JsonWriter json;
    WriteJson(json, witness);
    context.out() << json.text() << "\n";
    return;
  }
  std::ostream& out = context.out();
  out << "durability " << context.Bold() << ShowRule(witness.rule()) << context.Plain() << "   (as "
      << witness.header().node_id() << " knows it, record " << ShowRevision(witness.rule_revision()) << ")\n";
  const auto line = [&out](const std::string& heading, const std::string& text) {
    out << Wrapped(absl::StrFormat("%-11s", heading), 11, text);
  };
  line("since", witness.has_rule_origin() ? ShowOrigin(witness.rule_origin()) : "not recorded");
  line("commits", WhatCommitsNeed(witness.rule()));
  line("promotion", WhatPromotionsProve(witness.rule()));
  if (witness.has_spell()) {
    line("afterwards", absl::StrCat(ShowRule(witness.spell().former_rule()),
                                    ", restored when the spell ends; if they are out of reach then, commits "
                                    "wait for them"));
  }
  const v1::DurabilityRule& shown = witness.has_spell() ? witness.spell().former_rule() : witness.rule();
  if (shown.voters_size() > 0) {
    Table table({{"VOTER"}, {"INCARNATION"}, {"STATE"}});
    for (const v1::Voter& voter : shown.voters())
      table.Add({voter.node_id(), voter.incarnation().substr(0, kShownIncarnation), StateOf(witness, voter)});
    out << "\n";
    context.Print(table);
  }
  PrintWarnings(context, DurabilityWarnings(witness));
}

void PrintWarnings(Context& context, const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) PrintHeaded(context, context.Yellow(), "warning: ", 9, warning);
}

}  // namespace holdfast::admin
