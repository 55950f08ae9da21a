#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "storage/log_table.h"
#include "storage/published_state.h"
#include "storage/sqlite_database.h"
#include "storage/sqlite_transaction.h"
#include "storage/version_reader.h"

namespace holdfast::storage {

// One read connection with a held snapshot and its statements. Whoever has taken it from the pool owns it.
struct PooledConnection {
  std::unique_ptr<SqliteDatabase> database;
  std::optional<VersionReader> versions;
  std::optional<LogTable> log;
  std::optional<SqliteReadTransaction> snapshot;  // empty: nothing is pinned

  // At least this much is in the snapshot.
  Revision pinned_revision;
  uint64_t pinned_cut = 0;
  uint64_t pinned_write = 0;
  // The last RenewAll that it was renewed for.
  uint64_t renewal = 0;
  uint64_t generation = 0;  // of the file
};

// Keeps a bounded number of read connections to one data.db. Any thread. `state` must outlive it; every
// connection must be back before it is destroyed.
class ConnectionPool {
 public:
  struct Options {
    std::string path;
    SqliteOptions sqlite;
    int connection_count = 1;
  };

  static absl::StatusOr<std::unique_ptr<ConnectionPool>> Open(Options options, const PublishedState* state);
  ~ConnectionPool();

  // A free connection, waiting up to `wait` for one; nullptr if none came free. Its snapshot may be old:
  // Freshen.
  std::unique_ptr<PooledConnection> Take(absl::Duration wait);
  void Return(std::unique_ptr<PooledConnection> connection);

  // Pins the newest state. DATA_DAMAGED if the file was cut short.
  absl::Status Renew(PooledConnection& connection);

  // The same for a connection that its holder means to go on with: one to an older file is exchanged for a
  // new one.
  absl::Status Refresh(std::unique_ptr<PooledConnection>& connection);

  // Strand. Renews every connection: idle ones here, taken ones as they come back, for which it waits up to
  // `wait`. False if one did not come back in time.
  bool RenewAll(absl::Duration wait);

  // Strand, when another file has taken the path. First new connections to it are opened; then Switch runs
  // `publish` and changes over, in one step for whoever takes or refreshes a connection. Connections to the
  // old file are closed by Switch or as they come back; the old file must stay reachable through them till
  // then.
  using Connections = std::vector<std::unique_ptr<PooledConnection>>;
  absl::StatusOr<Connections> OpenAll();
  void Switch(Connections fresh, absl::FunctionRef<void()> publish);

  // True once no connection to an older file is left.
  bool has_moved() const;

 private:
  ConnectionPool(Options options, const PublishedState* state)
      : options_(std::move(options)), state_(state) {}
  absl::StatusOr<std::unique_ptr<PooledConnection>> OpenConnection(uint64_t generation);
  int LateCount(uint64_t renewal) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Options options_;
  const PublishedState* const state_;

  mutable Mutex mu_;
  CondVar returned_;
  std::vector<std::unique_ptr<PooledConnection>> idle_
      ABSL_GUARDED_BY(mu_);  // the last one back is taken first
  std::vector<const PooledConnection*> taken_ ABSL_GUARDED_BY(mu_);
  uint64_t renewal_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t generation_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace holdfast::storage
