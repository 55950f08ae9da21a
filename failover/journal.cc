#include "failover/journal.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/failpoint.h"
#include "base/status_macros.h"
#include "storage/errors.h"

namespace holdfast::failover {
namespace {

// The ids, newest first, separated by blanks; and each operation under its id.
constexpr absl::string_view kIds = "operations";

std::string NameOf(absl::string_view operation_id) { return absl::StrCat("operation/", operation_id); }

}  // namespace

absl::StatusOr<std::vector<std::string>> Journal::Ids() const {
  HF_ASSIGN_OR_RETURN(const std::optional<std::string> ids, node_->GetValue(kIds));
  return absl::StrSplit(ids.value_or(""), ' ', absl::SkipEmpty());
}

absl::StatusOr<std::optional<v1::Operation>> Journal::Find(absl::string_view operation_id) const {
  HF_ASSIGN_OR_RETURN(const std::optional<std::string> bytes, node_->GetValue(NameOf(operation_id)));
  if (!bytes) return std::nullopt;
  v1::Operation operation;
  if (!operation.ParseFromString(*bytes))
    return storage::DamagedDatabaseError("node.db", absl::StrCat("operation ", operation_id));
  return operation;
}

absl::StatusOr<std::vector<v1::Operation>> Journal::List() const {
  HF_ASSIGN_OR_RETURN(const std::vector<std::string> ids, Ids());
  std::vector<v1::Operation> operations;
  for (const std::string& id : ids) {
    HF_ASSIGN_OR_RETURN(std::optional<v1::Operation> operation, Find(id));
    if (operation) operations.push_back(*std::move(operation));
  }
  return operations;
}

absl::Status Journal::Put(const v1::Operation& operation) {
  HF_RETURN_IF_ERROR(HOLDFAST_FAILPOINT_STATUS("journal.before-value"));
  // The operation before its id: a crash in between leaves a value that nobody reads, and that the next Put
  // of the same operation replaces.
  HF_RETURN_IF_ERROR(node_->PutValue(NameOf(operation.operation_id()), operation.SerializeAsString()));
  HF_ASSIGN_OR_RETURN(std::vector<std::string> ids, Ids());
  if (std::find(ids.begin(), ids.end(), operation.operation_id()) != ids.end()) return absl::OkStatus();
  HF_RETURN_IF_ERROR(HOLDFAST_FAILPOINT_STATUS("journal.before-id"));
  ids.insert(ids.begin(), operation.operation_id());
  std::vector<std::string> forgotten;
  while (ids.size() > kMaxOperations) {
    forgotten.push_back(ids.back());
    ids.pop_back();
  }
  HF_RETURN_IF_ERROR(node_->PutValue(kIds, absl::StrJoin(ids, " ")));
  for (const std::string& id : forgotten) HF_RETURN_IF_ERROR(node_->DeleteValue(NameOf(id)));
  return absl::OkStatus();
}

}  // namespace holdfast::failover
