#include "storage/snapshot_archive.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "storage/errors.h"
#include "storage/snapshot_assembler.h"
#include "storage/snapshot_chunks.h"

namespace holdfast::storage {
namespace {

constexpr absl::string_view kMagic = "HFSNAPSH";
constexpr uint8_t kHeaderFrame = 1;
constexpr uint8_t kChunkFrame = 2;

// Whoever restores from an archive shows all of it: it ends with what is committed (R15).
absl::Status CheckArchived(const v1::SnapshotManifest& manifest) {
  HF_RETURN_IF_ERROR(CheckSnapshotManifest(manifest));
  if (!manifest.has_visible()) return absl::OkStatus();
  return AlteredManifestError(manifest.snapshot_id(), "it goes on beyond what is committed");
}

absl::StatusOr<v1::SnapshotArchiveHeader> Unpack(FileSystem* files, absl::string_view archive,
                                                 absl::string_view target,
                                                 const std::function<bool(int64_t, int64_t)>& progress) {
  HF_ASSIGN_OR_RETURN(const auto reader, SnapshotArchiveReader::Open(files, archive));
  const v1::SnapshotManifest& manifest = reader->header().manifest();
  HF_ASSIGN_OR_RETURN(const auto assembler, SnapshotAssembler::Open(files, target, manifest));
  v1::SnapshotChunk chunk;
  while (true) {
    HF_ASSIGN_OR_RETURN(const bool has_chunk, reader->Next(&chunk));
    if (!has_chunk) break;
    HF_RETURN_IF_ERROR(assembler->Add(chunk));
    if (!progress(assembler->next_chunk(), manifest.chunk_digests_size())) return StoppedError("unpacking");
  }
  HF_RETURN_IF_ERROR(assembler->Finish());
  return reader->header();
}

}  // namespace

absl::StatusOr<std::unique_ptr<SnapshotArchiveWriter>> SnapshotArchiveWriter::Create(
    FileSystem* files, absl::string_view path, const v1::SnapshotArchiveHeader& header) {
  HF_RETURN_IF_ERROR(CheckArchived(header.manifest()));
  HF_ASSIGN_OR_RETURN(auto file, FramedFileWriter::Create(files, path, kMagic));
  HF_RETURN_IF_ERROR(file->Add(kHeaderFrame, header.SerializeAsString()));
  return std::unique_ptr<SnapshotArchiveWriter>(
      new SnapshotArchiveWriter(std::move(file), header.manifest()));
}

SnapshotArchiveWriter::SnapshotArchiveWriter(std::unique_ptr<FramedFileWriter> file,
                                             const v1::SnapshotManifest& manifest)
    : file_(std::move(file)), manifest_(manifest) {}

absl::Status SnapshotArchiveWriter::Add(const v1::SnapshotChunk& chunk) {
  if (chunk.number() != next_chunk_) {
    return AlteredChunkError(manifest_.snapshot_id(), chunk.number(),
                             absl::StrCat("chunk ", next_chunk_, " is next"));
  }
  HF_RETURN_IF_ERROR(UnpackSnapshotChunk(manifest_, chunk).status());
  ++next_chunk_;
  return file_->Add(kChunkFrame, chunk.SerializeAsString());
}

absl::Status SnapshotArchiveWriter::Finish() {
  HF_CHECK(static_cast<int>(next_chunk_) == manifest_.chunk_digests_size(), "chunks are missing");
  return file_->Finish();
}

absl::StatusOr<std::unique_ptr<SnapshotArchiveReader>> SnapshotArchiveReader::Open(FileSystem* files,
                                                                                   absl::string_view path) {
  HF_ASSIGN_OR_RETURN(auto file, FramedFileReader::Open(files, path, kMagic));
  std::unique_ptr<SnapshotArchiveReader> reader(new SnapshotArchiveReader(std::move(file)));
  FramedFileReader::Frame frame;
  HF_ASSIGN_OR_RETURN(const bool has_header, reader->file_->Next(&frame));
  if (!has_header || frame.type != kHeaderFrame || !reader->header_.ParseFromString(frame.payload)) {
    return DamagedDatabaseError(path, "its header cannot be read");
  }
  HF_RETURN_IF_ERROR(CheckArchived(reader->header_.manifest()));
  return reader;
}

SnapshotArchiveReader::SnapshotArchiveReader(std::unique_ptr<FramedFileReader> file)
    : file_(std::move(file)) {}

absl::StatusOr<bool> SnapshotArchiveReader::Next(v1::SnapshotChunk* chunk) {
  FramedFileReader::Frame frame;
  HF_ASSIGN_OR_RETURN(const bool has_chunk, file_->Next(&frame));
  const auto chunk_count = static_cast<uint32_t>(header_.manifest().chunk_digests_size());
  if (!has_chunk) {
    if (next_chunk_ == chunk_count) return false;
    return DamagedDatabaseError(file_->path(),
                                absl::StrCat("it has ", next_chunk_, " of ", chunk_count, " chunks"));
  }
  if (frame.type != kChunkFrame || !chunk->ParseFromString(frame.payload) || chunk->number() != next_chunk_) {
    return DamagedDatabaseError(file_->path(), absl::StrCat("chunk ", next_chunk_, " cannot be read"));
  }
  ++next_chunk_;
  return true;
}

absl::StatusOr<v1::SnapshotArchiveHeader> UnpackSnapshotArchive(
    FileSystem* files, absl::string_view archive, absl::string_view target,
    const std::function<bool(int64_t done, int64_t total)>& progress) {
  HF_RETURN_IF_ERROR(SnapshotAssembler::Discard(files, target));
  auto header = Unpack(files, archive, target, progress);
  if (!header.ok())
    SnapshotAssembler::Discard(files, target).IgnoreError();  // the first error is what matters
  return header;
}

}  // namespace holdfast::storage
