#include "storage/snapshot_file.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "storage/data_tables.h"
#include "storage/database_check.h"
#include "storage/database_files.h"
#include "storage/errors.h"
#include "storage/schema.h"
#include "storage/sqlite_backup.h"
#include "storage/sqlite_transaction.h"

namespace holdfast::storage {
namespace {

// What is copied and synced between two looks at `cancelled`: 2 MiB, a few milliseconds of the disk.
constexpr int kPagesPerStep = 512;

SqliteOptions FileOptions(const Store::Options& options) {
  SqliteOptions sqlite;
  sqlite.vfs = options.vfs;
  sqlite.create_if_missing = false;
  return sqlite;
}

// Copies what is durable now. Returns the position that was visible once the copy's content stood fast.
absl::StatusOr<Position> CopyPages(Store& store, const std::string& path,
                                   const std::function<bool()>& cancelled) {
  const std::string source_path = absl::StrCat(store.options().data_dir, "/", kDataFileName);
  HF_ASSIGN_OR_RETURN(const auto source,
                      SqliteDatabase::OpenReader(source_path, FileOptions(store.options())));
  HF_ASSIGN_OR_RETURN(const SqliteReadTransaction snapshot, SqliteReadTransaction::Begin(*source));
  // After the pin: what is visible then is not below the floor that the copy holds.
  const Position visible = store.visible();
  HF_ASSIGN_OR_RETURN(const auto backup, SqliteBackup::Start(*source, path));
  while (true) {
    if (cancelled()) return StoppedError("the snapshot");
    HF_ASSIGN_OR_RETURN(const bool is_copied, backup->Step(kPagesPerStep));
    if (is_copied) break;
    HF_RETURN_IF_ERROR(backup->SyncSoFar());
  }
  HF_RETURN_IF_ERROR(backup->Finish());
  return visible;
}

// Writes into the copy how much of it readers may see, which node.db of the source says more exactly than its
// last batch: whoever takes the copy's place for its own then knows it after any crash.
absl::Status NoteVisible(SqliteDatabase& copy, const Position& visible) {
  HF_ASSIGN_OR_RETURN(MetaTable meta, MetaTable::Open(copy, "meta"));
  HF_ASSIGN_OR_RETURN(StoreTail end, meta.ReadTail());
  // It may have grown past the copy's end since that was pinned.
  end.visible = visible.revision < end.position.revision ? visible : end.position;
  HF_ASSIGN_OR_RETURN(SqliteTransaction transaction, SqliteTransaction::Begin(copy));
  HF_RETURN_IF_ERROR(meta.WriteTail(end));
  return transaction.Commit();
}

absl::StatusOr<Position> EndOf(SqliteDatabase& copy) {
  HF_ASSIGN_OR_RETURN(MetaTable meta, MetaTable::Open(copy, "meta"));
  HF_ASSIGN_OR_RETURN(const StoreTail end, meta.ReadTail());
  return end.position;
}

// Takes back in the copy what readers of the source did not see yet, or marks it (R15), and leaves one file
// without a WAL.
absl::Status SettleTail(const SqliteOptions& options, const std::string& path, const Position& visible,
                        SnapshotTail tail) {
  HF_ASSIGN_OR_RETURN(const auto copy, SqliteDatabase::OpenWriter(path, options));
  HF_ASSIGN_OR_RETURN(const Position end, EndOf(*copy));
  if (tail == SnapshotTail::kCut && visible.revision < end.revision)
    HF_RETURN_IF_ERROR(RewindTables(*copy, visible));
  HF_RETURN_IF_ERROR(NoteVisible(*copy, visible));
  return copy->Checkpoint().status();
}

absl::StatusOr<SnapshotFile> Describe(const Store::Options& options, SqliteDatabase& database) {
  HF_ASSIGN_OR_RETURN(MetaTable meta, MetaTable::Open(database, "meta"));
  HF_ASSIGN_OR_RETURN(const StoreTail tail, meta.ReadTail());
  SnapshotFile file;
  file.path = database.path();
  file.position = tail.position;
  file.visible = tail.visible;
  file.state_digest = tail.state_digest;
  file.key_count = tail.key_count;
  HF_ASSIGN_OR_RETURN(const int64_t schema, database.UserVersion());
  file.schema_version = static_cast<uint32_t>(schema);
  HF_ASSIGN_OR_RETURN(const int64_t bytes, options.files->Size(file.path));
  file.file_bytes = static_cast<uint64_t>(bytes);
  return file;
}

absl::StatusOr<SnapshotFile> Copy(Store& store, const std::string& path,
                                  const std::function<bool()>& cancelled, SnapshotTail tail) {
  HF_ASSIGN_OR_RETURN(const Position visible, CopyPages(store, path, cancelled));
  HF_RETURN_IF_ERROR(SettleTail(FileOptions(store.options()), path, visible, tail));
  SnapshotFile file;
  {
    HF_ASSIGN_OR_RETURN(const auto copy, SqliteDatabase::OpenWriter(path, FileOptions(store.options())));
    HF_ASSIGN_OR_RETURN(file, Describe(store.options(), *copy));
  }
  FileSystem& files = *store.options().files;
  HF_RETURN_IF_ERROR(RemoveCompanions(files, path));
  HF_RETURN_IF_ERROR(files.SyncDirectory(ParentDirectory(path)));
  return file;
}

absl::StatusOr<SnapshotFile> Verify(const Store::Options& options, const std::string& path,
                                    const std::function<bool()>& cancelled) {
  HF_ASSIGN_OR_RETURN(const auto database, SqliteDatabase::OpenWriter(path, FileOptions(options)));
  HF_RETURN_IF_ERROR(CheckDataSchema(*database));
  HF_ASSIGN_OR_RETURN(const SnapshotFile file, Describe(options, *database));
  v1::VerifyResult result;
  DatabaseCheck check(database.get(), {file.position, cancelled, [](int64_t, int64_t) {}}, &result);
  HF_RETURN_IF_ERROR(check.Run());
  if (result.findings_size() == 0) return file;
  const v1::VerifyFinding& first = result.findings(0);
  return DamagedDatabaseError(
      path, absl::StrCat(result.findings_size(), " findings, the first: ", first.message()));
}

}  // namespace

absl::StatusOr<SnapshotFile> CopySnapshot(Store& store, const std::string& path,
                                          const std::function<bool()>& cancelled, SnapshotTail tail) {
  FileSystem& files = *store.options().files;
  const uint64_t generation = store.file_generation();
  absl::StatusOr<SnapshotFile> file = Copy(store, path, cancelled, tail);
  store.ReportFailedSync(file.status());
  // It may be a copy of the one file with what was visible of the other.
  if (!store.IsSameFile(generation)) file = ReplacedMeanwhileError("the data file");
  if (file.ok()) return file;
  store.ReportDamage(file.status());  // what a copy cannot read, or cannot believe, is so in the original
  // Half a copy is of no use; the first error is what matters.
  RemoveIfThere(files, path).IgnoreError();
  RemoveCompanions(files, path).IgnoreError();
  return file;
}

absl::StatusOr<SnapshotFile> VerifySnapshotFile(const Store::Options& options, const std::string& path,
                                                const std::function<bool()>& cancelled) {
  absl::StatusOr<SnapshotFile> file = Verify(options, path, cancelled);
  const absl::Status removed = RemoveCompanions(*options.files, path);
  if (file.ok() && !removed.ok()) return removed;
  return file;
}

}  // namespace holdfast::storage
