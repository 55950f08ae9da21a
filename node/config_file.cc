#include "node/config_file.h"

#include <toml++/toml.h>

#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "node/errors.h"

namespace holdfast::node {
namespace {

int LineOf(const toml::node& node) { return static_cast<int>(node.source().begin.line); }

// Reads one table; remembers the first fault, so that the caller reads all fields and asks once.
class TableReader {
 public:
  TableReader(const toml::table& table, std::string prefix, const std::string& path)
      : table_(table), prefix_(std::move(prefix)), path_(path) {}

  void Text(const char* key, std::string* out, bool required = false) {
    const toml::node* node = table_.get(key);
    if (node == nullptr) {
      if (required) Fail(LineOf(table_), absl::StrCat("missing ", prefix_, key));
      return;
    }
    const auto value = node->value_exact<std::string>();
    if (!value || (required && value->empty())) {
      return Fail(LineOf(*node),
                  absl::StrCat(prefix_, key, " must be a text", required ? " that is not empty" : ""));
    }
    *out = *value;
  }

  void Flag(const char* key, bool* out) {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return;
    const auto value = node->value_exact<bool>();
    if (!value) return Fail(LineOf(*node), absl::StrCat(prefix_, key, " must be true or false"));
    *out = *value;
  }

  void Texts(const char* key, std::vector<std::string>* out) {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return;
    const toml::array* array = node->as_array();
    if (array == nullptr) return Fail(LineOf(*node), absl::StrCat(prefix_, key, " must be a list of texts"));
    for (const toml::node& element : *array) {
      const auto value = element.value_exact<std::string>();
      if (!value) return Fail(LineOf(element), absl::StrCat(prefix_, key, " must be a list of texts"));
      out->push_back(*value);
    }
  }

  // The empty table if there is none.
  const toml::table& Table(const char* key) {
    static const toml::table empty;
    const toml::node* node = table_.get(key);
    if (node == nullptr) return empty;
    if (node->as_table() == nullptr) {
      Fail(LineOf(*node), absl::StrCat("[", key, "] must be a table"));
      return empty;
    }
    return *node->as_table();
  }

  void OneOf(const char* key, const std::string& value, std::initializer_list<const char*> allowed) {
    for (const char* candidate : allowed) {
      if (value == candidate) return;
    }
    const toml::node* node = table_.get(key);
    Fail(node != nullptr ? LineOf(*node) : 0,
         absl::StrCat(prefix_, key, " must be one of ", absl::StrJoin(allowed, ", "), ", not '", value, "'"));
  }

  void NothingElse(std::initializer_list<const char*> known) {
    for (const auto& [key, node] : table_) {
      bool found = false;
      for (const char* name : known) found |= key.str() == name;
      if (!found) {
        Fail(LineOf(node), absl::StrCat("unknown key ", prefix_, std::string(key.str()),
                                        "; known: ", absl::StrJoin(known, ", ")));
      }
    }
  }

  void Fail(int line, const std::string& what) {
    if (status_.ok()) status_ = ConfigError(path_, line, what);
  }

  const absl::Status& status() const { return status_; }

