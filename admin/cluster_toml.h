#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "holdfast/v1/admin.pb.h"

namespace holdfast::admin {

// The inventory of a cluster to be, as people write it:
//
//     [[node]]
//     node_id        = "dc1-a"
//     site           = "dc1"
//     kind           = "server"              # or "proxy"
//     client_address = "dc1-a.example:7400"
//     peer_address   = "dc1-a.example:7401"
//     voter          = false                 # the default
//
// Every error is INVALID_REQUEST and begins with "file:line:".
absl::StatusOr<std::vector<v1::NodeSpec>> ReadClusterToml(const std::string& path);
absl::StatusOr<std::vector<v1::NodeSpec>> ParseClusterToml(const std::string& path, absl::string_view text);

// The same file, to be read again.
std::string WriteClusterToml(const std::vector<v1::NodeSpec>& nodes);

}  // namespace holdfast::admin
