#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/position.h"
#include "base/random.h"
#include "holdfast/v1/replication.pb.h"
#include "storage/file_system.h"

namespace holdfast::storage {

// node.db: what must never travel in a snapshot (DESIGN 4): identity, incarnation, promise, acknowledged and
// visible position, operation journal. Strand only; `promise()` and friends are cached, so reading is free.
class NodeStore {
 public:
  struct Identity {
    std::string node_id;
    std::string cluster_id;  // empty until the node has joined
    std::string incarnation;
  };

  // node_id is fixed by the first open; another one later is CONFLICTING_SETTINGS.
  virtual ~NodeStore() = default;

  virtual const Identity& identity() const = 0;
  virtual absl::Status SetNodeId(absl::string_view node_id) = 0;  // durable; refuses to change one
  virtual absl::Status JoinCluster(
      absl::string_view cluster_id) = 0;  // durable; WRONG_CLUSTER if it has another
  virtual absl::Status RenewIncarnation(
      absl::string_view why) = 0;  // durable, before anything else is acknowledged (R16)

  // R1, R2: durable when this returns. Precondition: higher epoch than the present promise, or the same epoch
  // and candidate (replication/promise_book.h decides; this only stores).
  virtual const v1::EpochPromise& promise() const = 0;
  virtual absl::Status StorePromise(const v1::EpochPromise& promise) = 0;

  // Written, not synced: survives the process, not the machine.
  virtual Position acknowledged() const = 0;
  virtual absl::Status NoteAcknowledged(const Position& position) = 0;
  virtual Position visible() const = 0;
  virtual absl::Status NoteVisible(const Position& position) = 0;

  // Small named values, durable (operation journal, settings of the node's own).
  virtual absl::StatusOr<std::optional<std::string>> GetValue(absl::string_view name) = 0;
  virtual absl::Status PutValue(absl::string_view name, absl::string_view value) = 0;
  virtual absl::Status DeleteValue(absl::string_view name) = 0;
};

}  // namespace holdfast::storage
