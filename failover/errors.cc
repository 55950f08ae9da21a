#include "failover/errors.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "base/error.h"
#include "failover/branches.h"
#include "failover/plan.h"
#include "failover/rival.h"

namespace holdfast::failover {
namespace {

absl::Status Precondition(absl::string_view reason, absl::string_view message) {
  return MakeError(absl::StatusCode::kFailedPrecondition, reason, message);
}

std::string AllOf(const std::vector<v1::Branch>& branches) {
  return absl::StrJoin(branches, "; ",
                       [](std::string* out, const v1::Branch& branch) { out->append(Describe(branch)); });
}

std::string NamesOf(const std::vector<v1::Branch>& branches) {
  return absl::StrJoin(branches, " or ", [](std::string* out, const v1::Branch& branch) {
    absl::StrAppend(out, "--choose-branch=", branch.name());
  });
}

}  // namespace

absl::Status CheckFailedError(const v1::Check& check) {
  const std::string at = check.node_id().empty() ? "" : absl::StrCat(" ('", check.node_id(), "')");
  const std::string next = check.next_command().empty() ? "" : absl::StrCat("; next: ", check.next_command());
  absl::Status status =
      Precondition("CHECK_FAILED", absl::StrCat("the check ", check.name(), at, " blocks: ", check.seen(),
                                                "; needed: ", check.needed(), next));
  status = WithDetail(std::move(status), "check", check.name());
  status = WithDetail(std::move(status), "node_id", check.node_id());
  return WithDetail(std::move(status), "next", check.next_command());
}

absl::Status PlanChangedError(absl::string_view confirmed, const v1::Plan& now) {
  return WithDetail(
      Precondition("PLAN_CHANGED",
                   absl::StrCat("the plan ", confirmed, " no longer holds; it is ", now.plan_id(),
                                " now. Look at it, then confirm that; next: ",
                                CommandAgain(now.kind(), now.candidate(), now.overrides()), " --dry-run")),
      "plan_id", now.plan_id());
}

absl::Status OperationRunningError(const v1::Operation& running) {
  v1::EpochPromise whose;
  whose.set_operation_id(running.operation_id());
  whose.set_operator_name(running.operator_name());
  whose.set_host(running.host());
  absl::Status status =
      Precondition("OPERATION_RUNNING",
                   absl::StrCat(WhoseOperation(whose), " runs here already; next: holdfast operation attach ",
                                running.operation_id()));
  status = WithDetail(std::move(status), "operation", running.operation_id());
  status = WithDetail(std::move(status), "operator", running.operator_name());
  return WithDetail(std::move(status), "host", running.host());
}

absl::Status VerdictWorseError(const v1::Verdict& verdict, absl::string_view again) {
  return WithDetail(
      Precondition("VERDICT_WORSE", absl::StrCat("the promises prove less than the plan that was confirmed: ",
                                                 verdict.says(), "; next: ", again)),
      "next", again);
}

absl::Status WeakerRuleError(uint32_t quorum, uint32_t confirmed, absl::string_view again) {
  return WithDetail(Precondition("VERDICT_WORSE",
                                 absl::StrCat("only ", quorum, " voters of the new epoch could be had, and ",
                                              confirmed, " were confirmed; next: ", again)),
                    "next", again);
}

absl::Status CannotBeHadError(const v1::Verdict& verdict, absl::string_view again) {
  return WithDetail(Precondition("VERDICT_WORSE", absl::StrCat(verdict.says(), "; next: ", again)), "next",
                    again);
}

absl::Status BranchesOpenError(absl::string_view candidate, const std::vector<v1::Branch>& branches) {
  return WithDetail(
      Precondition("CHECK_FAILED",
                   absl::StrCat("since an override the log has gone ", branches.size(),
                                " ways: ", AllOf(branches), "; needed: a choice by name (", NamesOf(branches),
                                "), the others go to salvage; next: holdfast "
                                "promote ",
                                candidate, " --dry-run")),
      "check", "branches");
}

absl::Status NoSuchBranchError(absl::string_view choice, const std::vector<v1::Branch>& branches) {
  const std::string known = branches.empty() ? std::string("there is one log only, without that record")
                                             : absl::StrCat("known are ", AllOf(branches));
  return WithDetail(
      Precondition("CHECK_FAILED", absl::StrCat("--choose-branch=", choice, " names no branch: ", known)),
      "check", "branches");
}

absl::Status OvertakenError(uint64_t epoch, const v1::EpochPromise& by) {
  return Precondition(
      "PROMISED_ELSEWHERE",
      absl::StrCat("another operator was faster: ", WhoseOperation(by), " has the promises for epoch ",
                   by.epoch(), " of '", by.candidate_node_id(), "', above ", epoch,
                   " of this operation; next: holdfast operation attach ", by.operation_id()));
}

absl::Status NothingFetchedError(absl::string_view node_id) {
  return MakeError(absl::StatusCode::kUnavailable, "UNREACHABLE",
                   absl::StrCat("'", node_id, "' says that its log is higher, and gave nothing of it"));
}

absl::Status SupersededError(uint64_t epoch, const v1::EpochPromise& by, bool was_open) {
  return Precondition(
      "FENCED", absl::StrCat(was_open ? "its epoch was opened, and "
                                      : "whether its epoch was ever opened is not known here: ",
                             "epoch ", by.epoch(), " of '", by.candidate_node_id(), "', ", WhoseOperation(by),
                             ", has taken the place of ", epoch, "; next: holdfast status"));
}

absl::Status PastReturnError(absl::string_view operation_id) {
  return WithDetail(
      Precondition("OPERATION_ENDED",
                   absl::StrCat("operation ", operation_id,
                                " is behind its point of no return, and can only go on; next: holdfast "
                                "operation attach ",
                                operation_id)),
      "operation", operation_id);
}

absl::Status NotCloseError(uint64_t lag) {
  return Precondition("NOT_CAUGHT_UP",
                      absl::StrCat("the candidate stays ", lag, " records behind; next: holdfast status"));
}

absl::Status NotDrainedError(Revision held, Revision end) {
  return Precondition(
      "NOT_CAUGHT_UP",
      absl::StrCat("the candidate holds ", held.ToString(), " of ", end.ToString(),
                   ", and the rest does not come; the primary goes on; next: holdfast status"));
}

absl::Status NotHandedOverError(absl::string_view primary) {
  return Precondition(
      "PROMISED_ELSEWHERE",
      absl::StrCat("'", primary,
                   "' has not promised to stop; it remains the primary; next: holdfast status"));
}

absl::Status MayHaveHandedOverError(absl::string_view primary, const absl::Status& why) {
  return MakeError(
      absl::StatusCode::kDeadlineExceeded, "DEADLINE",
      absl::StrCat("'", primary, "' has not said whether it has promised to stop (", ReasonOf(why),
                   "): if it has, it takes its role back by itself within seconds of reaching its "
                   "voters; next: holdfast status"));
}

absl::Status AbortedError(absl::string_view operation_id) {
  return Precondition("ABORTED", absl::StrCat("operation ", operation_id,
                                              " was given up by an operator; next: holdfast status"));
}

absl::Status UnsoundError(absl::string_view why) {
  return Precondition("CHECK_FAILED", absl::StrCat("it has stopped serving: ", why));
}

absl::Status PlanningError() {
  return MakeError(absl::StatusCode::kResourceExhausted, "RESOURCE_EXHAUSTED",
                   "this node is making a plan already; try again in a second");
}

absl::Status StoppedError() {
  return MakeError(absl::StatusCode::kUnavailable, "DRAINING",
                   "this node stops; when it is back: holdfast operation list");
}

absl::Status OperationNotFoundError(absl::string_view operation_id) {
  return WithDetail(MakeError(absl::StatusCode::kNotFound, "OPERATION_NOT_FOUND",
                              absl::StrCat("this node knows no operation ", operation_id,
                                           "; next: holdfast operation list")),
                    "operation", operation_id);
}

absl::Status AmbiguousOperationError(absl::string_view operation_id) {
  return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_REQUEST",
                   absl::StrCat("several operations begin with ", operation_id, "; write more of its id"));
}

absl::Status OperationEndedError(absl::string_view operation_id, absl::string_view how) {
  const std::string state = absl::StrReplaceAll(absl::StripPrefix(how, "OPERATION_STATE_"), {{"_", " "}});
  return WithDetail(Precondition("OPERATION_ENDED", absl::StrCat("operation ", operation_id, " has ended: ",
                                                                 state, "; next: holdfast operation list")),
                    "operation", operation_id);
}

std::vector<std::string> OverridesAsTyped(const v1::Overrides& overrides) {
  std::vector<std::string> typed;
  if (overrides.has_accept_loss()) typed.push_back(absl::StrCat("--accept-loss=", overrides.accept_loss()));
  if (overrides.accept_unknown_loss()) typed.emplace_back("--accept-unknown-loss");
  for (const std::string& site : overrides.assert_sites_down())
    typed.push_back(absl::StrCat("--assert-site-down=", site));
  if (overrides.accept_local()) typed.emplace_back("--accept-local");
  if (!overrides.choose_branch().empty())
    typed.push_back(absl::StrCat("--choose-branch=", overrides.choose_branch()));
  return typed;
}

}  // namespace holdfast::failover
