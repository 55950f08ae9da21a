#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "holdfast/v1/replication.pb.h"
#include "storage/file_system.h"
#include "storage/snapshot_file.h"

// A snapshot file in pieces for the wire: a manifest with the SHA-256 of each piece, and pieces compressed
// with zstd. Pure apart from FileSystem; any thread.
namespace holdfast::storage {

// Reads the file once and fills in what the file knows: position, digests, sizes, schema, keys. The caller
// adds snapshot_id, cluster_id and the stream. `cancelled` is asked between chunks (CANCELLED).
// RESOURCE_EXHAUSTED for a file of more than kMaxSnapshotChunks chunks.
absl::StatusOr<v1::SnapshotManifest> MakeSnapshotManifest(FileSystem* files, const SnapshotFile& file,
                                                          const std::function<bool()>& cancelled);

// What a receiver demands of a manifest before it believes anything in it: sizes that agree and stay within
// the limits, digests of the right length that give the manifest's own. SNAPSHOT_ALTERED otherwise.
absl::Status CheckSnapshotManifest(const v1::SnapshotManifest& manifest);

// What may be shown of the snapshot: all of it, or as far as the manifest says. CHAIN_BROKEN as FromProto.
absl::StatusOr<Position> VisibleOf(const v1::SnapshotManifest& manifest);

// Bytes of chunk `number` before compression.
int64_t SnapshotChunkSize(const v1::SnapshotManifest& manifest, uint32_t number);

// Reads and compresses chunk `number` of the file at `path`. DATA_DAMAGED if the file no longer matches its
// manifest.
absl::StatusOr<v1::SnapshotChunk> ReadSnapshotChunk(FileSystem* files, absl::string_view path,
                                                    const v1::SnapshotManifest& manifest, uint32_t number);

// The bytes of a chunk, verified. Never unpacks more than the manifest says: a chunk that claims or holds
// more is SNAPSHOT_ALTERED, as is one with another digest.
absl::StatusOr<std::string> UnpackSnapshotChunk(const v1::SnapshotManifest& manifest,
                                                const v1::SnapshotChunk& chunk);

}  // namespace holdfast::storage
