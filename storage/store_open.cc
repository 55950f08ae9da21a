// How a store comes to life, and what it asks of its files before it trusts them.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "storage/errors.h"
#include "storage/schema.h"
#include "storage/store_impl.h"

namespace holdfast::storage {
namespace {

constexpr absl::string_view kLockFileName = "LOCK";

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> Store::Open(Options options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  HF_RETURN_IF_ERROR(impl->Checked(impl->Open()));
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

absl::Status Store::Impl::Open() {
  HF_RETURN_IF_ERROR(OpenNode());
  HF_RETURN_IF_ERROR(FinishReplacement());
  HF_RETURN_IF_ERROR(RemoveReplaced());
  HF_RETURN_IF_ERROR(OpenTables());
  HF_RETURN_IF_ERROR(CheckNothingLost());
  HF_RETURN_IF_ERROR(SettleVisible());
  Publish(/*milestones_changed=*/true);
  return OpenReaders();
}

absl::Status Store::Impl::OpenNode() {
  HF_ASSIGN_OR_RETURN(lock, options.files->Lock(absl::StrCat(options.data_dir, "/", kLockFileName)));
  SqliteOptions node_options = WriterOptions();
  node_options.cache_bytes = 1 << 20;
  HF_ASSIGN_OR_RETURN(
      node,
      SqliteNodeStore::Open(absl::StrCat(options.data_dir, "/", kNodeFileName), node_options, options.random,
                            [this](const absl::Status& status) { (void)Checked(status); }));
  return absl::OkStatus();
}

absl::Status Store::Impl::OpenTables() {
  HF_ASSIGN_OR_RETURN(writer, SqliteDatabase::OpenWriter(data_path(), WriterOptions()));
  HF_RETURN_IF_ERROR(PrepareDataSchema(*writer));
  HF_ASSIGN_OR_RETURN(tables, DataTables::Open(*writer));
  HF_ASSIGN_OR_RETURN(tail, tables->meta.ReadTail());
  HF_ASSIGN_OR_RETURN(floor, tables->meta.ReadFloor());
  HF_ASSIGN_OR_RETURN(milestones, tables->milestones.ReadAll());
  HF_RETURN_IF_ERROR(CheckTail());
  HF_RETURN_IF_ERROR(SettleFloor());
  NoteSizes();
  HF_ASSIGN_OR_RETURN(const int64_t bytes, options.files->Size(data_path()));
  database_bytes.store(bytes);
  return absl::OkStatus();
}

absl::Status Store::Impl::CheckTail() {
  HF_ASSIGN_OR_RETURN(const std::optional<LogTable::Bounds> bounds, tables->log.ReadBounds());
  const uint64_t last = bounds.has_value() ? bounds->last : floor.base.revision.index();
  const uint64_t before_first = bounds.has_value() ? bounds->first - 1 : floor.base.revision.index();
  if (last != tail.position.revision.index() || before_first != floor.base.revision.index()) {
    return DamagedDatabaseError(data_path(), "the log does not begin or end where it says");
  }
  if (!bounds.has_value()) return absl::OkStatus();
  HF_ASSIGN_OR_RETURN(const std::optional<LogRow> row, tables->log.Read(last));
  if (!row.has_value() || row->record->position != tail.position) {
    return DamagedDatabaseError(data_path(), "the log's last record is not the one that was written");
  }
  return absl::OkStatus();
}

absl::Status Store::Impl::SettleFloor() {
  const uint64_t base = floor.base.revision.index();
  const uint64_t end = tail.position.revision.index() + 1;
  const uint64_t first = std::clamp(FirstIndexAfter(floor.floor, milestones), base + 1, end);
  const auto position_at = [&](uint64_t index) -> absl::StatusOr<Position> {
    HF_ASSIGN_OR_RETURN(const std::optional<LogRow> row, tables->log.Read(index));
    if (row.has_value()) return row->record->position;
    return DamagedRowError(data_path(), absl::StrCat("record ", index), "missing from the log");
  };
  floor_position = floor.base;
  oldest_record = Revision();
  if (first > base + 1) {
    HF_ASSIGN_OR_RETURN(floor_position, position_at(first - 1));
  }
  if (first == end) return absl::OkStatus();
  HF_ASSIGN_OR_RETURN(const Position oldest, position_at(first));
  oldest_record = oldest.revision;
  return absl::OkStatus();
}

absl::Status Store::Impl::CheckNothingLost() {
  // A flipped bit in the WAL makes SQLite drop everything behind it without a word. What this node has
  // acknowledged or shown was durable, so a log that ends below it has lost its end.
  for (const Position& witness : {node->acknowledged(), node->visible()}) {
    if (witness.revision > tail.position.revision) {
      return DamagedDatabaseError(
          data_path(),
          absl::StrCat("the log has lost its end: it ends at ", tail.position.revision.ToString(),
                       ", this node held ", witness.revision.ToString()));
    }
    if (witness.revision <= floor.floor) continue;
    HF_ASSIGN_OR_RETURN(const std::optional<Position> own, Lookup(witness.revision));
    if (own != witness) {
      return DamagedDatabaseError(data_path(),
                                  absl::StrCat("the log is not the one that this node held: record ",
                                               witness.revision.ToString(), " is another one"));
    }
  }
  return absl::OkStatus();
}

absl::Status Store::Impl::SettleVisible() {
  // A power cut may take node.db's word for it, which is not synced; what the last batch says, and the floor,
  // were visible too.
  visible = floor_position;
  for (const Position& shown : {tail.visible, node->visible()}) {
    if (shown.revision > visible.revision) visible = shown;
  }
  return AdvanceFloor().status();
}

absl::Status Store::Impl::OpenReaders() {
  const auto on_damage = [this](const absl::Status& status) { ReportDamage(status); };
  HF_ASSIGN_OR_RETURN(key_connections,
                      ConnectionPool::Open({data_path(), ReaderOptions(), options.reader_count}, &state));
  HF_ASSIGN_OR_RETURN(log_connections,
                      ConnectionPool::Open({data_path(), ReaderOptions(), options.log_reader_count}, &state));
  readers = std::make_unique<SqliteReaderPool>(key_connections.get(), &state, on_damage);
  own_readers = std::make_unique<SqliteReaderPool>(log_connections.get(), &state, on_damage);
  log = std::make_unique<SqliteLogReader>(&cache, log_connections.get(), &state, on_damage);
  return absl::OkStatus();
}

}  // namespace holdfast::storage
