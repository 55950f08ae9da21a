#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/position.h"
#include "holdfast/v1/operation.pb.h"
#include "holdfast/v1/replication.pb.h"
#include "replication/rule.h"

namespace holdfast::failover {

// The candidate as the arithmetic sees it. A plain value.
struct CandidateLog {
  replication::VoterId self;
  Position appended;
  // Is this a record of its log, compacted or not? R14: what is known committed counts by its hash, never by
  // its number alone.
  std::function<bool(const Position&)> has;
  // Every record of its log that carries a rule, in order (replication::RulesFrom a zero revision).
  std::vector<replication::RuleRecord> rules;
  // If its log ends in a planned spell of local (R19): the rule that the end of the spell would restore.
  std::optional<replication::Rule> former = std::nullopt;

  // What the next rule is measured by: a spell belongs to the epoch that ends, and ends with it.
  replication::Rule StandingRule() const;
};

// `former` of a log whose newest inventory says this of the cluster.
std::optional<replication::Rule> FormerRule(const v1::ClusterInfo& cluster);

// R4 to R6, R20: what is known of commits that were acknowledged as replicated, if the candidate goes on from
// the highest log among its own and those of `words`: promises, or answers to the question what would be
// promised; each node's once, the candidate's too. PROVEN if every rule from the highest revision known
// committed on has its promises; BOUNDED if a log of the same epoch is known to be higher than `reachable`,
// the highest one that can be had; UNKNOWN otherwise. Pure.
//
// The rules are those of the candidate's own log: while a higher one is to be harvested, the verdict is of
// what is known yet, and is made again afterwards (R5). The promises of `left` count as any other, their logs
// do not: they are of branches that are not gone on with (R20, failover/branches.h).
v1::Verdict Judge(const CandidateLog& candidate, const std::vector<v1::PromiseResponse>& words,
                  const Position& reachable, const std::set<std::string>& left = {});

// The same verdict of a primary that goes on in place, in other words: what it acknowledged itself is in its
// own log, whoever promises.
void SayInPlace(const std::string& candidate, v1::Verdict* verdict);

// The first rule whose promises cannot be had; nullptr if there is none.
const v1::RuleCount* FirstUnmet(const v1::Verdict& verdict);

// The promises of a rule are enough.
bool IsMet(const v1::RuleCount& count);

// Whether whoever says this will follow a new primary without being told to: not a former primary, unless it
// has agreed to hand over that very role, or it was a standby a moment ago and its own operation is being
// overtaken.
bool WillFollow(const v1::PromiseResponse& said);

// Whose promise is missing, of the rules that are not met: their ids, separated by commas.
std::string MissingVoters(const v1::Verdict& verdict);

// The word with the highest log of those that can be promised, and that are not `left`; nullptr if none is
// above the candidate's own (R6: revision, never length).
const v1::PromiseResponse* Highest(const CandidateLog& candidate,
                                   const std::vector<v1::PromiseResponse>& words,
                                   const std::set<std::string>& left = {});

// The rule of the new epoch: the voters of the candidate's standing rule that have given their word, without
// the candidate (R10), filled up to as many as there were with nodes that hold the whole chosen log (R21),
// proxies of the candidate's site first; q as it was, but never more than there are voters. With
// `across`, after a planned hand-over, nodes of the other sites come first, servers before proxies: nothing
// is lost with the site of the primary.
struct NewVoter {
  std::string node_id;
  std::string incarnation;
  std::string site;
  bool is_proxy = false;
  Position appended;
};
v1::DurabilityRule RuleForNewEpoch(const CandidateLog& candidate, const std::string& site, bool across,
                                   const std::vector<NewVoter>& promised, const Position& chosen);

}  // namespace holdfast::failover
