#include "primary/salvage_register.h"

#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "primary/errors.h"
#include "replication/errors.h"
#include "storage/errors.h"
#include "storage/salvage_codec.h"

namespace holdfast::primary {
namespace {

absl::Status CheckFile(const replication::Inventory& inventory, const v1::SalvageFileSummary& file) {
  if (inventory.Find(file.node_id()) == nullptr) return replication::NotAMemberError(file.node_id());
  if (storage::IsSalvageFileName(file.file())) return absl::OkStatus();
  return InvalidSalvageError("files.file", "the name of a salvage file");
}

}  // namespace

absl::StatusOr<std::optional<storage::RecordDraft>> SalvageDraft(storage::Store::Batch& batch,
                                                                 const replication::Inventory& inventory,
                                                                 const v1::RegisterSalvageRequest& request) {
  const std::string& own = inventory.cluster.cluster_id();
  if (request.cluster_id() != own) return storage::WrongClusterError(own, request.cluster_id());
  if (request.files_size() > kMaxSalvageFilesPerRequest) {
    return InvalidSalvageError("files", absl::StrCat("at most ", kMaxSalvageFilesPerRequest));
  }
  std::map<std::string, std::string> values;  // in key order, each once
  for (const v1::SalvageFileSummary& file : request.files()) {
    HF_RETURN_IF_ERROR(CheckFile(inventory, file));
    const std::string key = replication::SalvageKey(file.node_id(), file.file());
    std::string value = replication::ToJson(file);
    HF_ASSIGN_OR_RETURN(const std::optional<v1::KeyValue> known, batch.Get(key));
    if (!known || known->value() != value) values[key] = std::move(value);
  }
  if (values.empty()) return std::nullopt;
  storage::RecordDraft draft;
  draft.kind = v1::RECORD_KIND_SETTINGS;
  for (auto& [key, value] : values) {
    v1::Change& change = draft.changes.emplace_back();
    change.set_key(key);
    change.set_value(std::move(value));
  }
  return draft;
}

}  // namespace holdfast::primary
