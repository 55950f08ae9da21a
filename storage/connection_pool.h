#pragma once

#include <atomic>
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

// One read connection with a held snapshot and its statements. Whoever has taken it from the pool owns it,
// save that the strand may renew its snapshot while it rests.
struct PooledConnection {
  enum class Use { kResting, kInUse, kRenewing };
  std::unique_ptr<SqliteDatabase> database;
  std::optional<VersionReader> versions;
  std::optional<LogTable> log;
  std::optional<SqliteReadTransaction> snapshot;  // empty: nothing is pinned

  // At least this much is in the snapshot.
  Revision pinned_revision;
  uint64_t pinned_cut = 0;
  uint64_t pinned_write = 0;
  // The last RenewAll that it was renewed for.
  std::atomic<uint64_t> renewal{0};
  std::atomic<Use> use{Use::kResting};
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

  // A free connection, in use, waiting up to `wait` for one; nullptr if none came free. Its snapshot may be
  // old: Renew, Refresh. Return takes one that is in use.
  std::unique_ptr<PooledConnection> Take(absl::Duration wait);
  void Return(std::unique_ptr<PooledConnection> connection);

  // A holder that keeps a connection without reading from it lets it rest, so that no checkpoint waits for a
  // holder that does nothing: meanwhile its snapshot may move to a newer state. Resume waits for such a
  // renewal: microseconds, or as long as the strand is kept from running, so it is not for callback threads.
  void Rest(PooledConnection& connection);
  void Resume(PooledConnection& connection);

  // Pins the newest state. DATA_DAMAGED if the file was cut short.
  absl::Status Renew(PooledConnection& connection);

  // The same for a connection that its holder means to go on with: one to an older file is exchanged for a
  // new one.
  absl::Status Refresh(std::unique_ptr<PooledConnection>& connection);

  // Strand. Renews every connection: those that are idle or rest here, those in use as soon as they rest or
  // come back, for which it waits up to `wait`. False if one was in use all that time. Only one connection at
  // a time is away for it: wherever the strand is kept from running, readers find the others.
  bool RenewAll(absl::Duration wait);

  // Strand, when another file has taken the path. First new connections to it are opened; then Switch runs
  // `publish` and changes over, in one step for whoever takes or refreshes a connection. It returns the idle
  // connections to the old file, for the caller to close where it holds no lock; others are closed as they
  // come back. The old file must stay reachable through them till then.
  using Connections = std::vector<std::unique_ptr<PooledConnection>>;
  absl::StatusOr<Connections> OpenAll();
  [[nodiscard]] Connections Switch(Connections fresh, absl::FunctionRef<void()> publish);

  // True once no connection to an older file is left, those that Switch returned aside.
  bool has_moved() const;
  // False for a connection to an older file.
  bool is_current(const PooledConnection& connection) const {
    return connection.generation == generation_.load();
  }

 private:
  ConnectionPool(Options options, const PublishedState* state)
      : options_(std::move(options)), state_(state) {}
  absl::StatusOr<std::unique_ptr<PooledConnection>> OpenConnection(uint64_t generation);
  void RenewIfAsked(PooledConnection& connection);
  void CloseLeaving(std::unique_ptr<PooledConnection> connection);
  void RenewIdle(uint64_t renewal);
  void RenewResting(uint64_t renewal);
  PooledConnection* ClaimResting(uint64_t renewal);
  bool IsLate(const PooledConnection& connection, uint64_t renewal) const {
    return connection.renewal.load() < renewal && is_current(connection);
  }
  bool HasLate(uint64_t renewal) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool HasLateNotInUse(uint64_t renewal) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Options options_;
  const PublishedState* const state_;

  mutable Mutex mu_;
  CondVar returned_;
  std::vector<std::unique_ptr<PooledConnection>> idle_
      ABSL_GUARDED_BY(mu_);  // the last one back is taken first
  std::vector<PooledConnection*> taken_ ABSL_GUARDED_BY(mu_);
  int leaving_count_ ABSL_GUARDED_BY(mu_) = 0;  // to an older file, being closed
  // Written with mu_ held, so that who waits on `returned_` misses nothing; read without.
  std::atomic<uint64_t> renewal_{0};
  std::atomic<uint64_t> generation_{0};
};

}  // namespace holdfast::storage
