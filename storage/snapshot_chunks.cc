#include "storage/snapshot_chunks.h"

#include <zstd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/digest.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "storage/errors.h"
#include "storage/record_codec.h"

namespace holdfast::storage {
namespace {

constexpr int kCompressionLevel =
    1;  // a database page shrinks to a third; more costs the sender its processor

std::string Sha256Bytes(absl::string_view bytes) {
  const auto digest = Sha256(bytes);
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string DigestOfDigests(const v1::SnapshotManifest& manifest) {
  Sha256Stream stream;
  for (const std::string& digest : manifest.chunk_digests()) stream.Add(digest);
  const auto digest = stream.Finish();
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

uint64_t ChunkCount(uint64_t file_bytes, uint64_t chunk_bytes) {
  return (file_bytes + chunk_bytes - 1) / chunk_bytes;
}

}  // namespace

absl::StatusOr<v1::SnapshotManifest> MakeSnapshotManifest(FileSystem* files, const SnapshotFile& file,
                                                          const std::function<bool()>& cancelled) {
  v1::SnapshotManifest manifest;
  *manifest.mutable_position() = ToProto(file.position);
  if (file.visible != file.position) *manifest.mutable_visible() = ToProto(file.visible);
  manifest.set_state_digest(file.state_digest.ToBytes());
  manifest.set_schema_version(file.schema_version);
  manifest.set_file_bytes(file.file_bytes);
  manifest.set_chunk_bytes(kSnapshotChunkBytes);
  manifest.set_key_count(file.key_count);
  const uint64_t count = ChunkCount(file.file_bytes, kSnapshotChunkBytes);
  if (count > kMaxSnapshotChunks) {
    return FileTooLargeError(file.path, static_cast<int64_t>(file.file_bytes),
                             int64_t{kMaxSnapshotChunks} * static_cast<int64_t>(kSnapshotChunkBytes));
  }
  for (uint32_t number = 0; number < count; ++number) {
    if (cancelled()) return StoppedError("the snapshot");
    const int64_t size = SnapshotChunkSize(manifest, number);
    const int64_t offset = int64_t{number} * kSnapshotChunkBytes;
    HF_ASSIGN_OR_RETURN(const std::string bytes, files->ReadAt(file.path, offset, static_cast<size_t>(size)));
    if (static_cast<int64_t>(bytes.size()) != size)
      return DamagedDatabaseError(file.path, "it was cut short");
    manifest.add_chunk_digests(Sha256Bytes(bytes));
  }
  manifest.set_digest(DigestOfDigests(manifest));
  return manifest;
}

absl::Status CheckSnapshotManifest(const v1::SnapshotManifest& manifest) {
  const auto altered = [&](absl::string_view what) {
    return AlteredManifestError(manifest.snapshot_id(), what);
  };
  if (manifest.chunk_bytes() == 0 || manifest.chunk_bytes() > kMaxSnapshotChunkBytes) {
    return altered(absl::StrCat("chunks of ", manifest.chunk_bytes(), " bytes"));
  }
  const uint64_t count = static_cast<uint64_t>(manifest.chunk_digests_size());
  if (count > kMaxSnapshotChunks) return altered(absl::StrCat(count, " chunks"));
  if (manifest.file_bytes() > uint64_t{kMaxSnapshotChunks} * kMaxSnapshotChunkBytes ||
      ChunkCount(manifest.file_bytes(), manifest.chunk_bytes()) != count) {
    return altered(absl::StrCat(count, " chunks for a file of ", manifest.file_bytes(), " bytes"));
  }
  const bool has_wrong_digest =
      std::any_of(manifest.chunk_digests().begin(), manifest.chunk_digests().end(),
                  [](const std::string& digest) { return digest.size() != sizeof(ChainHash::bytes); });
  if (has_wrong_digest) return altered("a chunk digest that is no SHA-256");
  if (manifest.digest() != DigestOfDigests(manifest)) return altered("its digest does not match");
  if (!ChainHash::FromBytes(manifest.position().chain_hash()).has_value() ||
      manifest.position().revision() <= 0) {
    return altered("no position");
  }
  return Digest128::FromBytes(manifest.state_digest()).has_value() ? absl::OkStatus()
                                                                   : altered("no state digest");
}

absl::StatusOr<Position> VisibleOf(const v1::SnapshotManifest& manifest) {
  return FromProto(manifest.has_visible() ? manifest.visible() : manifest.position());
}

int64_t SnapshotChunkSize(const v1::SnapshotManifest& manifest, uint32_t number) {
  const int64_t offset = int64_t{number} * manifest.chunk_bytes();
  const int64_t rest = static_cast<int64_t>(manifest.file_bytes()) - offset;
  return std::clamp<int64_t>(rest, 0, manifest.chunk_bytes());
}

absl::StatusOr<v1::SnapshotChunk> ReadSnapshotChunk(FileSystem* files, absl::string_view path,
                                                    const v1::SnapshotManifest& manifest, uint32_t number) {
  HF_CHECK(static_cast<int>(number) < manifest.chunk_digests_size(), "no such chunk");
  const int64_t offset = int64_t{number} * manifest.chunk_bytes();
  const auto size = static_cast<size_t>(SnapshotChunkSize(manifest, number));
  HF_ASSIGN_OR_RETURN(const std::string bytes, files->ReadAt(path, offset, size));
  if (bytes.size() != size || Sha256Bytes(bytes) != manifest.chunk_digests(static_cast<int>(number))) {
    return DamagedDatabaseError(path, absl::StrCat("chunk ", number, " changed since its digest was taken"));
  }
  v1::SnapshotChunk chunk;
  chunk.set_number(number);
  std::string& packed = *chunk.mutable_data();
  packed.resize(ZSTD_compressBound(size));
  const size_t packed_size =
      ZSTD_compress(packed.data(), packed.size(), bytes.data(), size, kCompressionLevel);
  HF_CHECK(ZSTD_isError(packed_size) == 0, "the bound is large enough");
  packed.resize(packed_size);
  return chunk;
}

absl::StatusOr<std::string> UnpackSnapshotChunk(const v1::SnapshotManifest& manifest,
                                                const v1::SnapshotChunk& chunk) {
  const auto altered = [&](absl::string_view what) {
    return AlteredChunkError(manifest.snapshot_id(), chunk.number(), what);
  };
  if (chunk.number() >= static_cast<uint32_t>(manifest.chunk_digests_size()))
    return altered("there is no such chunk");
  const auto size = static_cast<size_t>(SnapshotChunkSize(manifest, chunk.number()));
  // Asked before anything is unpacked, and held against what comes out: a small chunk may claim to be a huge
  // one.
  if (ZSTD_getFrameContentSize(chunk.data().data(), chunk.data().size()) != size) return altered("its size");
  std::string bytes(size, '\0');
  const size_t got = ZSTD_decompress(bytes.data(), size, chunk.data().data(), chunk.data().size());
  if (ZSTD_isError(got) != 0 || got != size) return altered("it cannot be unpacked");
  if (Sha256Bytes(bytes) != manifest.chunk_digests(static_cast<int>(chunk.number())))
    return altered("its SHA-256");
  return bytes;
}

}  // namespace holdfast::storage
