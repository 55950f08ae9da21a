#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace holdfast::admin {

// `cluster.json` of a playground: what runs where. Kept stable for scripts: cluster_id, and for each node
// node_id, site, role (primary, standby or proxy), address (for clients), pid and data_dir; the other members
// may change. A plain value.
struct ClusterFile {
  struct Node {
    std::string node_id;
    std::string site;
    std::string role;
    std::string address;
    std::string peer_address;
    std::string data_dir;
    std::string config;  // the node's configuration file
    std::string log;
    int64_t pid = 0;  // 0 while it is not running
  };

  std::string cluster_id;
  std::vector<Node> nodes;

  const Node* Find(const std::string& node_id) const;

  // Whom clients ask: the proxies, then the primary.
  std::vector<std::string> ClientEndpoints() const;
};

// Errors: IO_ERROR, INVALID_REQUEST naming the file and what is wrong with it.
absl::StatusOr<ClusterFile> ReadClusterFile(const std::string& path);
absl::Status WriteClusterFile(const std::string& path, const ClusterFile& cluster);

}  // namespace holdfast::admin
