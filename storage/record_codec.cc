#include "storage/record_codec.h"

#include <optional>
#include <string>

#include "base/status_macros.h"
#include "storage/errors.h"

namespace holdfast::storage {
namespace {

absl::Status CheckChanges(const v1::Record& record) {
  const std::string* previous = nullptr;
  for (const v1::Change& change : record.changes()) {
    if (change.key().empty()) return BrokenChainError(record.revision(), "a change without a key");
    if (previous != nullptr && *previous >= change.key()) {
      return BrokenChainError(record.revision(), "changes that are not in strict key order");
    }
    previous = &change.key();
  }
  return absl::OkStatus();
}

absl::Status CheckParts(const v1::Record& record) {
  switch (record.kind()) {
    case v1::RECORD_KIND_COMMIT:
      if (!record.has_commit()) return BrokenChainError(record.revision(), "a COMMIT without its author");
      return absl::OkStatus();
    case v1::RECORD_KIND_EPOCH:
      if (!record.has_epoch() || !record.has_rule()) {
        return BrokenChainError(record.revision(), "an EPOCH without its primary or its rule");
      }
      return absl::OkStatus();
    case v1::RECORD_KIND_SETTINGS:
      return absl::OkStatus();
    case v1::RECORD_KIND_COMPACT:
      if (record.compact_floor() <= 0 || record.compact_floor() >= record.revision()) {
        return BrokenChainError(record.revision(), "a COMPACT whose floor is not below itself");
      }
      return absl::OkStatus();
    default:
      return UnknownRecordError(record.revision(), record.kind());
  }
}

}  // namespace

absl::Status CheckRecord(const v1::Record& record) {
  if (record.format_version() != kRecordFormatVersion)
    return UnknownRecordError(record.revision(), record.kind());
  if (record.revision() <= 0 || Revision(record.revision()).index() == 0 ||
      Revision(record.revision()).epoch() > Revision::kMaxEpoch) {
    return BrokenChainError(record.revision(), "a record whose revision cannot be");
  }
  HF_RETURN_IF_ERROR(CheckParts(record));
  HF_RETURN_IF_ERROR(CheckChanges(record));
  if (!Digest128::FromBytes(record.state_digest()).has_value()) {
    return BrokenChainError(record.revision(), "a record without a state digest");
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::Record> DecodeRecord(absl::string_view bytes) {
  v1::Record record;
  if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return BrokenChainError(0, "bytes that are no record");
  }
  HF_RETURN_IF_ERROR(CheckRecord(record));
  return record;
}

v1::LogPosition ToProto(const Position& position) {
  v1::LogPosition proto;
  proto.set_revision(position.revision.number());
  const absl::string_view hash = position.chain_hash.view();
  proto.set_chain_hash(hash.data(), hash.size());
  return proto;
}

absl::StatusOr<Position> FromProto(const v1::LogPosition& position) {
  if (position.revision() == 0) return Position{};
  const std::optional<ChainHash> hash = ChainHash::FromBytes(position.chain_hash());
  if (position.revision() < 0 || !hash.has_value()) {
    return BrokenChainError(position.revision(), "a position without a chain hash");
  }
  return Position{Revision(position.revision()), *hash};
}

}  // namespace holdfast::storage
