#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

// An error is an absl::Status that carries one machine-readable reason (a name of the proto's `Reason`) and
// details by name (`primary`, `limit`, `oldest_revision`, ...). Callers branch on the reason, never on the
// text. Only the named functions of a folder's errors.h build such a status; rpc/ turns it into
// google.rpc.ErrorInfo. Any thread.
namespace holdfast {

// A failure with its reason. Requires `code` != kOk and a `reason` that is not empty.
absl::Status MakeError(absl::StatusCode code, absl::string_view reason, absl::string_view message);

// The reason's name; empty if `status` is OK or was not built by MakeError.
std::string ReasonOf(const absl::Status& status);

// `status` with one more detail; a detail of the same name is replaced. An OK status stays as it is.
absl::Status WithDetail(absl::Status status, absl::string_view key, absl::string_view value);

// All details; empty if there are none.
std::map<std::string, std::string> DetailsOf(const absl::Status& status);

// The value of one detail; empty if it is not there.
std::string DetailOf(const absl::Status& status, absl::string_view key);

// `status` with "context: " before its message; code, reason and details are kept. OK stays OK.
absl::Status WithContext(const absl::Status& status, absl::string_view context);

}  // namespace holdfast
