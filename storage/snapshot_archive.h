#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "holdfast/v1/files.pb.h"
#include "storage/file_system.h"
#include "storage/framed_file.h"

namespace holdfast::storage {

// Writes a snapshot archive: the one file of `holdfast snapshot save` (docs/formats/snapshot.md), a manifest
// and all chunks in order as they came. It has its name only when Finish returned OK. One thread; `files`
// must outlive this.
class SnapshotArchiveWriter {
 public:
  // SNAPSHOT_ALTERED if the manifest contradicts itself, or not all of the copy is committed;
  // ALREADY_EXISTS as code if `path` is taken.
  static absl::StatusOr<std::unique_ptr<SnapshotArchiveWriter>> Create(
      FileSystem* files, absl::string_view path, const v1::SnapshotArchiveHeader& header);

  // The next chunk; unpacked and verified first: an archive is never written that could not be restored.
  absl::Status Add(const v1::SnapshotChunk& chunk);

  // Requires all chunks. Syncs and names the file. Call once.
  absl::Status Finish();

  uint32_t next_chunk() const { return next_chunk_; }

 private:
  SnapshotArchiveWriter(std::unique_ptr<FramedFileWriter> file, const v1::SnapshotManifest& manifest);

  const std::unique_ptr<FramedFileWriter> file_;
  const v1::SnapshotManifest manifest_;
  uint32_t next_chunk_ = 0;
};

// Reads such a file. One thread; `files` must outlive this.
class SnapshotArchiveReader {
 public:
  // DATA_DAMAGED, SCHEMA_TOO_NEW as FramedFileReader; SNAPSHOT_ALTERED as SnapshotArchiveWriter::Create.
  static absl::StatusOr<std::unique_ptr<SnapshotArchiveReader>> Open(FileSystem* files,
                                                                     absl::string_view path);

  const v1::SnapshotArchiveHeader& header() const { return header_; }

  // The next chunk, not yet unpacked; false after the last, when the whole file was found right.
  absl::StatusOr<bool> Next(v1::SnapshotChunk* chunk);

 private:
  explicit SnapshotArchiveReader(std::unique_ptr<FramedFileReader> file);

  const std::unique_ptr<FramedFileReader> file_;
  v1::SnapshotArchiveHeader header_;
  uint32_t next_chunk_ = 0;
};

// Unpacks an archive into a database file at `target`, verified chunk by chunk, synced. What the database
// holds still has to be verified (VerifySnapshotFile). A failure leaves nothing. `progress` (chunks done, of
// all) may say false to stop: CANCELLED.
absl::StatusOr<v1::SnapshotArchiveHeader> UnpackSnapshotArchive(
    FileSystem* files, absl::string_view archive, absl::string_view target,
    const std::function<bool(int64_t done, int64_t total)>& progress);

}  // namespace holdfast::storage
