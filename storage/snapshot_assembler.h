#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "holdfast/v1/replication.pb.h"
#include "storage/file_system.h"

namespace holdfast::storage {

// Puts the chunks of a snapshot together into one file, in order, in bounded memory. Every chunk is verified
// before a byte of it is written. What has arrived survives a restart of this process: the chunks lie in
// `<path>.partial`, the manifest in `<path>.manifest`. One thread; `files` must outlive this.
class SnapshotAssembler {
 public:
  // The manifest of an assembly that was begun at `path` and not finished, to ask its sender for the rest;
  // nullopt if there is none that can be read.
  static absl::StatusOr<std::optional<v1::SnapshotManifest>> Unfinished(FileSystem* files,
                                                                        absl::string_view path);

  // Begins at chunk 0, or goes on after the chunks of this very file that are there and still match. Requires
  // CheckSnapshotManifest, which is made here again: SNAPSHOT_ALTERED. Removes what another assembly left
  // there.
  static absl::StatusOr<std::unique_ptr<SnapshotAssembler>> Open(FileSystem* files, absl::string_view path,
                                                                 const v1::SnapshotManifest& manifest);

  // Removes everything unfinished at `path`.
  static absl::Status Discard(FileSystem* files, absl::string_view path);

  // The chunk that is wanted next (FetchSnapshotRequest.first_chunk); their count when all are there.
  uint32_t next_chunk() const { return next_chunk_; }
  bool is_complete() const { return static_cast<int>(next_chunk_) == manifest_.chunk_digests_size(); }

  // SNAPSHOT_ALTERED if it is not the next chunk or not what the manifest says: nothing was written, and the
  // right chunk may still be added. DISK_FULL and IO_ERROR end this assembler; a new one may go
  // on, but not after IsFailedSync (Store::ReportFailedSync).
  absl::Status Add(const v1::SnapshotChunk& chunk);

  // Syncs the file and gives it the name `path`. Requires is_complete(). What it holds still has to be
  // verified (VerifySnapshotFile). Call once.
  absl::Status Finish();

  const v1::SnapshotManifest& manifest() const { return manifest_; }

 private:
  SnapshotAssembler(FileSystem* files, absl::string_view path, const v1::SnapshotManifest& manifest);
  absl::Status KeepManifest();
  absl::Status CountChunksThatMatch();

  FileSystem* const files_;  // must outlive this
  const std::string path_;
  const v1::SnapshotManifest manifest_;
  std::unique_ptr<AppendStream> stream_;
  uint32_t next_chunk_ = 0;
};

}  // namespace holdfast::storage
