#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

// Failures of a node's set-up and of its administration. Any thread.
namespace holdfast::node {

// INVALID_REQUEST. "file:line: what"; line 0 speaks of the whole file.
absl::Status ConfigError(absl::string_view path, int line, absl::string_view what);

// INVALID_REQUEST. --insecure with a file that has [tls].
absl::Status InsecureWithTlsError(absl::string_view path);

// IO_ERROR. A file that must be readable is not.
absl::Status UnreadableFileError(absl::string_view path, absl::string_view why);

// NOT_PRIMARY. Administration that writes must be asked of the primary.
absl::Status AdministrationAtProxyError(absl::string_view primary_node,
                                        absl::string_view primary_peer_address);

// INVALID_REQUEST.
absl::Status InvalidFieldError(absl::string_view field, absl::string_view what);

// SALVAGE_NOT_FOUND. This node has no such file.
absl::Status NoSuchSalvageError(absl::string_view node_id, absl::string_view file);

// CHECK_FAILED. Proxies are never promoted, so there is nothing to rehearse.
absl::Status NoDrillAtProxyError(absl::string_view node_id);

// RESOURCE_EXHAUSTED. Too much of a kind waits already; retry later.
absl::Status TooBusyError(absl::string_view what);

}  // namespace holdfast::node
