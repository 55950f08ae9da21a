#include "admin/documents.h"

#include <filesystem>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "admin/errors.h"
#include "admin/files.h"
#include "admin/json_value.h"
#include "admin/json_writer.h"
#include "base/key_rules.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/range.h"

namespace holdfast::admin {

namespace fs = std::filesystem;

std::string FolderPrefix(absl::string_view prefix) {
  if (prefix.empty() || absl::EndsWith(prefix, "/")) return std::string(prefix);
  return absl::StrCat(prefix, "/");
}

absl::StatusOr<Documents> ReadJsonDocuments(const std::string& path) {
  HF_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(path, kMaxImportBytes));
  HF_ASSIGN_OR_RETURN(const JsonValue root, ParseJson(path, text));
  if (!root.has_struct_value()) return BadFileError(path, 0, "is no JSON object of keys and values");
  Documents documents;
  for (const auto& [key, value] : root.struct_value().fields()) {
    std::string& bytes = documents[key];
    if (value.kind_case() == JsonValue::kStringValue) {
      bytes = value.string_value();
    } else if (Member(value, "base64") == nullptr || !absl::Base64Unescape(TextOf(value, "base64"), &bytes)) {
      return BadFileError(path, 0, absl::StrCat("\"", key, "\" is neither a text nor {\"base64\": \"...\"}"));
    }
  }
  return documents;
}

std::string WriteJsonDocuments(const Documents& documents) {
  JsonWriter json;
  json.BeginObject();
  for (const auto& [key, bytes] : documents) {
    if (IsPlainText(bytes)) {
      json.Member(key, bytes);
    } else {
      json.Key(key).BeginObject().Member("base64", absl::Base64Escape(bytes)).EndObject();
    }
  }
  return json.EndObject().text() + "\n";
}

absl::StatusOr<Documents> ReadPrefix(client::Client& client, const std::string& prefix, int64_t at_revision,
                                     int64_t* revision) {
  v1::ListRequest request;
  client::SetPrefix(request, prefix);
  request.mutable_options()->set_at_revision(at_revision);
  Documents documents;
  HF_ASSIGN_OR_RETURN(*revision, client.ListAll(std::move(request), [&](v1::KeyValue& kv) {
    if (!prefix.empty() || !absl::StartsWith(kv.key(), kReservedKeyPrefix)) {
      documents[kv.key().substr(prefix.size())] = std::move(*kv.mutable_value());
    }
    return absl::OkStatus();
  }));
  return documents;
}

std::vector<std::string> FindFaults(const Documents& documents, const std::string& prefix, size_t max) {
  std::vector<std::string> faults;
  const auto add = [&](const std::string& key, absl::string_view what) {
    if (faults.size() < max) faults.push_back(absl::StrCat(absl::Utf8SafeCHexEscape(key), ": ", what));
  };
  for (const auto& [relative, bytes] : documents) {
    const std::string key = absl::StrCat(prefix, relative);
    if (const absl::string_view fault = KeyFault(key); !fault.empty())
      add(key, absl::StrCat("the key ", fault));
    if (absl::StartsWith(key, kReservedKeyPrefix)) add(key, "keys below _holdfast/ are the cluster's own");
    if (bytes.size() > kMaxValueBytes) {
      add(key, absl::StrCat("has ", bytes.size(), " bytes, at most ", kMaxValueBytes, " are taken"));
    }
  }
  return faults;
}

}  // namespace holdfast::admin
