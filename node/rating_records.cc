#include "node/rating_records.h"

#include <string>

#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "storage/errors.h"

namespace holdfast::node {
namespace {

// Values of node.db.
constexpr absl::string_view kIntegrity = "integrity";
constexpr absl::string_view kDrill = "drill";

template <typename Message>
absl::StatusOr<std::optional<Message>> Read(storage::NodeStore& node, absl::string_view name) {
  HF_ASSIGN_OR_RETURN(const std::optional<std::string> bytes, node.GetValue(name));
  if (!bytes) return std::nullopt;
  Message message;
  if (!message.ParseFromString(*bytes)) return storage::DamagedDatabaseError("node.db", name);
  return message;
}

}  // namespace

absl::StatusOr<std::optional<v1::IntegrityRecord>> ReadIntegrity(storage::NodeStore& node) {
  return Read<v1::IntegrityRecord>(node, kIntegrity);
}

absl::Status WriteIntegrity(storage::NodeStore& node, const v1::IntegrityRecord& record) {
  return node.PutValue(kIntegrity, record.SerializeAsString());
}

absl::Status ForgetIntegrity(storage::NodeStore& node) { return node.DeleteValue(kIntegrity); }

absl::StatusOr<std::optional<v1::Drill>> ReadDrill(storage::NodeStore& node) {
  return Read<v1::Drill>(node, kDrill);
}

absl::Status WriteDrill(storage::NodeStore& node, const v1::Drill& drill) {
  return node.PutValue(kDrill, drill.SerializeAsString());
}

}  // namespace holdfast::node
