#include "storage/log_table.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "storage/effects_codec.h"
#include "storage/errors.h"
#include "storage/row_hash.h"

namespace holdfast::storage {
namespace {

#define HF_LOG_COLUMNS \
  "idx, revision, wall_time_us, end_bytes, previous_hash, chain_hash, guard, effects, record"

constexpr absl::string_view kRead = "SELECT " HF_LOG_COLUMNS " FROM log WHERE idx = ?";
constexpr absl::string_view kReadFrom =
    "SELECT " HF_LOG_COLUMNS " FROM log WHERE idx >= ? ORDER BY idx LIMIT ?";
constexpr absl::string_view kBounds =
    "SELECT (SELECT coalesce(min(idx), 0) FROM log), (SELECT coalesce(max(idx), 0) FROM log)";
constexpr absl::string_view kInsert = "INSERT INTO log(" HF_LOG_COLUMNS ") VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)";
constexpr absl::string_view kDelete = "DELETE FROM log WHERE idx = ?";
constexpr absl::string_view kFindRequest = "SELECT idx FROM requests WHERE request_id = ?";
constexpr absl::string_view kInsertRequest =
    "INSERT INTO requests(request_id, idx) VALUES(?, ?) ON CONFLICT(request_id) DO UPDATE SET idx = "
    "excluded.idx";
constexpr absl::string_view kDeleteRequest = "DELETE FROM requests WHERE request_id = ? AND idx = ?";

Digest128 Guard(int64_t index, int64_t revision, int64_t wall_time_us, int64_t end_bytes,
                absl::string_view previous, absl::string_view chain, absl::string_view effects,
                absl::string_view record) {
  return GuardRow({index, revision, wall_time_us, end_bytes}, {previous, chain, effects, record});
}

}  // namespace

absl::StatusOr<LogTable> LogTable::Open(SqliteDatabase& database) {
  LogTable table(&database);
  HF_ASSIGN_OR_RETURN(table.read_, database.Prepare(kRead));
  HF_ASSIGN_OR_RETURN(table.read_from_, database.Prepare(kReadFrom));
  HF_ASSIGN_OR_RETURN(table.bounds_, database.Prepare(kBounds));
  HF_ASSIGN_OR_RETURN(table.find_request_, database.Prepare(kFindRequest));
  if (!database.is_writer()) return table;
  HF_ASSIGN_OR_RETURN(table.insert_, database.Prepare(kInsert));
  HF_ASSIGN_OR_RETURN(table.delete_, database.Prepare(kDelete));
  HF_ASSIGN_OR_RETURN(table.insert_request_, database.Prepare(kInsertRequest));
  HF_ASSIGN_OR_RETURN(table.delete_request_, database.Prepare(kDeleteRequest));
  return table;
}

absl::StatusOr<LogRow> LogTable::ReadRow(const SqliteQuery& query) {
  const auto damaged = [&](absl::string_view what) {
    return DamagedRowError(database_->path(), absl::StrCat("record ", Revision(query.Int64(1)).ToString()),
                           what);
  };
  const absl::string_view effects = query.Blob(7);
  const absl::string_view bytes = query.Blob(8);
  const Digest128 guard = Guard(query.Int64(0), query.Int64(1), query.Int64(2), query.Int64(3), query.Blob(4),
                                query.Blob(5), effects, bytes);
  if (!Matches(query.Blob(6), guard)) return damaged("a row of the log is not what was written");
  auto record = std::make_shared<LogRecord>();
  record->position.revision = Revision(query.Int64(1));
  const std::optional<ChainHash> previous = ChainHash::FromBytes(query.Blob(4));
  const std::optional<ChainHash> chain = ChainHash::FromBytes(query.Blob(5));
  if (!previous.has_value() || !chain.has_value()) return damaged("a chain hash has not 32 bytes");
  record->previous = *previous;
  record->position.chain_hash = *chain;
  record->bytes = std::string(bytes);
  HF_ASSIGN_OR_RETURN(record->message, DecodeRecord(record->bytes));
  if (!DecodeEffects(effects, record->message.changes_size(), &record->effects)) {
    return damaged("its effects are not readable");
  }
  return LogRow{std::move(record), query.Int64(2), query.Int64(3)};
}

absl::StatusOr<std::optional<LogRow>> LogTable::Read(uint64_t index) {
  SqliteQuery query = read_.Query(index);
  HF_ASSIGN_OR_RETURN(const bool has_row, query.Step());
  if (!has_row) return std::optional<LogRow>();
  HF_ASSIGN_OR_RETURN(LogRow row, ReadRow(query));
  return std::optional<LogRow>(std::move(row));
}

absl::StatusOr<std::vector<LogRow>> LogTable::ReadFrom(uint64_t first, Revision up_to, int max_records,
                                                       size_t max_bytes) {
  std::vector<LogRow> rows;
  size_t bytes = 0;
  SqliteQuery query = read_from_.Query(first, max_records);
  while (rows.empty() || bytes < max_bytes) {
    HF_ASSIGN_OR_RETURN(const bool has_row, query.Step());
    if (!has_row || query.Int64(1) > up_to.number()) break;
    HF_ASSIGN_OR_RETURN(LogRow row, ReadRow(query));
    // A gap is as bad as a wrong byte: what reads on from here would miss a record (I3).
    if (row.record->position.revision.index() != first + rows.size()) {
      return DamagedRowError(database_->path(), absl::StrCat("record ", first + rows.size()),
                             "missing from the log");
    }
    bytes += row.record->bytes.size();
    rows.push_back(std::move(row));
  }
  return rows;
}

absl::StatusOr<std::optional<LogTable::Bounds>> LogTable::ReadBounds() {
  SqliteQuery query = bounds_.Query();
  HF_RETURN_IF_ERROR(query.Step().status());
  if (query.Int64(1) == 0) return std::optional<Bounds>();
  return std::optional<Bounds>(
      Bounds{static_cast<uint64_t>(query.Int64(0)), static_cast<uint64_t>(query.Int64(1))});
}

absl::Status LogTable::Insert(const LogRecord& record, int64_t end_bytes) {
  const std::string effects = EncodeEffects(record.effects);
  const int64_t revision = record.position.revision.number();
  const int64_t index = static_cast<int64_t>(record.position.revision.index());
  const int64_t wall = record.message.wall_time_us();
  const absl::string_view previous = record.previous.view();
  const absl::string_view chain = record.position.chain_hash.view();
  const DigestBytes guard(Guard(index, revision, wall, end_bytes, previous, chain, effects, record.bytes));
  HF_RETURN_IF_ERROR(
      insert_.Run(index, revision, wall, end_bytes, previous, chain, guard.view(), effects, record.bytes));
  if (record.message.commit().request_id().empty()) return absl::OkStatus();
  return insert_request_.Run(record.message.commit().request_id(), index);
}

absl::Status LogTable::Delete(const LogRecord& record) {
  const int64_t index = static_cast<int64_t>(record.position.revision.index());
  HF_RETURN_IF_ERROR(delete_.Run(index));
  if (record.message.commit().request_id().empty()) return absl::OkStatus();
  return delete_request_.Run(record.message.commit().request_id(), index);
}

absl::StatusOr<std::optional<uint64_t>> LogTable::FindRequest(absl::string_view request_id) {
  SqliteQuery query = find_request_.Query(request_id);
  HF_ASSIGN_OR_RETURN(const bool has_row, query.Step());
  if (!has_row) return std::optional<uint64_t>();
  return std::optional<uint64_t>(static_cast<uint64_t>(query.Int64(0)));
}

}  // namespace holdfast::storage
