#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace holdfast::node {

// A node's own settings: addresses, paths, certificates. They never enter the replicated data, and no
// replicated setting comes from here (DESIGN 2). A plain value. The file is TOML:
//
//     node_id  = "dc1-a"
//     site     = "dc1"
//     data_dir = "/var/lib/holdfast"
//     cluster_id = "6f1c..."            # optional: data of another cluster is refused
//     insecure = false                 # listen beyond loopback without [tls]
//     [client]
//     listen    = "0.0.0.0:7400"
//     advertise = "dc1-a.example:7400" # as others reach it; `listen` if absent
//     [peer]
//     listen    = "0.0.0.0:7401"
//     advertise = "dc1-a.example:7401"
//     seeds     = ["dc2-a.example:7401"]
//     [tls]
//     ca = "ca.pem"                    # relative to the file
//     cert = "node.pem"
//     key = "node.key"
//     [log]
//     format = "text"                  # or "json"
//     level  = "info"                  # debug, info, warning, error
struct NodeConfig {
  struct Listener {
    std::string listen;
    std::string advertise;
  };

  std::string node_id;
  std::string site;
  std::string data_dir;
  std::string cluster_id;  // empty: whatever cluster the data belongs to
  bool insecure = false;
  Listener client;
  Listener peer;
  std::vector<std::string> seeds;
  std::string tls_ca;
  std::string tls_cert;
  std::string tls_key;
  std::string log_format = "text";
  std::string log_level = "info";
};

// Reads and checks a file. Every error is INVALID_REQUEST and begins with "file:line:": a line that is no
// TOML, a key that is unknown, missing, of the wrong type, or that contradicts another.
absl::StatusOr<NodeConfig> ReadNodeConfig(const std::string& path);

// The same for text; `path` is for messages and for relative paths.
absl::StatusOr<NodeConfig> ParseNodeConfig(absl::string_view text, const std::string& path);

}  // namespace holdfast::node
