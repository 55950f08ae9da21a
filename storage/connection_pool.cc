#include "storage/connection_pool.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/status_macros.h"

namespace holdfast::storage {

absl::StatusOr<std::unique_ptr<ConnectionPool>> ConnectionPool::Open(Options options,
                                                                     const PublishedState* state) {
  std::unique_ptr<ConnectionPool> pool(new ConnectionPool(std::move(options), state));
  HF_ASSIGN_OR_RETURN(Connections first, pool->OpenAll());
  pool->Switch(std::move(first), []() {});
  return pool;
}

ConnectionPool::~ConnectionPool() {
  MutexLock lock(&mu_);
  HF_CHECK(taken_.empty(), "a read lease outlives its store");
}

absl::StatusOr<std::unique_ptr<PooledConnection>> ConnectionPool::OpenConnection(uint64_t generation) {
  auto connection = std::make_unique<PooledConnection>();
  HF_ASSIGN_OR_RETURN(connection->database, SqliteDatabase::OpenReader(options_.path, options_.sqlite));
  HF_ASSIGN_OR_RETURN(VersionReader versions, VersionReader::Open(*connection->database));
  HF_ASSIGN_OR_RETURN(LogTable log, LogTable::Open(*connection->database));
  connection->versions.emplace(std::move(versions));
  connection->log.emplace(std::move(log));
  connection->generation = generation;
  return connection;
}

absl::Status ConnectionPool::Renew(PooledConnection& connection) {
  // Read before the snapshot is pinned, so that what they promise is in it.
  const Revision appended = state_->appended_revision();
  const uint64_t cut = state_->cut_count();
  const uint64_t write = state_->write_count();
  if (connection.snapshot.has_value()) {
    const absl::Status renewed = connection.snapshot->Renew();
    if (!renewed.ok()) connection.snapshot.reset();
    HF_RETURN_IF_ERROR(renewed);
  } else {
    HF_ASSIGN_OR_RETURN(SqliteReadTransaction pinned, SqliteReadTransaction::Begin(*connection.database));
    connection.snapshot.emplace(std::move(pinned));
  }
  connection.pinned_revision = appended;
  connection.pinned_cut = cut;
  connection.pinned_write = write;
  return absl::OkStatus();
}

absl::Status ConnectionPool::Refresh(std::unique_ptr<PooledConnection>& connection) {
  uint64_t generation = 0;
  {
    MutexLock lock(&mu_);  // not in the middle of Switch
    generation = generation_.load();
  }
  if (connection->generation == generation) return Renew(*connection);
  const uint64_t renewal = renewal_.load();
  HF_ASSIGN_OR_RETURN(std::unique_ptr<PooledConnection> fresh, OpenConnection(generation));
  HF_RETURN_IF_ERROR(Renew(*fresh));
  fresh->renewal.store(renewal);
  fresh->use.store(PooledConnection::Use::kInUse);
  MutexLock lock(&mu_);
  *std::find(taken_.begin(), taken_.end(), connection.get()) = fresh.get();
  connection.swap(fresh);
  returned_.NotifyAll();
  return absl::OkStatus();
}

std::unique_ptr<PooledConnection> ConnectionPool::Take(absl::Duration wait) {
  MutexLock lock(&mu_);
  if (idle_.empty() && wait > absl::ZeroDuration()) {
    returned_.WaitFor(&mu_, wait, [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return !idle_.empty(); });
  }
  if (idle_.empty()) return nullptr;
  std::unique_ptr<PooledConnection> connection = std::move(idle_.back());
  idle_.pop_back();
  connection->use.store(PooledConnection::Use::kInUse);
  taken_.push_back(connection.get());
  return connection;
}

void ConnectionPool::Return(std::unique_ptr<PooledConnection> connection) {
  RenewIfAsked(*connection);
  MutexLock lock(&mu_);
  taken_.erase(std::find(taken_.begin(), taken_.end(), connection.get()));
  connection->use.store(PooledConnection::Use::kResting);
  if (is_current(*connection)) idle_.push_back(std::move(connection));
  returned_.NotifyAll();
  // A connection to an older file is closed here, with the lock held: it is rare.
}

void ConnectionPool::Rest(PooledConnection& connection) {
  RenewIfAsked(connection);
  connection.use.store(PooledConnection::Use::kResting);
  // Asked for since: the strand then saw the connection in use, and waits.
  if (connection.renewal.load() == renewal_.load()) return;
  MutexLock lock(&mu_);
  returned_.NotifyAll();
}

void ConnectionPool::Resume(PooledConnection& connection) {
  using Use = PooledConnection::Use;
  const auto claim = [&connection]() {
    Use expected = Use::kResting;
    return connection.use.compare_exchange_strong(expected, Use::kInUse);
  };
  if (claim()) return;
  MutexLock lock(&mu_);
  returned_.Wait(&mu_, claim);
}

// Whoever uses a connection renews it: the strand waits for that and for nothing else. A connection that
// cannot be renewed pins nothing, which serves the checkpoint as well; its next user learns why.
void ConnectionPool::RenewIfAsked(PooledConnection& connection) {
  const uint64_t asked = renewal_.load();
  if (!IsLate(connection, asked)) return;
  (void)Renew(connection);
  connection.renewal.store(asked);
  MutexLock lock(&mu_);
  returned_.NotifyAll();
}

int ConnectionPool::LateCount(uint64_t renewal) const {
  return static_cast<int>(
      std::count_if(taken_.begin(), taken_.end(),
                    [&](const PooledConnection* connection) { return IsLate(*connection, renewal); }));
}

bool ConnectionPool::HasRestingLate(uint64_t renewal) const {
  return std::any_of(taken_.begin(), taken_.end(), [&](const PooledConnection* connection) {
    return IsLate(*connection, renewal) && connection->use.load() == PooledConnection::Use::kResting;
  });
}

void ConnectionPool::RenewIdle(uint64_t renewal) {
  std::vector<std::unique_ptr<PooledConnection>> idle;
  {
    MutexLock lock(&mu_);
    idle.swap(idle_);
  }
  for (std::unique_ptr<PooledConnection>& connection : idle) {
    (void)Renew(*connection);
    connection->renewal.store(renewal);
  }
  MutexLock lock(&mu_);
  for (std::unique_ptr<PooledConnection>& connection : idle) idle_.push_back(std::move(connection));
  returned_.NotifyAll();
}

void ConnectionPool::RenewResting(uint64_t renewal) {
  using Use = PooledConnection::Use;
  std::vector<PooledConnection*> claimed;
  {
    MutexLock lock(&mu_);
    for (PooledConnection* const connection : taken_) {
      Use expected = Use::kResting;
      if (!IsLate(*connection, renewal)) continue;
      if (connection->use.compare_exchange_strong(expected, Use::kRenewing)) claimed.push_back(connection);
    }
  }
  // Its holder cannot give it back before it is in use again.
  for (PooledConnection* const connection : claimed) {
    (void)Renew(*connection);
    connection->renewal.store(renewal);
  }
  MutexLock lock(&mu_);
  for (PooledConnection* const connection : claimed) connection->use.store(Use::kResting);
  returned_.NotifyAll();
}

bool ConnectionPool::RenewAll(absl::Duration wait) {
  uint64_t renewal = 0;
  {
    MutexLock lock(&mu_);
    renewal = renewal_.load() + 1;
    renewal_.store(renewal);
  }
  RenewIdle(renewal);
  // At most one turn for each connection: whoever came to rest without having seen that it was asked.
  while (true) {
    RenewResting(renewal);
    MutexLock lock(&mu_);
    if (LateCount(renewal) == 0) return true;
    const bool is_worth_a_turn = returned_.WaitFor(&mu_, wait, [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return LateCount(renewal) == 0 || HasRestingLate(renewal);
    });
    if (!is_worth_a_turn) return false;
  }
}

absl::StatusOr<ConnectionPool::Connections> ConnectionPool::OpenAll() {
  const uint64_t generation = generation_.load() + 1;
  Connections fresh;
  for (int i = 0; i < options_.connection_count; ++i) {
    HF_ASSIGN_OR_RETURN(std::unique_ptr<PooledConnection> connection, OpenConnection(generation));
    fresh.push_back(std::move(connection));
  }
  return fresh;
}

void ConnectionPool::Switch(Connections fresh, absl::FunctionRef<void()> publish) {
  MutexLock lock(&mu_);
  generation_.fetch_add(1);
  publish();
  idle_.swap(fresh);  // the old ones are closed after the lock is given back
  returned_.NotifyAll();
}

bool ConnectionPool::has_moved() const {
  MutexLock lock(&mu_);
  return std::all_of(taken_.begin(), taken_.end(),
                     [&](const PooledConnection* connection) { return is_current(*connection); });
}

}  // namespace holdfast::storage
