#include "storage/store.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/error.h"
#include "base/mutants.h"
#include "base/status_macros.h"
#include "storage/errors.h"
#include "storage/store_impl.h"

namespace holdfast::storage {

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Store::~Store() = default;

const Store::Options& Store::options() const { return impl_->options; }
Position Store::appended() const { return impl_->state.Get().appended; }
Position Store::visible() const { return impl_->state.Get().visible; }
Revision Store::floor() const { return impl_->state.floor(); }
Digest128 Store::state_digest() const { return impl_->state.Get().state_digest; }
int64_t Store::key_count() const { return impl_->state.Get().key_count; }
std::vector<Milestone> Store::milestones() const { return *impl_->state.Get().milestones; }
ReaderPool& Store::readers() { return *impl_->readers; }
ReaderPool& Store::own_readers() { return *impl_->own_readers; }
LogReader& Store::log() { return *impl_->log; }
NodeStore& Store::node() { return *impl_->node; }
absl::Status Store::CheckNode() { return impl_->node->Check(); }
int64_t Store::database_bytes() const { return impl_->database_bytes.load(); }
const std::string& Store::wal_holder() const { return impl_->wal_holder; }
int64_t Store::wal_bytes() const { return impl_->wal_bytes.load(); }

void Store::AddObserver(StoreObserver* observer) { impl_->observers.push_back(observer); }

void Store::RemoveObserver(StoreObserver* observer) { std::erase(impl_->observers, observer); }

void Store::SetDamageHandler(std::function<void(const absl::Status&)> handler) {
  MutexLock lock(&impl_->damage_mu);
  impl_->damage_handler = std::move(handler);
}

absl::StatusOr<std::optional<Position>> Store::PositionAt(Revision revision) {
  const PublishedState::Snapshot state = impl_->state.Get();
  if (revision.is_zero()) return std::optional<Position>(Position{});
  for (const Position& known : {state.appended, state.visible, state.floor_position}) {
    if (known.revision == revision) return std::optional<Position>(known);
  }
  for (const Milestone& milestone : *state.milestones) {
    if (milestone.position.revision == revision) return std::optional<Position>(milestone.position);
  }
  if (revision <= state.floor || revision > state.appended.revision) return std::optional<Position>();
  const Revision before(revision.number() - 1);
  HF_ASSIGN_OR_RETURN(const std::vector<LogRecordPtr> records, impl_->log->ReadAfter(before, revision, 1, 1));
  if (records.empty() || records[0]->position.revision != revision) return std::optional<Position>();
  return std::optional<Position>(records[0]->position);
}

absl::StatusOr<bool> Store::AdvanceVisible(const Position& position) {
  Impl& impl = *impl_;
  if (position.revision <= impl.visible.revision || position.revision > impl.tail.position.revision)
    return false;
  HF_RETURN_IF_ERROR(impl.Writable());
  const absl::StatusOr<std::optional<Position>> own = impl.Lookup(position.revision);
  HF_RETURN_IF_ERROR(impl.Checked(own.status()));
  if (*own != position) return false;
  if (!MutantActive(Mutant::kVisibleNotWritten)) {
    HF_RETURN_IF_ERROR(impl.Checked(impl.node->NoteVisible(position)));
  }
  impl.visible = position;
  HF_RETURN_IF_ERROR(impl.Checked(impl.AdvanceFloor().status()));
  impl.Publish(/*milestones_changed=*/false);
  for (StoreObserver* observer : impl.observers) observer->OnVisible(position);
  return true;
}

void Store::ReportDamage(const absl::Status& damage) {
  if (IsDamaged(damage)) impl_->ReportDamage(damage);
}

void Store::ReportFailedSync(const absl::Status& status) {
  if (IsFailedSync(status)) impl_->Stop(status);
}

// ---- What the verbs share ----

std::string Store::Impl::data_path() const { return absl::StrCat(options.data_dir, "/data.db"); }

SqliteOptions Store::Impl::WriterOptions() const {
  SqliteOptions sqlite;
  sqlite.vfs = options.vfs;
  sqlite.cache_bytes = int64_t{64} << 20;
  return sqlite;
}

SqliteOptions Store::Impl::ReaderOptions() const {
  SqliteOptions sqlite;
  sqlite.vfs = options.vfs;
  sqlite.mmap_bytes = options.mmap_bytes;
  sqlite.create_if_missing = false;
  return sqlite;
}

absl::StatusOr<std::optional<Position>> Store::Impl::Lookup(Revision revision) {
  if (revision.is_zero()) return std::optional<Position>(Position{});
  for (const Position& known : {tail.position, visible, floor_position, floor.base}) {
    if (known.revision == revision) return std::optional<Position>(known);
  }
  for (const Milestone& milestone : milestones) {
    if (milestone.position.revision == revision) return std::optional<Position>(milestone.position);
  }
  const auto cached = cache.ReadFrom(revision.index(), revision, 1, 1);
  if (cached.has_value()) {
    const bool is_there = !cached->empty() && (*cached)[0]->position.revision == revision;
    return is_there ? std::optional<Position>((*cached)[0]->position) : std::nullopt;
  }
  HF_ASSIGN_OR_RETURN(const std::optional<LogRow> row, tables->log.Read(revision.index()));
  if (!row.has_value() || row->record->position.revision != revision) return std::optional<Position>();
  return std::optional<Position>(row->record->position);
}

absl::StatusOr<bool> Store::Impl::AdvanceFloor() {
  Revision reached = floor.floor;
  std::erase_if(floor.pending, [&](const StoreFloor::Pending& one) {
    if (one.record > visible.revision && !MutantActive(Mutant::kCompactPastVisible)) return false;
    reached = std::max(reached, one.floor);
    return true;
  });
  if (reached == floor.floor) return false;
  floor.floor = reached;
  may_compact = true;
  HF_RETURN_IF_ERROR(SettleFloor());
  return true;
}

void Store::Impl::Publish(bool milestones_changed) {
  PublishedState::Snapshot snapshot = state.Get();
  snapshot.appended = tail.position;
  snapshot.visible = visible;
  snapshot.floor = floor.floor;
  snapshot.floor_position = floor_position;
  snapshot.oldest_record = oldest_record;
  snapshot.state_digest = tail.state_digest;
  snapshot.key_count = tail.key_count;
  if (milestones_changed) snapshot.milestones = std::make_shared<const std::vector<Milestone>>(milestones);
  state.Set(snapshot);
}

void Store::Impl::NoteSizes() { wal_bytes.store(writer->WalBytes()); }

bool Store::Impl::IsOwnDamage(const absl::Status& status) const {
  return IsDamaged(status) && DetailOf(status, "path") == data_path();
}

absl::Status Store::Impl::Checked(absl::Status status) {
  if (IsOwnDamage(status)) ReportDamage(status);
  if (IsFailedSync(status)) Stop(status);
  return status;
}

absl::Status Store::Impl::FailedSync() const {
  MutexLock lock(&failed_mu);
  return failed_sync;
}

void Store::Impl::Stop(const absl::Status& status) {
  {
    MutexLock lock(&failed_mu);
    if (!failed_sync.ok()) return;
    failed_sync = status;
  }
  HF_CHECK(options.on_failed_sync != nullptr, status.ToString());
  options.on_failed_sync(status);
}

absl::Status Store::Impl::Writable() const {
  HF_RETURN_IF_ERROR(FailedSync());
  return replacing ? replacing->failure : absl::OkStatus();
}

void Store::Impl::ReportDamage(const absl::Status& status) {
  std::function<void(const absl::Status&)> handler;
  {
    MutexLock lock(&damage_mu);
    handler = damage_handler;
  }
  if (handler != nullptr) handler(status);
}

}  // namespace holdfast::storage
