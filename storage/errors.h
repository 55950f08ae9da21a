#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/revision.h"

// Every failure of storage/, each with its reason (base/error.h) and `path` as a detail. Any thread.
namespace holdfast::storage {

// DISK_FULL. The transaction was rolled back and nothing changed; safe to retry when there is room. Reads go
// on.
absl::Status DiskFullError(absl::string_view path);

// DATA_DAMAGED. The file holds bytes that we did not write, or misses some that we did. Retrying is useless:
// the owner sets the file aside.
absl::Status DamagedDatabaseError(absl::string_view path, absl::string_view what);

// RESOURCE_EXHAUSTED. Another connection held the database for longer than the busy timeout, or memory ran
// out. Nothing changed; safe to retry.
absl::Status DatabaseBusyError(absl::string_view path);
absl::Status OutOfMemoryError(absl::string_view path);

// SCHEMA_TOO_NEW. A newer release wrote the file; nothing was touched.
absl::Status NewerSchemaError(absl::string_view path, int64_t found, int64_t known);

// DATA_DIR_LOCKED. Another process runs on this data directory. `pid` is 0 if it is not known.
absl::Status LockedByAnotherProcessError(absl::string_view path, int64_t pid);

// IO_ERROR. The operating system refused; `what` says which call and why.
absl::Status IoError(absl::string_view path, absl::string_view what);

// IO_ERROR. An fsync failed, so nobody knows what is durable: the owner must end the process and never retry
// (DESIGN 7).
absl::Status FailedSyncError(absl::string_view path, absl::string_view what);

// NOT_FOUND as code, IO_ERROR as reason: there is no such file.
absl::Status NoSuchFileError(absl::string_view path);

// ALREADY_EXISTS as code, IO_ERROR as reason: the name is taken; nothing was changed.
absl::Status FileExistsError(absl::string_view path);

// RESOURCE_EXHAUSTED. The file is larger than what its reader allows.
absl::Status FileTooLargeError(absl::string_view path, int64_t size, int64_t limit);

// INTERNAL. SQLite found fault with our statement, or a constraint of our own was broken.
absl::Status StatementError(absl::string_view path, absl::string_view what);

// DATA_DAMAGED. A row says something else than was written; `key` is what it is about.
absl::Status DamagedRowError(absl::string_view path, absl::string_view key, absl::string_view what);

// COMPACTED. What was asked for lies below the floor; `oldest_revision` can still be had.
absl::Status CompactedError(Revision asked, Revision oldest);

// FUTURE_REVISION. This node does not show `asked` yet; it shows `revision`. Retry later.
absl::Status FutureRevisionError(Revision asked, Revision visible);

// REWOUND. `asked` belongs to a history that this log has left; both share at most what is up to `shared`
// (lost_revision.h). Read anew.
absl::Status LostRevisionError(Revision asked, Revision shared);

// CHAIN_BROKEN. These bytes do not go on from where this log ends, or are no record. Nothing was changed.
absl::Status BrokenChainError(int64_t revision, absl::string_view what);

// DIVERGED. After this record the state is not what the primary had (I4). Nothing was changed.
absl::Status DivergedError(Revision revision);

// UNKNOWN_RECORD. A newer release wrote the record. Nothing was changed.
absl::Status UnknownRecordError(int64_t revision, int kind);

// RESOURCE_EXHAUSTED. Every pooled reader was busy for the whole bounded wait. Safe to retry.
absl::Status ReadersBusyError();

// WRONG_CLUSTER. The data directory belongs to another cluster.
absl::Status WrongClusterError(absl::string_view expected, absl::string_view found);

// CONFLICTING_SETTINGS. The data directory belongs to another node.
absl::Status OtherNodeError(absl::string_view expected, absl::string_view found);

// DATA_DAMAGED. What a node must not set aside by itself; nothing was touched. The message says how to go on:
// a former primary may hold commits that nobody else has, its node.db what it has promised.
absl::Status DamagedPrimaryError(absl::string_view data_dir, const absl::Status& damage);
absl::Status DamagedServerIdentityError(absl::string_view data_dir, const absl::Status& damage);

// SNAPSHOT_ALTERED. A manifest or chunk is not what its digest says; nothing of it was kept. Fetch it again.
absl::Status AlteredManifestError(absl::string_view snapshot_id, absl::string_view what);
absl::Status AlteredChunkError(absl::string_view snapshot_id, uint32_t chunk, absl::string_view what);

// CANCELLED as code, without a reason: the caller itself said stop. Nothing is left behind.
absl::Status StoppedError(absl::string_view what);

// UNAVAILABLE as code, without a reason: what was being read has been replaced. Again, it succeeds.
absl::Status ReplacedMeanwhileError(absl::string_view what);

bool IsDiskFull(const absl::Status& status);
bool IsDamaged(const absl::Status& status);
bool IsFailedSync(const absl::Status& status);
// DISK_FULL, RESOURCE_EXHAUSTED, IO_ERROR other than a failed sync: nothing changed, and it may pass by
// itself.
bool MayPass(const absl::Status& status);

}  // namespace holdfast::storage
