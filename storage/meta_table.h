#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/digest.h"
#include "base/position.h"
#include "storage/sqlite_database.h"

namespace holdfast::storage {

// Where the log ends and what the state there is. Replaced in every transaction that appends or cuts records.
struct StoreTail {
  Position position;         // of the last record
  int64_t wall_time_us = 0;  // of the last record; never decreases
  int64_t log_bytes = 0;     // of all records ever, compacted ones included
  Digest128 state_digest;    // at `position`
  Position visible;       // what readers saw when the transaction began: a power cut may take node.db's word
  int64_t key_count = 0;  // live keys at `position`
  int64_t next_undo_id = 1;  // never used before, so that a link never names a younger row

  std::string Encode() const;
  static bool Decode(absl::string_view bytes, StoreTail* tail);
  bool operator==(const StoreTail&) const = default;
};

// How much of the beginning is gone.
struct StoreFloor {
  struct Pending {
    Revision record;  // the COMPACT record
    Revision floor;   // what it asks for, once it is visible
    bool operator==(const Pending&) const = default;
  };

  Revision floor;  // reads below answer COMPACTED
  Position base;   // of the last record whose row is gone; zero if none is
  // The highest request id, as bytes, of all records whose rows are gone; empty if none had one.
  std::string newest_forgotten_request;
  std::vector<Pending> pending;

  std::string Encode() const;
  static bool Decode(absl::string_view bytes, StoreFloor* floor);
};

// Named values of a database file, each with its guard. Same thread as the database, which must outlive it.
class MetaTable {
 public:
  // `table` is "meta" (data.db) or "node" (node.db).
  static absl::StatusOr<MetaTable> Open(SqliteDatabase& database, absl::string_view table);

  // DATA_DAMAGED if the row does not match its guard.
  absl::StatusOr<std::optional<std::string>> Get(absl::string_view name);
  // Inside a transaction.
  absl::Status Put(absl::string_view name, absl::string_view value);
  absl::Status Delete(absl::string_view name);

  absl::StatusOr<StoreTail> ReadTail();
  absl::Status WriteTail(const StoreTail& tail);
  absl::StatusOr<StoreFloor> ReadFloor();
  absl::Status WriteFloor(const StoreFloor& floor);

 private:
  explicit MetaTable(SqliteDatabase* database) : database_(database) {}

  SqliteDatabase* database_;
  SqliteStatement get_;
  SqliteStatement put_;
  SqliteStatement delete_;
};

}  // namespace holdfast::storage
