#include "admin/cluster_toml.h"

#include <toml++/toml.h>

#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "admin/errors.h"
#include "admin/files.h"
#include "base/status_macros.h"

namespace holdfast::admin {
namespace {

int LineOf(const toml::node& node) { return static_cast<int>(node.source().begin.line); }

// Reads one [[node]].
class NodeReader {
 public:
  NodeReader(const std::string& path, const toml::table& table) : path_(path), table_(table) {}

  absl::StatusOr<v1::NodeSpec> Read() {
    static const std::set<std::string> kKnown = {"node_id",        "site",         "kind",
                                                 "client_address", "peer_address", "voter"};
    for (const auto& [key, node] : table_) {
      const std::string name(key.str());
      if (kKnown.count(name) == 0)
        return BadFileError(path_, LineOf(node), absl::StrCat("unknown key \"", name, "\""));
    }
    v1::NodeSpec spec;
    HF_RETURN_IF_ERROR(Text("node_id", spec.mutable_node_id()));
    HF_RETURN_IF_ERROR(Text("site", spec.mutable_site()));
    HF_RETURN_IF_ERROR(Text("client_address", spec.mutable_client_address()));
    HF_RETURN_IF_ERROR(Text("peer_address", spec.mutable_peer_address()));
    std::string kind;
    HF_RETURN_IF_ERROR(Text("kind", &kind));
    if (kind != "server" && kind != "proxy") {
      return BadFileError(path_, LineOf(*table_.get("kind")), "kind must be \"server\" or \"proxy\"");
    }
    spec.set_kind(kind == "server" ? v1::NODE_KIND_SERVER : v1::NODE_KIND_PROXY);
    if (const toml::node* voter = table_.get("voter"); voter != nullptr) {
      const auto value = voter->value_exact<bool>();
      if (!value) return BadFileError(path_, LineOf(*voter), "voter must be true or false");
      spec.set_voter(*value);
    }
    return spec;
  }

 private:
  absl::Status Text(const char* key, std::string* out) {
    const toml::node* node = table_.get(key);
    if (node == nullptr)
      return BadFileError(path_, LineOf(table_), absl::StrCat("this [[node]] has no ", key));
    const auto value = node->value_exact<std::string>();
    if (!value || value->empty()) {
      return BadFileError(path_, LineOf(*node), absl::StrCat(key, " must be a text that is not empty"));
    }
    *out = *value;
    return absl::OkStatus();
  }

  const std::string& path_;
  const toml::table& table_;
};

// toml++ throws; nothing of that leaves this function.
absl::StatusOr<toml::table> ParseToml(const std::string& path, absl::string_view text) {
  try {
    return toml::parse(std::string_view(text.data(), text.size()), path);
  } catch (const toml::parse_error& error) {
    return BadFileError(path, static_cast<int>(error.source().begin.line), std::string(error.description()));
  }
}

}  // namespace

absl::StatusOr<std::vector<v1::NodeSpec>> ParseClusterToml(const std::string& path, absl::string_view text) {
  HF_ASSIGN_OR_RETURN(const toml::table root, ParseToml(path, text));
  for (const auto& [key, node] : root) {
    if (key.str() != "node") {
      return BadFileError(path, LineOf(node),
                          absl::StrCat("unknown key \"", std::string(key.str()), "\"; nodes are [[node]]"));
    }
  }
  const toml::array* nodes = root["node"].as_array();
  if (nodes == nullptr || nodes->empty()) return BadFileError(path, 0, "has no [[node]]");
  std::vector<v1::NodeSpec> specs;
  std::set<std::string> seen;
  for (const toml::node& element : *nodes) {
    const toml::table* table = element.as_table();
    if (table == nullptr) return BadFileError(path, LineOf(element), "node must be [[node]]");
    HF_ASSIGN_OR_RETURN(v1::NodeSpec spec, NodeReader(path, *table).Read());
    for (const std::string& name : {"node_id " + spec.node_id(), "address " + spec.client_address(),
                                    "address " + spec.peer_address()}) {
      if (!seen.insert(name).second)
        return BadFileError(path, LineOf(*table), absl::StrCat(name, " is given twice"));
    }
    specs.push_back(std::move(spec));
  }
  return specs;
}

absl::StatusOr<std::vector<v1::NodeSpec>> ReadClusterToml(const std::string& path) {
  HF_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(path, 1 << 20));
  return ParseClusterToml(path, text);
}

std::string WriteClusterToml(const std::vector<v1::NodeSpec>& nodes) {
  std::string text = "# The members of the cluster, for `holdfast init --cluster`.\n";
  for (const v1::NodeSpec& node : nodes) {
    absl::StrAppend(&text, "\n[[node]]\nnode_id = \"", node.node_id(), "\"\nsite = \"", node.site(),
                    "\"\nkind = \"", node.kind() == v1::NODE_KIND_PROXY ? "proxy" : "server",
                    "\"\nclient_address = \"", node.client_address(), "\"\npeer_address = \"",
                    node.peer_address(), "\"\n");
    if (node.voter()) absl::StrAppend(&text, "voter = true\n");
  }
  return text;
}

}  // namespace holdfast::admin
