#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/revision.h"

// Every failure of serving/, each with its reason (base/error.h) and the details that proto/reason.proto
// lists for it. Keys in messages and details are escaped and cut, so that they are text whatever the caller
// sent. Any thread.
namespace holdfast::serving {

// INVALID_KEY. Never retry. `limit` says in words what a key must be.
absl::Status InvalidKeyError(absl::string_view key, absl::string_view limit);

// INVALID_REQUEST. Never retry. `field` is the proto's path of the field.
absl::Status InvalidRequestError(absl::string_view field, absl::string_view limit);

// TOO_LARGE. Never retry; split it.
absl::Status TooLargeError(absl::string_view field, size_t size, size_t limit);

// KEY_NOT_FOUND.
absl::Status KeyNotFoundError(absl::string_view key);

// STALE. Another node may do better, or this one later. `age` is nullopt if it is not known.
absl::Status StaleError(Revision visible, std::optional<absl::Duration> age, absl::string_view needed);

// COMPACTED. `oldest` is the oldest revision that can be had.
absl::Status CompactedError(Revision oldest);

// FUTURE_REVISION. The node shows no more than `visible`.
absl::Status FutureRevisionError(Revision asked, Revision visible);

// RESOURCE_EXHAUSTED. Too much is going on already; safe to retry later.
absl::Status TooBusyError(absl::string_view what, int64_t limit);

// DEADLINE. The call's own deadline passed; a read may be repeated at once.
absl::Status DeadlineError();

// NOT_PRIMARY, STANDBY: the call must go to `primary_address` (either may be empty if it is not known).
absl::Status NotPrimaryError(absl::string_view primary_node, absl::string_view primary_address);
absl::Status StandbyError(absl::string_view primary_node, absl::string_view primary_address);

// NO_PRIMARY. Nothing was heard of a primary since `since`; later, with the same request id.
absl::Status NoPrimaryError(absl::Time since);

// NOT_INITIALIZED. The node belongs to no cluster yet.
absl::Status NotInitializedError(absl::string_view node_id);

// DRAINING. The node is about to stop; nothing was done.
absl::Status DrainingError(absl::string_view try_address);

}  // namespace holdfast::serving
