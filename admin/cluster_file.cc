#include "admin/cluster_file.h"

#include "admin/errors.h"
#include "admin/files.h"
#include "admin/json_value.h"
#include "admin/json_writer.h"
#include "base/status_macros.h"

namespace holdfast::admin {

const ClusterFile::Node* ClusterFile::Find(const std::string& node_id) const {
  for (const Node& node : nodes) {
    if (node.node_id == node_id) return &node;
  }
  return nullptr;
}

std::vector<std::string> ClusterFile::ClientEndpoints() const {
  std::vector<std::string> endpoints;
  for (const char* role : {"proxy", "primary"}) {
    for (const Node& node : nodes) {
      if (node.role == role) endpoints.push_back(node.address);
    }
  }
  return endpoints;
}

absl::StatusOr<ClusterFile> ReadClusterFile(const std::string& path) {
  HF_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(path, 1 << 20));
  HF_ASSIGN_OR_RETURN(const JsonValue root, ParseJson(path, text));
  ClusterFile cluster;
  cluster.cluster_id = TextOf(root, "cluster_id");
  const JsonValue* nodes = Member(root, "nodes");
  if (nodes == nullptr || !nodes->has_list_value()) return BadFileError(path, 0, "has no list \"nodes\"");
  for (const JsonValue& value : nodes->list_value().values()) {
    ClusterFile::Node node;
    node.node_id = TextOf(value, "node_id");
    node.site = TextOf(value, "site");
    node.role = TextOf(value, "role");
    node.address = TextOf(value, "address");
    node.peer_address = TextOf(value, "peer_address");
    node.data_dir = TextOf(value, "data_dir");
    node.config = TextOf(value, "config");
    node.log = TextOf(value, "log");
    node.pid = NumberOf(value, "pid").value_or(0);
    if (node.node_id.empty() || node.address.empty()) {
      return BadFileError(path, 0, "has a node without \"node_id\" or \"address\"");
    }
    cluster.nodes.push_back(std::move(node));
  }
  return cluster;
}

absl::Status WriteClusterFile(const std::string& path, const ClusterFile& cluster) {
  JsonWriter json;
  json.BeginObject().Member("cluster_id", cluster.cluster_id).Key("nodes").BeginArray();
  for (const ClusterFile::Node& node : cluster.nodes) {
    json.BeginObject()
        .Member("node_id", node.node_id)
        .Member("site", node.site)
        .Member("role", node.role)
        .Member("address", node.address)
        .Member("pid", node.pid)
        .Member("data_dir", node.data_dir)
        .Member("peer_address", node.peer_address)
        .Member("config", node.config)
        .Member("log", node.log)
        .EndObject();
  }
  json.EndArray().EndObject();
  return WriteWholeFile(path, json.text() + "\n");
}

}  // namespace holdfast::admin
