#pragma once

#include <string>

#include "absl/status/status.h"

// What a client does after a failure: pure decisions over reasons (proto/holdfast/v1/reason.proto), never
// over texts.
namespace holdfast::client {

// Where a client turns after a failure.
enum class NextStep {
  kReturn,         // the answer is final
  kNextEndpoint,   // another node may answer; asking this one again is useless in this call
  kNextThenAgain,  // another node may answer; and after a while so may this one
  kAtPrimary       // a commit: at the node that the detail `primary_address` names
};

// After a failed read. `staleness_demanded`: the caller set max_staleness and wants to hear STALE rather than
// wait for ever.
NextStep AfterRead(const absl::Status& status, bool staleness_demanded);

// After a failed attempt to commit. Every further attempt carries the same request id.
NextStep AfterCommit(const absl::Status& status);

// Whether a commit that failed so may have happened all the same, or may yet.
bool MayHaveCommitted(const absl::Status& status);

// Whether a refused attempt also settles what became of earlier attempts with the same request id: true only
// for what a primary says after it has looked the id up (primary/errors.h: IsRefusal). A full disk, a
// certificate or a limit says nothing of them.
bool SettlesEarlierAttempts(const absl::Status& status);

// Whether a watch that ended so goes on at another node, or at the same one after a while.
bool WatchGoesOn(const absl::Status& status);

// Which of two failures tells the caller more: a node that answered over one that could not be had. True:
// keep `first`.
bool TellsMore(const absl::Status& first, const absl::Status& second);

}  // namespace holdfast::client
