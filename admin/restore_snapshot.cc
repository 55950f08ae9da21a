#include "admin/restore_snapshot.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "admin/errors.h"
#include "base/status_macros.h"
#include "storage/snapshot_archive.h"
#include "storage/snapshot_file.h"
#include "storage/store.h"

namespace holdfast::admin {
namespace {

constexpr char kDatabaseName[] = "data.db";  // as Store::Open takes it (storage/DESIGN.md)

absl::Status CheckEmpty(const std::string& directory) {
  std::error_code error;
  if (!std::filesystem::exists(directory, error) || std::filesystem::is_empty(directory, error))
    return absl::OkStatus();
  return BadFileError(
      directory, 0,
      "is not empty; a snapshot is restored into a new directory only. Move the old one aside first, so that "
      "nothing of it is lost");
}

}  // namespace

absl::StatusOr<Restored> RestoreSnapshot(const Environment& environment, const std::string& archive,
                                         const std::string& data_dir,
                                         const std::function<void(int64_t done, int64_t total)>& progress) {
  HF_RETURN_IF_ERROR(CheckEmpty(data_dir));
  storage::FileSystem* const files = storage::PosixFileSystem();
  HF_RETURN_IF_ERROR(files->MakeDirectories(data_dir));

  storage::Store::Options options;
  options.data_dir = data_dir;
  options.files = files;
  options.clock = environment.clock;
  options.random = environment.random;
  const std::string draft = absl::StrCat(data_dir, "/restoring.db");
  HF_ASSIGN_OR_RETURN(const v1::SnapshotArchiveHeader header,
                      storage::UnpackSnapshotArchive(files, archive, draft, [&](int64_t done, int64_t total) {
                        progress(done, total);
                        return true;
                      }));
  const auto verified = storage::VerifySnapshotFile(options, draft, [] { return false; });
  if (!verified.ok()) {
    (void)files->Remove(draft);
    return verified.status();
  }
  HF_RETURN_IF_ERROR(files->Rename(draft, absl::StrCat(data_dir, "/", kDatabaseName)));

  HF_ASSIGN_OR_RETURN(const auto store, storage::Store::Open(options));
  // All of an archive is committed (R15); a file that an older release has made knows of less.
  HF_RETURN_IF_ERROR(store->AdvanceVisible(store->appended()).status());
  HF_RETURN_IF_ERROR(store->node().JoinCluster(header.manifest().cluster_id()));
  return Restored{header.manifest().cluster_id(), store->node().identity().incarnation,
                  store->appended().revision.number(), store->key_count()};
}

}  // namespace holdfast::admin
