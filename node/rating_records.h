#pragma once

#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "holdfast/v1/readiness.pb.h"
#include "storage/node_store.h"

// What a node's rating remembers over restarts, in node.db, so that it travels in no snapshot: the last whole
// verification of the data, and the last rehearsal. Strand. Reading: DATA_DAMAGED if a value is not what was
// written. Writing is durable when it returns; DISK_FULL, IO_ERROR.
namespace holdfast::node {

absl::StatusOr<std::optional<v1::IntegrityRecord>> ReadIntegrity(storage::NodeStore& node);
absl::Status WriteIntegrity(storage::NodeStore& node, const v1::IntegrityRecord& record);
absl::Status ForgetIntegrity(storage::NodeStore& node);

absl::StatusOr<std::optional<v1::Drill>> ReadDrill(storage::NodeStore& node);
absl::Status WriteDrill(storage::NodeStore& node, const v1::Drill& drill);

}  // namespace holdfast::node
