#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

// What the client itself reports; all else is the servers' own word. Any thread.
namespace holdfast::client {

// UNREACHABLE, details address and sent = "no". No connection could be had, so nothing was asked; safe to
// retry.
absl::Status NotConnectedError(absl::string_view address, absl::string_view why);

// UNREACHABLE. None of the endpoints answered within the deadline; `attempts` are one line each.
absl::Status NobodyAnsweredError(const std::vector<std::string>& attempts);

// COMMIT_UNKNOWN, detail request_id. The request left, and no answer says what became of it. Retry with the
// same request id only. `cause` is what the last node said.
absl::Status CommitOutcomeUnknownError(absl::string_view request_id, const absl::Status& cause);

// UNREACHABLE, detail address. Nodes name a primary that cannot be had; nothing was sent to it. Safe to
// retry.
absl::Status PrimaryAwayError(absl::string_view address);

// INVALID_REQUEST, detail field. No endpoint is given.
absl::Status NoEndpointsError();

// CANCELLED, without a reason: the caller ended the watch.
absl::Status WatchCancelledError();

// True if `status` is an UNREACHABLE whose request certainly never left.
bool NeverSent(const absl::Status& status);

}  // namespace holdfast::client
