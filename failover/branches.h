#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "failover/verdict.h"
#include "holdfast/v1/operation.pb.h"
#include "holdfast/v1/replication.pb.h"

namespace holdfast::failover {

// The logs that a candidate has met, where they have gone different ways (R20). Numbers decide between an
// unfinished end and what came after it (R6); they do not where a break-glass epoch has to do with it that is
// not settled, or where commits were shown on the branch that would be left. A plain value.
struct Branches {
  // Every branch, the candidate's own first, then by their ends; empty if all logs are parts of one, and if
  // numbers decide and nobody has chosen.
  std::vector<v1::Branch> all;
  // CHECK_FAILED (BranchesOpenError, NoSuchBranchError): nobody has chosen between several, or what was
  // chosen names none of them. OK otherwise.
  absl::Status open;
  // Nodes whose logs are left, by choice or by their numbers: what they hold beyond `fork` of the kept one is
  // not gone on with.
  std::set<std::string> left;
  // The node with the highest log of the branch that is kept; empty if that is every node's.
  std::string kept_from;
  // Where the candidate's own log parts from the kept one; its own end if it is of that branch.
  Revision own_fork;
  // The kept log's epochs, where it is not the candidate's own.
  std::vector<v1::LogEpoch> kept_epochs;
  // The rules of the branches that were left by name, beyond their forks: whose voters may go on without
  // knowing. Each once.
  std::vector<v1::DurabilityRule> left_rules;
};

// What `words` say, promises or answers to a look, each node's once, the candidate's own among them, with
// their logs described. `choice`: `--choose-branch`, or empty. Who cannot promise is passed over: nothing can
// be had from it. Pure.
Branches FindBranches(const std::string& candidate, const std::vector<v1::PromiseResponse>& words,
                      const std::string& choice);

// The candidate as if its log ended where it parts from the branch that is kept, with the rules of that one:
// what the arithmetic is to be done with until the rest is harvested. The candidate itself if it is of that
// branch.
CandidateLog OnKeptBranch(const CandidateLog& candidate, const Branches& branches);
// The rules that these epochs of a log brought after a revision, as if they were in the candidate's.
void BringRules(const std::vector<v1::LogEpoch>& epochs, Revision after, CandidateLog* log);

// "'1.57@0a1b2c3d' at a, b (17 records since 0.40, shown up to 1.57; the last commit by kim, 2026-...)".
std::string Describe(const v1::Branch& branch);

}  // namespace holdfast::failover
