#include "client/call_policy.h"

#include <set>

#include "base/error.h"
#include "client/errors.h"

namespace holdfast::client {
namespace {

using Reasons = std::set<std::string>;

// A node in passing trouble, or on its way out.
bool IsPassing(const std::string& reason) {
  static const Reasons* const kReasons =
      new Reasons{"UNREACHABLE", "DRAINING", "RECOVERING", "RESOURCE_EXHAUSTED", "DEADLINE"};
  return kReasons->count(reason) > 0;
}

// A node that will not answer this call, where another may.
bool IsThisNodeOnly(const std::string& reason) {
  static const Reasons* const kReasons =
      new Reasons{"STANDBY",  "NOT_INITIALIZED", "NOT_A_MEMBER",   "DATA_DAMAGED",
                  "IO_ERROR", "SCHEMA_TOO_NEW",  "UNKNOWN_RECORD", "DIVERGED"};
  return kReasons->count(reason) > 0;
}

}  // namespace

NextStep AfterRead(const absl::Status& status, bool staleness_demanded) {
  const std::string reason = ReasonOf(status);
  // A server that shuts down cancels what came too late; the client itself never does.
  if (IsPassing(reason) || absl::IsCancelled(status)) return NextStep::kNextThenAgain;
  if (reason == "STALE") return staleness_demanded ? NextStep::kNextEndpoint : NextStep::kNextThenAgain;
  if (reason == "FUTURE_REVISION" || IsThisNodeOnly(reason)) return NextStep::kNextEndpoint;
  return NextStep::kReturn;
}

NextStep AfterCommit(const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  if (reason == "NOT_PRIMARY" || reason == "STANDBY" || reason == "FENCED") {
    return DetailOf(status, "primary_address").empty() ? NextStep::kNextEndpoint : NextStep::kAtPrimary;
  }
  if (IsPassing(reason) || absl::IsCancelled(status) || reason == "COMMIT_UNKNOWN" || reason == "SUSPENDED")
    return NextStep::kNextThenAgain;
  if (reason == "NO_PRIMARY" || IsThisNodeOnly(reason)) return NextStep::kNextEndpoint;
  return NextStep::kReturn;
}

bool MayHaveCommitted(const absl::Status& status) {
  if (status.ok() || NeverSent(status)) return false;
  const std::string reason = ReasonOf(status);
  if (reason == "DEADLINE")
    return DetailOf(status, "committed") != "no";  // the primary says so of this attempt
  return reason.empty() || reason == "UNREACHABLE" || reason == "COMMIT_UNKNOWN" || reason == "INTERNAL" ||
         reason == "IO_ERROR";
}

bool SettlesEarlierAttempts(const absl::Status& status) {
  static const Reasons* const kJudged =
      new Reasons{"PRECONDITION_FAILED", "REQUEST_ID_REUSED", "OUTCOME_UNKNOWABLE",
                  "REQUEST_ID_AHEAD",    "COMPACTED",         "REWOUND"};
  return kJudged->count(ReasonOf(status)) > 0;
}

bool WatchGoesOn(const absl::Status& status) {
  if (status.ok()) return true;
  const std::string reason = ReasonOf(status);
  return IsPassing(reason) || IsThisNodeOnly(reason) || reason == "STALE" || reason == "FUTURE_REVISION" ||
         absl::IsCancelled(status);
}

bool TellsMore(const absl::Status& first, const absl::Status& second) {
  if (first.ok()) return false;
  const auto rank = [](const absl::Status& status) {
    const std::string reason = ReasonOf(status);
    if (reason == "UNREACHABLE") return 0;
    if (reason == "DRAINING" || reason == "DEADLINE") return 1;
    if (reason == "STANDBY" || reason == "NOT_PRIMARY" || reason == "NOT_INITIALIZED") return 2;
    return 3;
  };
  return rank(first) > rank(second);
}

}  // namespace holdfast::client
