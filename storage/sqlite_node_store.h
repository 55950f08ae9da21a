#pragma once

#include <memory>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/random.h"
#include "storage/meta_table.h"
#include "storage/node_store.h"
#include "storage/sqlite_database.h"

namespace holdfast::storage {

// NodeStore over node.db: one table of named values, each with its guard. Durable values are synced before
// the call returns; positions are only written. Strand only. `random` must outlive it.
class SqliteNodeStore : public NodeStore {
 public:
  // Opens or creates node.db; a new one gets a new incarnation. Errors as Store::Open.
  // `on_failed_sync`, which may be empty, hears of each failed sync, whoever asked for what was to be durable
  // (DESIGN 7).
  using FailedSync = std::function<void(const absl::Status&)>;
  static absl::StatusOr<std::unique_ptr<SqliteNodeStore>> Open(absl::string_view path,
                                                               const SqliteOptions& options, Random* random,
                                                               FailedSync on_failed_sync = nullptr);

  const Identity& identity() const override { return identity_; }
  absl::Status SetNodeId(absl::string_view node_id) override;
  absl::Status JoinCluster(absl::string_view cluster_id) override;
  absl::Status RenewIncarnation(absl::string_view why) override;

  const v1::EpochPromise& promise() const override { return promise_; }
  absl::Status StorePromise(const v1::EpochPromise& promise) override;

  Position acknowledged() const override { return acknowledged_; }
  absl::Status NoteAcknowledged(const Position& position) override;
  Position visible() const override { return visible_; }
  absl::Status NoteVisible(const Position& position) override;

  absl::StatusOr<std::optional<std::string>> GetValue(absl::string_view name) override;
  absl::Status PutValue(absl::string_view name, absl::string_view value) override;
  absl::Status DeleteValue(absl::string_view name) override;

  // Before the log is cut back to `ancestor`, durably: what lies above it is no longer claimed, so that a
  // shorter log is not taken for one that has lost its end.
  absl::Status ForgetAbove(const Position& ancestor);

  // When the WAL has grown. There is no other connection, so it always completes.
  absl::Status Checkpoint(int min_pages);

  // Every page of the file against its checksum, every value against its guard. DATA_DAMAGED.
  absl::Status Check();

  int64_t WalBytes() { return database_->WalBytes(); }

 private:
  SqliteNodeStore(std::unique_ptr<SqliteDatabase> database, MetaTable values, Random* random,
                  FailedSync on_failed_sync)
      : database_(std::move(database)),
        values_(std::move(values)),
        random_(random),
        on_failed_sync_(std::move(on_failed_sync)) {}
  absl::Status Load();
  absl::Status LoadPosition(absl::string_view name, Position* position);
  absl::Status LoadText(absl::string_view name, std::string* text);
  absl::Status PutDurably(absl::string_view name, absl::string_view value);
  absl::Status Durably(absl::FunctionRef<absl::Status()> write);
  absl::Status PutWritten(absl::string_view name, const Position& position);
  // Tells of a failed sync before the caller can go on.
  absl::Status Reported(absl::Status status);

  const std::unique_ptr<SqliteDatabase> database_;
  MetaTable values_;
  Random* const random_;
  const FailedSync on_failed_sync_;
  Identity identity_;
  v1::EpochPromise promise_;
  Position acknowledged_;
  Position visible_;
};

}  // namespace holdfast::storage
