#include "node/errors.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"

namespace holdfast::node {

absl::Status ConfigError(absl::string_view path, int line, absl::string_view what) {
  const std::string place = line > 0 ? absl::StrCat(path, ":", line) : std::string(path);
  absl::Status status =
      MakeError(absl::StatusCode::kInvalidArgument, "INVALID_REQUEST", absl::StrCat(place, ": ", what));
  return WithDetail(status, "field", place);
}

absl::Status InsecureWithTlsError(absl::string_view path) {
  return InvalidFieldError("insecure",
                           absl::StrCat("--insecure contradicts [tls] in ", path, "; leave one of them out"));
}

absl::Status UnreadableFileError(absl::string_view path, absl::string_view why) {
  return WithDetail(
      MakeError(absl::StatusCode::kInternal, "IO_ERROR", absl::StrCat("cannot read ", path, ": ", why)),
      "path", path);
}

absl::Status AdministrationAtProxyError(absl::string_view primary_node,
                                        absl::string_view primary_peer_address) {
  absl::Status status =
      MakeError(absl::StatusCode::kFailedPrecondition, "NOT_PRIMARY",
                primary_node.empty()
                    ? std::string("this node is a proxy and knows no primary; ask a server at its peer "
                                  "address, which `holdfast nodes list` shows")
                    : absl::StrCat("this node is a proxy; ask the primary ", primary_node, " at ",
                                   primary_peer_address));
  status = WithDetail(status, "primary_node", primary_node);
  return WithDetail(status, "primary_address", primary_peer_address);
}

absl::Status InvalidFieldError(absl::string_view field, absl::string_view what) {
  return WithDetail(
      MakeError(absl::StatusCode::kInvalidArgument, "INVALID_REQUEST", absl::StrCat(field, ": ", what)),
      "field", field);
}

absl::Status NoSuchSalvageError(absl::string_view node_id, absl::string_view file) {
  const absl::Status status =
      MakeError(absl::StatusCode::kNotFound, "SALVAGE_NOT_FOUND",
                absl::StrCat("node ", node_id, " has no salvage file \"", absl::CHexEscape(file), "\""));
  return WithDetail(WithDetail(status, "node_id", node_id), "file", absl::CHexEscape(file));
}

absl::Status NoDrillAtProxyError(absl::string_view node_id) {
  absl::Status status = MakeError(
      absl::StatusCode::kFailedPrecondition, "CHECK_FAILED",
      absl::StrCat("the check role ('", node_id,
                   "') blocks: it is a proxy; needed: a standby (proxies are never promoted); next: holdfast "
                   "nodes list"));
  status = WithDetail(std::move(status), "check", "role");
  status = WithDetail(std::move(status), "node_id", node_id);
  return WithDetail(std::move(status), "next", "holdfast nodes list");
}

absl::Status TooBusyError(absl::string_view what) {
  return WithDetail(MakeError(absl::StatusCode::kResourceExhausted, "RESOURCE_EXHAUSTED",
                              absl::StrCat("too many ", what, " at once; retry later")),
                    "what", what);
}

}  // namespace holdfast::node
