#include "storage/meta_table.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "storage/errors.h"
#include "storage/row_hash.h"
#include "storage/varint.h"

namespace holdfast::storage {
namespace {

constexpr absl::string_view kTail = "tail";
constexpr absl::string_view kFloor = "floor";

void PutPosition(std::string& out, const Position& position) {
  PutVarint(out, position.revision.number());
  PutBytes(out, position.chain_hash.view());
}

bool TakeRevision(absl::string_view& in, Revision* revision) {
  int64_t number = 0;
  if (!TakeVarint(in, &number)) return false;
  *revision = Revision(number);
  return true;
}

bool TakePosition(absl::string_view& in, Position* position) {
  absl::string_view hash;
  if (!TakeRevision(in, &position->revision) || !TakeBytes(in, &hash)) return false;
  const std::optional<ChainHash> parsed = ChainHash::FromBytes(hash);
  if (parsed.has_value()) position->chain_hash = *parsed;
  return parsed.has_value();
}

}  // namespace

std::string StoreTail::Encode() const {
  std::string out;
  PutPosition(out, position);
  PutVarint(out, wall_time_us);
  PutVarint(out, log_bytes);
  PutBytes(out, state_digest.ToBytes());
  PutVarint(out, key_count);
  PutVarint(out, next_undo_id);
  PutPosition(out, visible);
  return out;
}

bool StoreTail::Decode(absl::string_view bytes, StoreTail* tail) {
  absl::string_view digest;
  if (!TakePosition(bytes, &tail->position) || !TakeVarint(bytes, &tail->wall_time_us) ||
      !TakeVarint(bytes, &tail->log_bytes) || !TakeBytes(bytes, &digest) ||
      !TakeVarint(bytes, &tail->key_count) || !TakeVarint(bytes, &tail->next_undo_id) ||
      !TakePosition(bytes, &tail->visible)) {
    return false;
  }
  const std::optional<Digest128> parsed = Digest128::FromBytes(digest);
  if (parsed.has_value()) tail->state_digest = *parsed;
  return parsed.has_value() && bytes.empty();
}

std::string StoreFloor::Encode() const {
  std::string out;
  PutVarint(out, floor.number());
  PutPosition(out, base);
  PutBytes(out, newest_forgotten_request);
  for (const Pending& one : pending) {
    PutVarint(out, one.record.number());
    PutVarint(out, one.floor.number());
  }
  return out;
}

bool StoreFloor::Decode(absl::string_view bytes, StoreFloor* floor) {
  absl::string_view forgotten;
  if (!TakeRevision(bytes, &floor->floor) || !TakePosition(bytes, &floor->base) ||
      !TakeBytes(bytes, &forgotten)) {
    return false;
  }
  floor->newest_forgotten_request = std::string(forgotten);
  floor->pending.clear();
  while (!bytes.empty()) {
    Pending one;
    if (!TakeRevision(bytes, &one.record) || !TakeRevision(bytes, &one.floor)) return false;
    floor->pending.push_back(one);
  }
  return true;
}

absl::StatusOr<MetaTable> MetaTable::Open(SqliteDatabase& database, absl::string_view table) {
  MetaTable meta(&database);
  HF_ASSIGN_OR_RETURN(meta.get_,
                      database.Prepare(absl::StrCat("SELECT guard, value FROM ", table, " WHERE name = ?")));
  HF_ASSIGN_OR_RETURN(
      meta.put_, database.Prepare(absl::StrCat("INSERT INTO ", table, "(name, value, guard) VALUES(?, ?, ?) ",
                                               "ON CONFLICT(name) DO UPDATE SET value = excluded.value, ",
                                               "guard = excluded.guard")));
  HF_ASSIGN_OR_RETURN(meta.delete_, database.Prepare(absl::StrCat("DELETE FROM ", table, " WHERE name = ?")));
  return meta;
}

absl::StatusOr<std::optional<std::string>> MetaTable::Get(absl::string_view name) {
  SqliteQuery query = get_.Query(SqliteText{name});
  HF_ASSIGN_OR_RETURN(const bool has_row, query.Step());
  if (!has_row) return std::optional<std::string>();
  std::string value = query.BlobString(1);
  if (!Matches(query.Blob(0), GuardRow({}, {name, value}))) {
    return DamagedRowError(database_->path(), name, "a named value is not what was written");
  }
  return std::optional<std::string>(std::move(value));
}

absl::Status MetaTable::Put(absl::string_view name, absl::string_view value) {
  const DigestBytes guard(GuardRow({}, {name, value}));
  return put_.Run(SqliteText{name}, value, guard.view());
}

absl::Status MetaTable::Delete(absl::string_view name) { return delete_.Run(SqliteText{name}); }

absl::StatusOr<StoreTail> MetaTable::ReadTail() {
  HF_ASSIGN_OR_RETURN(const std::optional<std::string> bytes, Get(kTail));
  StoreTail tail;
  if (bytes.has_value() && !StoreTail::Decode(*bytes, &tail)) {
    return DamagedRowError(database_->path(), kTail, "not readable");
  }
  return tail;
}

absl::Status MetaTable::WriteTail(const StoreTail& tail) { return Put(kTail, tail.Encode()); }

absl::StatusOr<StoreFloor> MetaTable::ReadFloor() {
  HF_ASSIGN_OR_RETURN(const std::optional<std::string> bytes, Get(kFloor));
  StoreFloor floor;
  if (bytes.has_value() && !StoreFloor::Decode(*bytes, &floor)) {
    return DamagedRowError(database_->path(), kFloor, "not readable");
  }
  return floor;
}

absl::Status MetaTable::WriteFloor(const StoreFloor& floor) { return Put(kFloor, floor.Encode()); }

}  // namespace holdfast::storage
