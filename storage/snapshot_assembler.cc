#include "storage/snapshot_assembler.h"

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/digest.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "storage/database_files.h"
#include "storage/errors.h"
#include "storage/snapshot_chunks.h"

namespace holdfast::storage {
namespace {

constexpr int64_t kMaxManifestBytes = int64_t{kMaxSnapshotChunks} * 40 + 4096;
// How much may have to be fetched again after a power cut; and small syncs let the syncs of commits pass
// between.
constexpr int kChunksPerSync = 8;

std::string PartialPath(absl::string_view path) { return absl::StrCat(path, ".partial"); }
std::string ManifestPath(absl::string_view path) { return absl::StrCat(path, ".manifest"); }

bool MatchesDigest(absl::string_view bytes, const std::string& digest) {
  const auto computed = Sha256(bytes);
  return absl::string_view(reinterpret_cast<const char*>(computed.data()), computed.size()) == digest;
}

}  // namespace

absl::StatusOr<std::optional<v1::SnapshotManifest>> SnapshotAssembler::Unfinished(FileSystem* files,
                                                                                  absl::string_view path) {
  HF_ASSIGN_OR_RETURN(const bool exists, files->Exists(ManifestPath(path)));
  if (!exists) return std::nullopt;
  HF_ASSIGN_OR_RETURN(const std::string bytes, files->ReadFile(ManifestPath(path), kMaxManifestBytes));
  v1::SnapshotManifest manifest;
  // A crash may have torn it: then the assembly begins anew.
  if (!manifest.ParseFromString(bytes) || !CheckSnapshotManifest(manifest).ok()) return std::nullopt;
  return manifest;
}

absl::StatusOr<std::unique_ptr<SnapshotAssembler>> SnapshotAssembler::Open(
    FileSystem* files, absl::string_view path, const v1::SnapshotManifest& manifest) {
  HF_RETURN_IF_ERROR(CheckSnapshotManifest(manifest));
  std::unique_ptr<SnapshotAssembler> assembler(new SnapshotAssembler(files, path, manifest));
  HF_ASSIGN_OR_RETURN(const auto begun, Unfinished(files, path));
  HF_ASSIGN_OR_RETURN(const bool has_chunks, files->Exists(PartialPath(path)));
  if (!has_chunks || !begun.has_value() || begun->digest() != manifest.digest()) {
    HF_RETURN_IF_ERROR(Discard(files, path));
    HF_RETURN_IF_ERROR(assembler->KeepManifest());
    HF_ASSIGN_OR_RETURN(assembler->stream_, files->CreateAppendStream(PartialPath(path)));
    return assembler;
  }
  HF_RETURN_IF_ERROR(assembler->CountChunksThatMatch());
  return assembler;
}

absl::Status SnapshotAssembler::Discard(FileSystem* files, absl::string_view path) {
  HF_RETURN_IF_ERROR(RemoveIfThere(*files, PartialPath(path)));
  return RemoveIfThere(*files, ManifestPath(path));
}

SnapshotAssembler::SnapshotAssembler(FileSystem* files, absl::string_view path,
                                     const v1::SnapshotManifest& manifest)
    : files_(files), path_(path), manifest_(manifest) {}

absl::Status SnapshotAssembler::KeepManifest() {
  return files_->WriteNewFile(ManifestPath(path_), manifest_.SerializeAsString());
}

absl::Status SnapshotAssembler::CountChunksThatMatch() {
  int64_t kept = 0;
  for (; !is_complete(); ++next_chunk_) {
    const auto size = static_cast<size_t>(SnapshotChunkSize(manifest_, next_chunk_));
    HF_ASSIGN_OR_RETURN(const std::string bytes, files_->ReadAt(PartialPath(path_), kept, size));
    if (bytes.size() != size || !MatchesDigest(bytes, manifest_.chunk_digests(static_cast<int>(next_chunk_))))
      break;
    kept += static_cast<int64_t>(size);
  }
  HF_ASSIGN_OR_RETURN(stream_, files_->ResumeAppendStream(PartialPath(path_), kept));
  return absl::OkStatus();
}

absl::Status SnapshotAssembler::Add(const v1::SnapshotChunk& chunk) {
  HF_CHECK(stream_ != nullptr, "the assembly is over");
  if (chunk.number() != next_chunk_) {
    return AlteredChunkError(manifest_.snapshot_id(), chunk.number(),
                             absl::StrCat("chunk ", next_chunk_, " is next"));
  }
  HF_ASSIGN_OR_RETURN(const std::string bytes, UnpackSnapshotChunk(manifest_, chunk));
  HF_RETURN_IF_ERROR(stream_->Append(bytes));
  ++next_chunk_;
  return next_chunk_ % kChunksPerSync == 0 ? stream_->Sync() : absl::OkStatus();
}

absl::Status SnapshotAssembler::Finish() {
  HF_CHECK(is_complete() && stream_ != nullptr, "chunks are missing");
  HF_RETURN_IF_ERROR(stream_->Close());
  stream_.reset();
  HF_RETURN_IF_ERROR(files_->Rename(PartialPath(path_), path_));
  return RemoveIfThere(*files_, ManifestPath(path_));
}

}  // namespace holdfast::storage