 private:
  const toml::table& table_;
  const std::string prefix_;
  const std::string& path_;
  absl::Status status_;
};

absl::Status ReadListener(TableReader& root, const char* name, const std::string& path,
                          NodeConfig::Listener* out, std::vector<std::string>* seeds) {
  TableReader table(root.Table(name), absl::StrCat(name, "."), path);
  table.Text("listen", &out->listen, /*required=*/true);
  table.Text("advertise", &out->advertise);
  if (seeds != nullptr) {
    table.Texts("seeds", seeds);
    table.NothingElse({"listen", "advertise", "seeds"});
  } else {
    table.NothingElse({"listen", "advertise"});
  }
  if (out->advertise.empty()) out->advertise = out->listen;
  return table.status();
}

std::string RelativeTo(const std::string& config_path, const std::string& file) {
  if (file.empty() || absl::StartsWith(file, "/")) return file;
  return (std::filesystem::path(config_path).parent_path() / file).string();
}

absl::Status ReadTls(TableReader& root, const std::string& path, NodeConfig* config) {
  TableReader tls(root.Table("tls"), "tls.", path);
  tls.Text("ca", &config->tls_ca);
  tls.Text("cert", &config->tls_cert);
  tls.Text("key", &config->tls_key);
  tls.NothingElse({"ca", "cert", "key"});
  const int given = !config->tls_ca.empty() + !config->tls_cert.empty() + !config->tls_key.empty();
  if (given != 0 && given != 3) tls.Fail(LineOf(root.Table("tls")), "[tls] needs all of ca, cert and key");
  for (std::string* file : {&config->tls_ca, &config->tls_cert, &config->tls_key})
    *file = RelativeTo(path, *file);
  return tls.status();
}

// The line of a key that is there; 0 if it is not.
int LineOf(const toml::node_view<const toml::node>& view) {
  return view.node() == nullptr ? 0 : LineOf(*view.node());
}

// What contradicts something else: the line is the one that can be changed.
absl::Status CheckWhole(const toml::table& parsed, const NodeConfig& config, const std::string& path) {
  if (config.client.listen == config.peer.listen && !absl::EndsWith(config.client.listen, ":0")) {
    return ConfigError(path, LineOf(parsed["peer"]["listen"]),
                       absl::StrCat("client.listen and peer.listen are both ", config.client.listen,
                                    "; clients and peers need two listeners"));
  }
  if (!config.tls_ca.empty() && config.insecure) {
    return ConfigError(path, LineOf(parsed["insecure"]),
                       "insecure = true contradicts [tls]; remove one of them");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<NodeConfig> ParseNodeConfig(absl::string_view text, const std::string& path) {
  toml::table parsed;
  try {  // the library says it with an exception; it goes no further
    parsed = toml::parse(std::string_view(text.data(), text.size()), path);
  } catch (const toml::parse_error& error) {
    const std::string_view what = error.description();
    return ConfigError(path, static_cast<int>(error.source().begin.line),
                       absl::string_view(what.data(), what.size()));
  }
  NodeConfig config;
  TableReader root(parsed, "", path);
  root.Text("node_id", &config.node_id, /*required=*/true);
  root.Text("site", &config.site, /*required=*/true);
  root.Text("data_dir", &config.data_dir, /*required=*/true);
  root.Text("cluster_id", &config.cluster_id);
  root.Flag("insecure", &config.insecure);
  root.NothingElse({"node_id", "site", "data_dir", "cluster_id", "insecure", "client", "peer", "tls", "log"});
  HF_RETURN_IF_ERROR(root.status());
  HF_RETURN_IF_ERROR(ReadListener(root, "client", path, &config.client, nullptr));
  HF_RETURN_IF_ERROR(ReadListener(root, "peer", path, &config.peer, &config.seeds));
  HF_RETURN_IF_ERROR(ReadTls(root, path, &config));
  TableReader log(root.Table("log"), "log.", path);
  log.Text("format", &config.log_format);
  log.Text("level", &config.log_level);
  log.OneOf("format", config.log_format, {"text", "json"});
  log.OneOf("level", config.log_level, {"debug", "info", "warning", "error"});
  log.NothingElse({"format", "level"});
  HF_RETURN_IF_ERROR(log.status());
  HF_RETURN_IF_ERROR(root.status());
  config.data_dir = RelativeTo(path, config.data_dir);
  HF_RETURN_IF_ERROR(CheckWhole(parsed, config, path));
  return config;
}

absl::StatusOr<NodeConfig> ReadNodeConfig(const std::string& path) {
  std::ifstream file(path);
  if (!file) return UnreadableFileError(path, "no such file, or no permission");
  std::ostringstream text;
  text << file.rdbuf();
  return ParseNodeConfig(text.str(), path);
}

}  // namespace holdfast::node
