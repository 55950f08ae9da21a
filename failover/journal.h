#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "holdfast/v1/operation.pb.h"
#include "storage/node_store.h"

namespace holdfast::failover {

// The operations that this node has run as their candidate, in node.db: what travels in no snapshot (DESIGN
// 6). The last kMaxOperations are kept. Each write is durable when it returns, before the step that it speaks
// of has any effect. Strand.
class Journal {
 public:
  static constexpr int kMaxOperations = 20;

  // `node` must outlive the journal.
  explicit Journal(storage::NodeStore* node) : node_(node) {}

  // The newest first. DATA_DAMAGED if a value is not what was written.
  absl::StatusOr<std::vector<v1::Operation>> List() const;
  // nullopt if this node knows no such operation.
  absl::StatusOr<std::optional<v1::Operation>> Find(absl::string_view operation_id) const;
  // Adds it, or replaces what was written of it.
  absl::Status Put(const v1::Operation& operation);

 private:
  absl::StatusOr<std::vector<std::string>> Ids() const;

  storage::NodeStore* const node_;
};

}  // namespace holdfast::failover
