#include "storage/errors.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"

namespace holdfast::storage {
namespace {

constexpr absl::string_view kFailedSync = "failed_sync";

// What to do with a copy that cannot be right.
constexpr char kTakeASnapshot[] =
    ". Stop this node, keep its data directory for review, and start it with an empty one: it takes a "
    "snapshot from "
    "another node. The primary needs one that is restored: `holdfast snapshot restore FILE --data-dir DIR`";

absl::Status AtPath(absl::StatusCode code, absl::string_view reason, absl::string_view path,
                    absl::string_view message) {
  return WithDetail(MakeError(code, reason, absl::StrCat(path, ": ", message)), "path", path);
}

}  // namespace

absl::Status DiskFullError(absl::string_view path) {
  return AtPath(absl::StatusCode::kResourceExhausted, "DISK_FULL", path,
                "the disk is full; nothing was changed. Make room, then try again");
}

absl::Status DamagedDatabaseError(absl::string_view path, absl::string_view what) {
  return AtPath(absl::StatusCode::kDataLoss, "DATA_DAMAGED", path,
                absl::StrCat("the file is damaged: ", what));
}

absl::Status DatabaseBusyError(absl::string_view path) {
  return AtPath(absl::StatusCode::kResourceExhausted, "RESOURCE_EXHAUSTED", path,
                "the database stayed busy for longer than the busy timeout");
}

absl::Status OutOfMemoryError(absl::string_view path) {
  return AtPath(absl::StatusCode::kResourceExhausted, "RESOURCE_EXHAUSTED", path,
                "out of memory, or a value above SQLite's limit");
}

absl::Status NewerSchemaError(absl::string_view path, int64_t found, int64_t known) {
  const absl::Status status = AtPath(absl::StatusCode::kFailedPrecondition, "SCHEMA_TOO_NEW", path,
                                     absl::StrCat("written with schema ", found, ", this release knows ",
                                                  known, "; start the newer release"));
  return WithDetail(WithDetail(status, "found", absl::StrCat(found)), "known", absl::StrCat(known));
}

absl::Status LockedByAnotherProcessError(absl::string_view path, int64_t pid) {
  const std::string who = pid > 0 ? absl::StrCat("process ", pid) : "another process";
  return WithDetail(AtPath(absl::StatusCode::kFailedPrecondition, "DATA_DIR_LOCKED", path,
                           absl::StrCat("locked by ", who, "; stop it or choose another directory")),
                    "pid", absl::StrCat(pid));
}

absl::Status IoError(absl::string_view path, absl::string_view what) {
  return AtPath(absl::StatusCode::kInternal, "IO_ERROR", path, what);
}

absl::Status FailedSyncError(absl::string_view path, absl::string_view what) {
  return WithDetail(
      AtPath(absl::StatusCode::kInternal, "IO_ERROR", path, absl::StrCat("a sync failed: ", what)),
      kFailedSync, "true");
}

absl::Status NoSuchFileError(absl::string_view path) {
  return AtPath(absl::StatusCode::kNotFound, "IO_ERROR", path, "no such file or directory");
}

absl::Status FileExistsError(absl::string_view path) {
  return AtPath(absl::StatusCode::kAlreadyExists, "IO_ERROR", path, "there is a file of this name already");
}

absl::Status FileTooLargeError(absl::string_view path, int64_t size, int64_t limit) {
  return WithDetail(AtPath(absl::StatusCode::kResourceExhausted, "RESOURCE_EXHAUSTED", path,
                           absl::StrCat("has ", size, " bytes, at most ", limit, " are read")),
                    "limit", absl::StrCat(limit));
}

absl::Status StatementError(absl::string_view path, absl::string_view what) {
  return AtPath(absl::StatusCode::kInternal, "INTERNAL", path, what);
}

absl::Status DamagedRowError(absl::string_view path, absl::string_view key, absl::string_view what) {
  return WithDetail(DamagedDatabaseError(path, absl::StrCat("\"", absl::CHexEscape(key), "\": ", what)),
                    "key", key);
}

absl::Status CompactedError(Revision asked, Revision oldest) {
  return WithDetail(MakeError(absl::StatusCode::kOutOfRange, "COMPACTED",
                              absl::StrCat("revision ", asked.ToString(), " is compacted; the oldest is ",
                                           oldest.ToString())),
                    "oldest_revision", absl::StrCat(oldest.number()));
}

absl::Status FutureRevisionError(Revision asked, Revision visible) {
  return WithDetail(MakeError(absl::StatusCode::kOutOfRange, "FUTURE_REVISION",
                              absl::StrCat("revision ", asked.ToString(),
                                           " is not shown here yet; this node is at ", visible.ToString())),
                    "revision", absl::StrCat(visible.number()));
}

absl::Status LostRevisionError(Revision asked, Revision shared) {
  const absl::Status error =
      MakeError(absl::StatusCode::kOutOfRange, "REWOUND",
                absl::StrCat("revision ", asked.ToString(),
                             " was lost with its primary; its history is shared up to at most ",
                             shared.ToString(), ". Read again, then go on from the revision of that answer"));
  return WithDetail(WithDetail(error, "common_revision", absl::StrCat(shared.number())), "revision",
                    absl::StrCat(asked.number()));
}

absl::Status BrokenChainError(int64_t revision, absl::string_view what) {
  return WithDetail(MakeError(absl::StatusCode::kDataLoss, "CHAIN_BROKEN",
                              absl::StrCat("the log does not go on at ", Revision(revision).ToString(), ": ",
                                           what, kTakeASnapshot)),
                    "revision", absl::StrCat(revision));
}

absl::Status DivergedError(Revision revision) {
  return WithDetail(MakeError(absl::StatusCode::kDataLoss, "DIVERGED",
                              absl::StrCat("the state digest after ", revision.ToString(),
                                           " is not the one that the record carries", kTakeASnapshot)),
                    "revision", absl::StrCat(revision.number()));
}

absl::Status UnknownRecordError(int64_t revision, int kind) {
  const absl::Status error =
      MakeError(absl::StatusCode::kFailedPrecondition, "UNKNOWN_RECORD",
                absl::StrCat("record ", Revision(revision).ToString(), " is of a kind or format (", kind,
                             ") that this release does not know; upgrade this node"));
  return WithDetail(WithDetail(error, "revision", absl::StrCat(revision)), "kind", absl::StrCat(kind));
}

absl::Status ReadersBusyError() {
  return WithDetail(MakeError(absl::StatusCode::kResourceExhausted, "RESOURCE_EXHAUSTED",
                              "all pooled readers of the database are busy; try again"),
                    "what", "readers");
}

absl::Status WrongClusterError(absl::string_view expected, absl::string_view found) {
  const absl::Status error =
      MakeError(absl::StatusCode::kFailedPrecondition, "WRONG_CLUSTER",
                absl::StrCat("this data directory belongs to cluster ", expected, ", not to ", found,
                             "; set another data_dir, or the peers' addresses of ", expected));
  return WithDetail(WithDetail(error, "expected", expected), "found", found);
}

absl::Status OtherNodeError(absl::string_view expected, absl::string_view found) {
  return WithDetail(
      MakeError(absl::StatusCode::kFailedPrecondition, "CONFLICTING_SETTINGS",
                absl::StrCat("this data directory belongs to node \"", expected, "\", not to \"", found,
                             "\"; a node's id never changes: set node_id = \"", expected,
                             "\", or another data_dir")),
      "what", "node_id");
}

absl::Status DamagedPrimaryError(absl::string_view data_dir, const absl::Status& damage) {
  return WithContext(
      damage,
      absl::StrCat(
          "this node was the primary and does not start from a damaged copy. Nothing was changed. Keep ",
          data_dir,
          " for review; then restore a snapshot into an empty directory (`holdfast snapshot restore FILE "
          "--data-dir DIR`; a proxy gives one: `holdfast snapshot save FILE`) and start from that. The "
          "damage"));
}

absl::Status DamagedServerIdentityError(absl::string_view data_dir, const absl::Status& damage) {
  return WithContext(
      damage,
      absl::StrCat("what this server has promised can no longer be read, and by its log it may be the "
                   "primary. Nothing "
                   "was changed. If another node is the primary, move ",
                   data_dir,
                   " away and start with an empty directory: the node comes back with a new incarnation and "
                   "a snapshot. If this node was the primary, restore a snapshot instead: `holdfast snapshot "
                   "restore FILE --data-dir DIR`. The damage"));
}

absl::Status AlteredManifestError(absl::string_view snapshot_id, absl::string_view what) {
  return WithDetail(MakeError(absl::StatusCode::kDataLoss, "SNAPSHOT_ALTERED",
                              absl::StrCat("the manifest of snapshot ", snapshot_id, ": ", what)),
                    "snapshot_id", snapshot_id);
}

absl::Status AlteredChunkError(absl::string_view snapshot_id, uint32_t chunk, absl::string_view what) {
  const absl::Status status =
      MakeError(absl::StatusCode::kDataLoss, "SNAPSHOT_ALTERED",
                absl::StrCat("chunk ", chunk, " of snapshot ", snapshot_id, " was altered: ", what));
  return WithDetail(WithDetail(status, "snapshot_id", snapshot_id), "chunk", absl::StrCat(chunk));
}

absl::Status StoppedError(absl::string_view what) {
  return absl::CancelledError(absl::StrCat(what, " was stopped"));
}

absl::Status ReplacedMeanwhileError(absl::string_view what) {
  return absl::UnavailableError(absl::StrCat(what, " was replaced while it was read; try again"));
}

bool IsDiskFull(const absl::Status& status) { return ReasonOf(status) == "DISK_FULL"; }
bool IsDamaged(const absl::Status& status) { return ReasonOf(status) == "DATA_DAMAGED"; }
bool IsFailedSync(const absl::Status& status) { return !DetailOf(status, kFailedSync).empty(); }

bool MayPass(const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  if (reason == "IO_ERROR") return !IsFailedSync(status);
  return reason == "DISK_FULL" || reason == "RESOURCE_EXHAUSTED";
}

}  // namespace holdfast::storage
