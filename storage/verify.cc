#include "storage/verify.h"

#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "storage/database_check.h"
#include "storage/errors.h"
#include "storage/schema.h"

namespace holdfast::storage {
namespace {

// Rewinds and replaced files are rare; more than so many during one verification are a reason to say so.
constexpr int kMaxAttempts = 3;

v1::VerifyResult CarriedState(const Store& store) {
  v1::VerifyResult result;
  Position before = store.appended();
  while (true) {
    result.set_state_digest(store.state_digest().ToBytes());
    result.set_key_count(store.key_count());
    const Position after = store.appended();
    *result.mutable_position() = ToProto(after);
    if (after == before) return result;
    before = after;
  }
}

absl::StatusOr<bool> StillHolds(Store& store, const Position& position) {
  HF_ASSIGN_OR_RETURN(const std::optional<Position> own, store.PositionAt(position.revision));
  return own == position && store.floor() <= position.revision;
}

absl::StatusOr<v1::VerifyResult> CheckOnce(Store& store, const Position& at,
                                           const std::function<void(int64_t, int64_t)>& progress,
                                           const std::function<bool()>& cancelled) {
  SqliteOptions sqlite;
  sqlite.vfs = store.options().vfs;
  const std::string path = absl::StrCat(store.options().data_dir, "/", kDataFileName);
  v1::VerifyResult result;
  *result.mutable_position() = ToProto(at);
  result.set_state_digest(store.state_digest().ToBytes());
  result.set_key_count(store.key_count());
  const absl::StatusOr<std::unique_ptr<SqliteDatabase>> reader = SqliteDatabase::OpenReader(path, sqlite);
  if (IsDamaged(reader.status())) {
    v1::VerifyFinding& finding = *result.add_findings();
    finding.set_kind("structure");
    finding.set_message(std::string(reader.status().message()));
    return result;
  }
  HF_RETURN_IF_ERROR(reader.status());
  DatabaseCheck check(reader->get(), {at, cancelled, progress}, &result);
  HF_RETURN_IF_ERROR(check.Run());
  return result;
}

}  // namespace

absl::StatusOr<v1::VerifyResult> VerifyStore(
    Store& store, bool deep, const std::function<void(int64_t checked, int64_t total)>& progress,
    const std::function<bool()>& cancelled) {
  if (!deep) return CarriedState(store);
  for (int attempt = 1;; ++attempt) {
    const uint64_t generation = store.file_generation();
    const Position at = store.visible();
    const Position end = store.appended();
    HF_ASSIGN_OR_RETURN(const v1::VerifyResult result, CheckOnce(store, at, progress, cancelled));
    if (!store.IsSameFile(generation)) return ReplacedMeanwhileError("the data file");
    if (result.findings_size() == 0 || attempt == kMaxAttempts) return result;
    // Records that were cut, or compacted beyond what was being read, look like damage.
    HF_ASSIGN_OR_RETURN(const bool has_at, StillHolds(store, at));
    HF_ASSIGN_OR_RETURN(const bool has_end, StillHolds(store, end));
    if (!has_at || !has_end) continue;
    // I13: a replica repairs itself, whoever found the damage.
    store.ReportDamage(
        DamagedDatabaseError(absl::StrCat(store.options().data_dir, "/", kDataFileName),
                             absl::StrCat("deep verification: ", result.findings(0).message())));
    return result;
  }
}

}  // namespace holdfast::storage
