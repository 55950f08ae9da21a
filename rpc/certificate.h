#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "rpc/tls_files.h"

namespace holdfast::rpc {

// What TLS would only say at the other end of a connection, or not at all, is said where the files are read:
// whether the first certificate in `cert_pem` is good at `now`, and belongs to the private key in `key_pem`.
// Errors: IO_ERROR (BadTlsFileError) with `cert_path` or `key_path`. Any thread.
absl::Status CheckCertificate(absl::string_view cert_path, const std::string& cert_pem,
                              absl::string_view key_path, const std::string& key_pem, absl::Time now);

// What a node checks before it starts: that its certificate is its own. OK without TLS. IO_ERROR if the file
// cannot be read, or names neither `holdfast://node/<node_id>` nor all nodes: no other node would feed this
// one.
absl::Status CheckNodeCertificate(const TlsFiles& files, absl::string_view node_id);

// How long a node's certificate is good, and the authority that issued it (of several in the file, the one
// that lasts longest). The files as they are now, which need not be what a running node has read.
struct TlsEnds {
  absl::Time certificate;
  absl::Time authority;
};
// Requires TLS. IO_ERROR for a file that cannot be read or holds no certificate.
absl::StatusOr<TlsEnds> ReadTlsEnds(const TlsFiles& files);

}  // namespace holdfast::rpc
