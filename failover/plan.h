#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "failover/branches.h"
#include "failover/verdict.h"
#include "holdfast/v1/operation.pb.h"

namespace holdfast::failover {

// Slots that epoch numbers carry (R3).
inline constexpr uint64_t kEpochSlots = 64;

// R3: the smallest epoch of `slot` above `highest`.
uint64_t NextEpoch(uint64_t highest, uint32_t slot);

// What a plan is made of. A plain value.
struct PlanInput {
  v1::OperationKind kind = v1::OPERATION_KIND_PROMOTE;
  v1::Overrides overrides;
  CandidateLog candidate;
  v1::NodeInfo self;           // the candidate as the inventory has it; no slot, or another incarnation: it
                               // cannot be promoted
  absl::Status self_is_sound;  // why the candidate's own data must not be trusted
  uint64_t self_promised = 0;  // the epoch of its durable promise
  v1::NodeRole self_role = v1::NODE_ROLE_UNINITIALIZED;
  v1::EpochInfo newest_epoch;  // of the candidate's log
  int64_t disk_free_bytes = 0;
  // An operation that this one takes the place of: a hand-over that did not come to its end.
  std::string instead_of;
  // Who could not give its records when this node last tried.
  std::set<std::string> cannot_give;
  v1::ClusterView view;
};

// What would be seen if these nodes were silent: they have said nothing, and nobody has seen them.
v1::ClusterView WithoutNodes(v1::ClusterView view, const std::set<std::string>& gone);

// The verdict where the logs may have gone different ways: by the branch that is kept; while nobody has
// chosen between several, other_branch names the nodes of the others.
v1::Verdict JudgeBranches(const CandidateLog& candidate, const std::vector<v1::PromiseResponse>& words,
                          const Branches& branches, const Position& reachable);

// The command that plans the same with these overrides more.
std::string CommandAgain(v1::OperationKind kind, const std::string& candidate,
                         const v1::Overrides& overrides);

// Every vantage point is heard, every check is made, blocking ones or not, and the plan says what would be
// done. Pure: nothing is asked, stored or promised, so it can be made at any time (I8).
v1::Plan MakePlan(const PlanInput& input);

// The plan's id from its material facts: kind, candidate, epoch, whose epoch ends, the rules, the candidate's
// branch, whose promises are to be had, verdict and overrides; not positions and ages, so that it holds while
// commits go on.
std::string PlanId(const v1::Plan& plan);

// The first check that blocks, as an error that says what was seen, what is needed, and what to type next;
// OK for an admissible plan.
absl::Status WhyRefused(const v1::Plan& plan);

}  // namespace holdfast::failover
