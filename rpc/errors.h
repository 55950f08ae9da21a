#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

// Every failure of rpc/ itself: set-up of listeners and credentials. Any thread. None but UnreachableError is
// worth a retry before somebody has changed something.
namespace holdfast::rpc {

// IO_ERROR, details address and path (a line to type). Another program listens at `address`.
absl::Status PortInUseError(absl::string_view address);

// IO_ERROR, detail address. The operating system refuses to listen there; `why` says how it put it.
absl::Status CannotListenError(absl::string_view address, absl::string_view why);

// INVALID_REQUEST, details field and found. Not a `host:port`.
absl::Status BadAddressError(absl::string_view address);

// PERMISSION_DENIED, detail address. Beyond loopback without TLS and without `insecure`.
absl::Status InsecureListenError(absl::string_view address);

// INVALID_REQUEST, detail field. Some of ca, cert and key are given, but not all.
absl::Status IncompleteTlsError(absl::string_view missing);

// IO_ERROR, detail path. The file of `field` cannot be read, or does not hold what it should.
absl::Status BadTlsFileError(absl::string_view field, absl::string_view path, absl::string_view why);

// UNREACHABLE, detail address. `why` as ExplainUnreachable puts it.
absl::Status UnreachableError(absl::string_view address, absl::string_view why);

}  // namespace holdfast::rpc
