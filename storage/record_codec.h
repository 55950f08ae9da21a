#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/position.h"
#include "holdfast/v1/record.pb.h"

namespace holdfast::storage {

// The format that records are written in, and the newest one that is read.
inline constexpr uint32_t kRecordFormatVersion = 1;

// What applying one change did to its key: derived, identical on every replica, kept beside the record so
// that watches and history need not look for it again.
struct ChangeEffect {
  int64_t create_revision = 0;    // of the new version; 0 for a deletion
  int64_t version = 0;            // of the new version; 0 for a deletion
  int64_t previous_revision = 0;  // mod_revision of the live version before, 0 if there was none
};

// A record of the log as it is stored: immutable, shared between the log's readers, senders and the watch
// hub. Any thread.
struct LogRecord {
  Position position;                  // of this record
  ChainHash previous;                 // before it
  std::string bytes;                  // exactly what was hashed, stored and sent
  v1::Record message;                 // parsed from `bytes`
  std::vector<ChangeEffect> effects;  // one for each of message.changes(), same order
};
using LogRecordPtr = std::shared_ptr<const LogRecord>;

// Parses and checks what can be checked without a store: format version and kind known (UNKNOWN_RECORD
// otherwise), revision positive, changes in strict key order, state digest of 16 bytes, and the part that its
// kind demands. CHAIN_BROKEN for bytes that are no record.
absl::StatusOr<v1::Record> DecodeRecord(absl::string_view bytes);

// The same checks on a record that is parsed already.
absl::Status CheckRecord(const v1::Record& record);

v1::LogPosition ToProto(const Position& position);
absl::StatusOr<Position> FromProto(
    const v1::LogPosition& position);  // CHAIN_BROKEN unless the hash has 32 bytes (or revision 0)

}  // namespace holdfast::storage
