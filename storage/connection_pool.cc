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
  const Connections none = pool->Switch(std::move(first), []() {});
  return pool;
}

ConnectionPool::~ConnectionPool() {
  MutexLock lock(&mu_);
  HF_CHECK(taken_.empty() && leaving_count_ == 0, "a read lease outlives its store");
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
  {
    MutexLock lock(&mu_);
    *std::find(taken_.begin(), taken_.end(), connection.get()) = fresh.get();
    connection.swap(fresh);
    ++leaving_count_;
    returned_.NotifyAll();
  }
  CloseLeaving(std::move(fresh));
  return absl::OkStatus();
}

// Without the lock: closing unmaps a file, and all readers would wait. It counts as leaving till it is done,
// so that nobody takes the file's name away from under it, with which its blocks would be freed here.
void ConnectionPool::CloseLeaving(std::unique_ptr<PooledConnection> connection) {
  connection.reset();
  MutexLock lock(&mu_);
  --leaving_count_;
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
  {
    MutexLock lock(&mu_);
    taken_.erase(std::find(taken_.begin(), taken_.end(), connection.get()));
    connection->use.store(PooledConnection::Use::kResting);
    if (is_current(*connection)) {
      idle_.push_back(std::move(connection));
    } else {
      ++leaving_count_;
    }
    returned_.NotifyAll();
  }
  if (connection != nullptr) CloseLeaving(std::move(connection));
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

bool ConnectionPool::HasLate(uint64_t renewal) const {
  const auto is_late = [&](const auto& connection) { return IsLate(*connection, renewal); };
  return std::any_of(idle_.begin(), idle_.end(), is_late) ||
         std::any_of(taken_.begin(), taken_.end(), is_late);
}

bool ConnectionPool::HasLateNotInUse(uint64_t renewal) const {
  const auto can_renew = [&](const auto& connection) {
    return IsLate(*connection, renewal) && connection->use.load() == PooledConnection::Use::kResting;
  };
  return std::any_of(idle_.begin(), idle_.end(), can_renew) ||
         std::any_of(taken_.begin(), taken_.end(), can_renew);
}

void ConnectionPool::RenewIdle(uint64_t renewal) {
  for (size_t place = 0;; ++place) {
    std::unique_ptr<PooledConnection> connection;
    {
      MutexLock lock(&mu_);
      const auto late =
          std::find_if(idle_.begin(), idle_.end(), [&](const auto& idle) { return IsLate(*idle, renewal); });
      if (late == idle_.end()) return;
      connection = std::move(*late);
      idle_.erase(late);
    }
    (void)Renew(*connection);
    connection->renewal.store(renewal);
    MutexLock lock(&mu_);
    // Behind those that were renewed before it: who is taken next stays as it was.
    idle_.insert(idle_.begin() + static_cast<ptrdiff_t>(std::min(place, idle_.size())),
                 std::move(connection));
    returned_.NotifyAll();
  }
}

PooledConnection* ConnectionPool::ClaimResting(uint64_t renewal) {
  using Use = PooledConnection::Use;
  MutexLock lock(&mu_);
  for (PooledConnection* const connection : taken_) {
    Use expected = Use::kResting;
    if (!IsLate(*connection, renewal)) continue;
    if (connection->use.compare_exchange_strong(expected, Use::kRenewing)) return connection;
  }
  return nullptr;
}

void ConnectionPool::RenewResting(uint64_t renewal) {
  while (PooledConnection* const connection = ClaimResting(renewal)) {
    // Its holder cannot give it back before it is in use again.
    (void)Renew(*connection);
    connection->renewal.store(renewal);
    MutexLock lock(&mu_);
    connection->use.store(PooledConnection::Use::kResting);
    returned_.NotifyAll();
  }
}

bool ConnectionPool::RenewAll(absl::Duration wait) {
  uint64_t renewal = 0;
  {
    MutexLock lock(&mu_);
    renewal = renewal_.load() + 1;
    renewal_.store(renewal);
  }
  // At most one turn for each connection: whoever came to rest, or back, without having seen that it was
  // asked.
  while (true) {
    RenewIdle(renewal);
    RenewResting(renewal);
    MutexLock lock(&mu_);
    if (!HasLate(renewal)) return true;
    const bool is_worth_a_turn = returned_.WaitFor(&mu_, wait, [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return !HasLate(renewal) || HasLateNotInUse(renewal);
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

ConnectionPool::Connections ConnectionPool::Switch(Connections fresh, absl::FunctionRef<void()> publish) {
  MutexLock lock(&mu_);
  generation_.fetch_add(1);
  publish();
  idle_.swap(fresh);
  returned_.NotifyAll();
  return fresh;
}

bool ConnectionPool::has_moved() const {
  MutexLock lock(&mu_);
  if (leaving_count_ > 0) return false;
  return std::all_of(taken_.begin(), taken_.end(),
                     [&](const PooledConnection* connection) { return is_current(*connection); });
}

}  // namespace holdfast::storage
