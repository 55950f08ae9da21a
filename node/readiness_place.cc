// A node's place among the others: role, position, the same history, the pair, votes and promises.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "node/readiness_item.h"
#include "node/readiness_rating.h"
#include "replication/inventory.h"

namespace holdfast::node {
namespace {

constexpr auto kWarn = v1::READINESS_LEVEL_WARN;
constexpr auto kFail = v1::READINESS_LEVEL_FAIL;
constexpr auto kUnknown = v1::READINESS_LEVEL_UNKNOWN;

std::string ShowRole(v1::NodeRole role) {
  return absl::AsciiStrToLower(v1::NodeRole_Name(role).substr(std::string("NODE_ROLE_").size()));
}

const PeerSeen* Find(const ReadinessFacts& facts, const std::string& node_id) {
  for (const PeerSeen& peer : facts.peers) {
    if (peer.member.node_id() == node_id) return &peer;
  }
  return nullptr;
}

const PeerSeen* Primary(const ReadinessFacts& facts) { return Find(facts, facts.view.primary_node_id); }

bool IsInPrimarysSite(const ReadinessFacts& facts) {
  const PeerSeen* const primary = Primary(facts);
  return primary != nullptr && primary->member.site() == facts.site;
}

// How many records `position` is behind `of`; across epochs the indexes go on, so they can be subtracted.
uint64_t Behind(Revision position, Revision of) {
  return of.index() > position.index() ? of.index() - position.index() : 0;
}

// The highest position that anybody is known to have.
Revision Newest(const ReadinessFacts& facts) {
  Revision newest = facts.appended.revision;
  for (const PeerSeen& peer : facts.peers) {
    if (peer.reached) newest = std::max(newest, Revision(peer.said.appended().revision()));
  }
  return newest;
}

std::string Quoted(const std::string& name) { return absl::StrCat("'", name, "'"); }

}  // namespace

v1::ReadinessItem RateServing(const ReadinessFacts& facts) {
  const std::string name = "serving";
  const replication::ReplicaView& view = facts.view;
  if (!view.not_serving_reason.empty()) {
    return NotFine(kFail, name, view.not_serving_reason, "a node whose data is whole",
                   "holdfast verify --deep");
  }
  if (facts.appended.revision.is_zero())
    return NotFine(kFail, name, "it has no data", "a node that holds a copy", "holdfast status");
  switch (view.role) {
    case v1::NODE_ROLE_SUSPENDED:
      return NotFine(kFail, name, absl::StrCat("suspended: ", view.activity),
                     "a primary, or a node that follows one", "holdfast operation list");
    case v1::NODE_ROLE_FENCED:
      return NotFine(kFail, name, absl::StrCat("fenced: ", view.activity), "a node that follows the primary",
                     absl::StrCat("holdfast rejoin ", facts.node_id));
    case v1::NODE_ROLE_RECOVERING:
      return NotFine(kWarn, name, view.activity, "a primary that has heard its voters", "holdfast status");
    case v1::NODE_ROLE_PRIMARY:
      return Fine(name, absl::StrCat("primary of epoch ", view.epoch));
    default:
      break;
  }
  const std::string role = ShowRole(view.role);
  if (view.upstream_connected)
    return Fine(name, absl::StrCat(role, ", fed by ", Quoted(view.upstream_node_id)));
  return NotFine(kWarn, name, absl::StrCat(role, ", fed by nobody: ", view.activity), "a node that feeds it",
                 "holdfast status");
}

v1::ReadinessItem RatePosition(const ReadinessFacts& facts) {
  const std::string name = "position";
  const PeerSeen* const primary = Primary(facts);
  const bool is_primary_reached = primary != nullptr && primary->reached;
  std::string seen = absl::StrCat("at ", facts.appended.revision.ToString());
  uint64_t lag = 0;
  if (is_primary_reached) {
    lag = Behind(facts.appended.revision, Revision(primary->said.appended().revision()));
    absl::StrAppend(&seen, ", ", lag, " records behind ", Quoted(primary->member.node_id()));
  } else {
    absl::StrAppend(&seen, ", the primary ",
                    facts.view.primary_node_id.empty() ? "is not known" : "cannot be asked");
  }
  absl::StrAppend(&seen, facts.staleness ? absl::StrCat("; at most ", ShowAge(*facts.staleness), " old")
                                         : std::string("; its age is not known"));
  const std::string needed = "less than 5 s old";
  const bool is_lost = !is_primary_reached && !facts.view.upstream_connected;
  const std::string next = is_lost && facts.kind == v1::NODE_KIND_SERVER
                               ? absl::StrCat("holdfast promote ", facts.node_id, " --dry-run")
                               : std::string("holdfast status");
  if (!facts.staleness) return NotFine(kUnknown, name, seen, needed, next);
  if (*facts.staleness > kStaleFailure) return NotFine(kFail, name, seen, needed, next);
  if (*facts.staleness > kStaleWarning) return NotFine(kWarn, name, seen, needed, next);
  if (lag > kLagWarning)
    return NotFine(kWarn, name, seen, absl::StrCat("less than ", kLagWarning, " records"), next);
  return Fine(name, seen);
}

v1::ReadinessItem RateDigest(const ReadinessFacts& facts) {
  const std::string name = "digest";
  if (!facts.comparison) {
    return NotFine(kUnknown, name, "not compared with any node yet",
                   "the same record and state at one revision", "holdfast verify");
  }
  const DigestComparison& comparison = *facts.comparison;
  const std::string where = absl::StrCat(Quoted(comparison.with), " at ", comparison.at.ToString());
  if (!comparison.agrees) {
    return NotFine(kFail, name, absl::StrCat("differs from ", where),
                   "the same record and state at one revision", "holdfast verify --deep");
  }
  const std::string seen = absl::StrCat("equals ", where, ", ", ShowAge(comparison.age), " ago");
  if (comparison.age <= kComparisonWarning) return Fine(name, seen);
  return NotFine(kWarn, name, seen, "a comparison in the last 10 minutes", "holdfast verify");
}

v1::ReadinessItem RatePair(const ReadinessFacts& facts) {
  const std::string name = "pair";
  const std::string needed = "another server in this site, close behind";
  std::vector<std::string> good;
  std::vector<std::string> bad;
  for (const PeerSeen& peer : facts.peers) {
    if (peer.member.site() != facts.site || peer.member.kind() != v1::NODE_KIND_SERVER) continue;
    const std::string id = Quoted(peer.member.node_id());
    if (!peer.reached) {
      bad.push_back(absl::StrCat(id, " cannot be reached"));
      continue;
    }
    const uint64_t lag = Behind(Revision(peer.said.appended().revision()), Newest(facts));
    const std::string state =
        absl::StrCat(id, " ", ShowRole(peer.said.role()), " at ",
                     Revision(peer.said.appended().revision()).ToString(), ", ", lag, " records behind");
    const bool is_fit = peer.said.cannot_promise().empty() && lag <= kLagWarning &&
                        peer.said.role() != v1::NODE_ROLE_FENCED &&
                        peer.said.role() != v1::NODE_ROLE_SUSPENDED;
    (is_fit ? good : bad).push_back(state);
  }
  if (good.empty() && bad.empty()) {
    return NotFine(kWarn, name, absl::StrCat("the site '", facts.site, "' has no other server"), needed,
                   "holdfast nodes add");
  }
  if (bad.empty()) return Fine(name, absl::StrJoin(good, "; "));
  return NotFine(kWarn, name, absl::StrJoin(bad, "; "), needed, "holdfast status");
}

v1::ReadinessItem RateVote(const ReadinessFacts& facts) {
  const std::string name = "vote";
  if (!facts.member) {
    return NotFine(kFail, name, "it is no member of the cluster that its data speaks of", "a member",
                   "holdfast nodes list");
  }
  const bool is_server = facts.kind == v1::NODE_KIND_SERVER;
  const std::string rule = replication::ToString(facts.rule);
  const std::string admit = "a record that admits this incarnation: give it its vote anew";
  const auto is_self = [&](const v1::Voter& voter) { return voter.node_id() == facts.node_id; };
  const auto& voters = facts.rule.voters();
  const auto own = std::find_if(voters.begin(), voters.end(), is_self);
  std::vector<std::string> ids;
  for (const v1::Voter& voter : voters) ids.push_back(voter.node_id());
  const std::string again = absl::StrCat("holdfast nodes set --voters ", absl::StrJoin(ids, ","));
  if (is_server && (!facts.member->has_slot() || facts.member->incarnation() != facts.incarnation)) {
    return NotFine(kFail, name,
                   "this incarnation was never admitted: its data was set aside, restored or replaced", admit,
                   own == voters.end() ? std::string("holdfast nodes list") : again);
  }
  if (own != voters.end() && own->incarnation() != facts.incarnation)
    return NotFine(kFail, name, "its vote belongs to an incarnation whose data is gone", admit, again);
  if (own != voters.end()) return Fine(name, absl::StrCat("votes with this incarnation: ", rule));
  if (facts.rule.quorum() == 0) {
    return NotFine(kWarn, name, "local (q = 0): the primary alone holds what it acknowledges",
                   "voters in the other site", "holdfast nodes set --voters NODES --q N");
  }
  const std::string seen = absl::StrCat("has no vote: ", rule);
  if (!is_server || IsInPrimarysSite(facts)) return Fine(name, seen);
  return NotFine(kWarn, name, seen, "a vote for each standby of this site",
                 "holdfast nodes set --voters NODES");
}

v1::ReadinessItem RateVoters(const ReadinessFacts& facts) {
  const std::string name = "vote";
  const std::string rule = replication::ToString(facts.rule);
  if (facts.rule.quorum() == 0) {
    return NotFine(kWarn, name, "local (q = 0): it alone holds what it acknowledges",
                   "voters in the other site", "holdfast nodes set --voters NODES --q N");
  }
  uint32_t following = 0;
  uint32_t close = 0;
  for (const v1::FollowerStatus& follower : facts.followers) {
    if (!follower.voter()) continue;
    ++following;
    if (follower.lag_records() <= static_cast<int64_t>(kLagWarning)) ++close;
  }
  const std::string of_all = absl::StrCat(" of ", facts.rule.voters_size(), " voters follow");
  if (following < facts.rule.quorum()) {
    return NotFine(kFail, name, absl::StrCat(following, of_all, ": ", rule, "; commits fail"),
                   absl::StrCat(facts.rule.quorum(), " voters"),
                   absl::StrCat("holdfast promote ", facts.node_id, " --in-place --dry-run"));
  }
  const std::string seen = absl::StrCat(close, of_all, " closely: ", rule);
  if (close < static_cast<uint32_t>(facts.rule.voters_size())) {
    // Those that lag come by themselves; a new epoch would not help.
    const char* const waits = close < facts.rule.quorum() ? "; commits wait for those that lag" : "";
    return NotFine(kWarn, name, absl::StrCat(seen, waits), "all voters", "holdfast status");
  }
  if (!facts.is_settled) {
    return NotFine(kWarn, name, absl::StrCat(seen, "; they do not know yet that the rule is committed"),
                   "a rule that its voters durably know (R21)", "holdfast status");
  }
  return Fine(name, seen);
}

v1::ReadinessItem RatePromise(const ReadinessFacts& facts) {
  const std::string name = "promise";
  const v1::EpochPromise& promise = facts.promise;
  if (promise.candidate_node_id().empty()) return Fine(name, "none given yet");
  const std::string seen =
      absl::StrCat("epoch ", promise.epoch(), " to ", Quoted(promise.candidate_node_id()));
  const bool is_followed = promise.epoch() <= facts.view.epoch;
  if (is_followed) return Fine(name, seen);
  const std::string by = promise.operation_id().empty()
                             ? std::string()
                             : absl::StrCat(", for operation ", promise.operation_id().substr(0, 8), " of ",
                                            promise.operator_name(), " on ", promise.host());
  return NotFine(kWarn, name, absl::StrCat(seen, by, "; that epoch has not begun here"),
                 absl::StrCat("the epoch, or a higher one, to begin"), "holdfast operation list");
}

}  // namespace holdfast::node
