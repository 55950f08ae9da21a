#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace holdfast::rpc {

// Who a certificate speaks for. Empty without TLS. A plain value.
//
// The common name (or, without one, the first subject alternative name) is the *principal*, which commits
// record. A URI name `holdfast://node/<node_id>` makes it a node's certificate, `holdfast://operator/<name>`
// an operator's. One certificate may name several nodes; `holdfast://node/*` names all.
struct PeerIdentity {
  std::string principal;
  std::vector<std::string> node_ids;
  bool is_operator = false;

  // Takes note of a subject alternative name.
  void AddName(absl::string_view name);

  bool IsNode() const { return !node_ids.empty(); }
  bool IsNode(absl::string_view node_id) const;
  // Whether it may follow and acknowledge in the name of `node_id`: anyone may without TLS, with TLS only
  // that node; an operator's certificate is no node's.
  bool MaySpeakFor(absl::string_view node_id) const { return principal.empty() || IsNode(node_id); }
};

}  // namespace holdfast::rpc
