#include "admin/change_document.h"

#include <filesystem>
#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "admin/errors.h"
#include "admin/files.h"
#include "admin/json_value.h"
#include "base/limits.h"
#include "base/revision.h"
#include "base/status_macros.h"
#include "client/range.h"

namespace holdfast::admin {
namespace {

absl::Status CheckMembers(const std::string& place, const JsonValue& value,
                          const std::set<std::string>& known) {
  if (!value.has_struct_value()) return BadFileError(place, 0, "is no JSON object");
  for (const auto& [name, member] : value.struct_value().fields()) {
    if (known.count(name) == 0)
      return BadFileError(place, 0, absl::StrCat("has an unknown member \"", name, "\""));
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> RevisionIn(const std::string& place, const JsonValue& value,
                                   const std::string& name) {
  const std::optional<Revision> revision = Revision::Parse(TextOf(value, name));
  if (revision.has_value()) return revision->number();
  const std::optional<int64_t> number = NumberOf(value, name);
  if (!number.has_value()) return BadFileError(place, 0, absl::StrCat("\"", name, "\" is no revision"));
  return *number;
}

absl::Status ReadPrecondition(const std::string& place, const JsonValue& value, v1::Precondition& condition) {
  HF_RETURN_IF_ERROR(
      CheckMembers(place, value, {"key", "prefix", "absent", "mod_revision", "unchanged_since"}));
  const bool ranged = Member(value, "unchanged_since") != nullptr;
  const int kinds =
      (Member(value, "absent") != nullptr) + (Member(value, "mod_revision") != nullptr) + ranged;
  if (kinds != 1)
    return BadFileError(place, 0, "needs exactly one of \"absent\", \"mod_revision\", \"unchanged_since\"");
  if (Member(value, "prefix") != nullptr) {
    client::SetPrefix(condition, TextOf(value, "prefix"));
  } else {
    condition.set_key(TextOf(value, "key"));
  }
  if (ranged) {
    HF_ASSIGN_OR_RETURN(const int64_t revision, RevisionIn(place, value, "unchanged_since"));
    condition.set_range_unchanged_since(revision);
    return absl::OkStatus();
  }
  if (Member(value, "prefix") != nullptr)
    return BadFileError(place, 0, "\"prefix\" goes with \"unchanged_since\"");
  if (Member(value, "absent") != nullptr) {
    condition.set_absent(true);
    return absl::OkStatus();
  }
  HF_ASSIGN_OR_RETURN(const int64_t revision, RevisionIn(place, value, "mod_revision"));
  condition.set_mod_revision(revision);
  return absl::OkStatus();
}

absl::Status ReadChange(const std::string& place, const std::filesystem::path& folder, const JsonValue& value,
                        v1::Mutation& mutation) {
  HF_RETURN_IF_ERROR(CheckMembers(place, value, {"key", "value", "base64", "file", "delete"}));
  if (value.struct_value().fields().size() != 2) {
    return BadFileError(place, 0,
                        "needs \"key\" and exactly one of \"value\", \"base64\", \"file\", \"delete\"");
  }
  mutation.set_key(TextOf(value, "key"));
  if (Member(value, "delete") != nullptr) {
    mutation.set_delete_(true);
  } else if (Member(value, "file") != nullptr) {
    HF_ASSIGN_OR_RETURN(*mutation.mutable_put(),
                        ReadWholeFile(folder / TextOf(value, "file"), kMaxValueBytes));
  } else if (Member(value, "base64") != nullptr) {
    if (!absl::Base64Unescape(TextOf(value, "base64"), mutation.mutable_put())) {
      return BadFileError(place, 0, "\"base64\" is not base64");
    }
  } else if (Member(value, "value")->kind_case() == JsonValue::kStringValue) {
    mutation.set_put(TextOf(value, "value"));
  } else {
    return BadFileError(place, 0, "\"value\" is no text; put a document into a string or name a \"file\"");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadChangeDocument(const std::string& path, absl::string_view text, v1::CommitRequest& request) {
  HF_ASSIGN_OR_RETURN(const JsonValue root, ParseJson(path, text));
  HF_RETURN_IF_ERROR(CheckMembers(path, root, {"message", "preconditions", "changes"}));
  if (request.message().empty()) request.set_message(TextOf(root, "message"));
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (const JsonValue* conditions = Member(root, "preconditions"); conditions != nullptr) {
    for (const JsonValue& value : conditions->list_value().values()) {
      const std::string place = absl::StrCat(path, ": precondition ", request.preconditions_size() + 1);
      HF_RETURN_IF_ERROR(ReadPrecondition(place, value, *request.add_preconditions()));
    }
  }
  const JsonValue* changes = Member(root, "changes");
  if (changes == nullptr || changes->list_value().values().empty())
    return BadFileError(path, 0, "has no \"changes\"");
  for (const JsonValue& value : changes->list_value().values()) {
    const std::string place = absl::StrCat(path, ": change ", request.mutations_size() + 1);
    HF_RETURN_IF_ERROR(ReadChange(place, folder, value, *request.add_mutations()));
  }
  return absl::OkStatus();
}

}  // namespace holdfast::admin
