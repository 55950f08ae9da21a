#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

// The bounds of what comes from outside, in one place: requests, messages, queues, records. What a protocol
// step waits for stands beside the step.
namespace holdfast {

// What users may send.
inline constexpr size_t kMaxKeyBytes = 1024;
inline constexpr size_t kMaxValueBytes = 1 << 20;
inline constexpr size_t kMaxCommitBytes = 3 << 20;  // encoded: stock gRPC clients (4 MiB) need no setting
inline constexpr int kMaxChangesPerCommit = 10'000;
inline constexpr int kMaxPreconditionsPerCommit = 10'000;
// Each may end in a look at the whole range, on the strand that every commit goes through.
inline constexpr int kMaxRangePreconditionsPerCommit = 16;
inline constexpr size_t kMaxAuthorBytes = 256;
inline constexpr size_t kMaxMessageBytes = 4096;
inline constexpr size_t kMaxImportIdBytes = 64;
inline constexpr size_t kMaxNodeIdBytes = 64;
inline constexpr int kMaxSites = 8;
inline constexpr int kMaxServers = 64;  // slots (R3)
// A proxy gets a slot, to lend it, only while fewer than so many have been given: servers need them more.
inline constexpr int kMaxSlotsWithProxies = 32;
inline constexpr int kMaxNodes = 1024;
inline constexpr int kMaxVoters = 15;

// What the server answers with at a time.
inline constexpr size_t kMaxPageBytes = 2 << 20;
inline constexpr int kMaxPageRows = 10'000;
inline constexpr int kDefaultPageRows = 1'000;
inline constexpr int kMaxRowsPerLease = 256;  // rows read before a pooled reader is given back (DESIGN 7)
inline constexpr size_t kMaxWatchMessageBytes = 1 << 20;
inline constexpr size_t kWatchBatchBytes = 256 << 10;  // several commits share a message up to this
inline constexpr size_t kMaxWatchRingBytes = 64 << 20;
inline constexpr int kMaxWatchesPerNode = 20'000;
inline constexpr int kMaxWatchReads = 2;               // streams that read the database at a time
inline constexpr int kMaxRecordsPerWatchTurn = 4'096;  // records looked at before another stream has its turn
inline constexpr absl::Duration kDefaultProgressInterval = absl::Seconds(10);
inline constexpr absl::Duration kMinProgressInterval = absl::Milliseconds(100);
inline constexpr absl::Duration kMaxProgressInterval = absl::Hours(1);
inline constexpr int kMaxVisibleWaiters = 10'000;  // reads that wait for `min_revision`
inline constexpr int kMaxHistoryRows = 1'000;
inline constexpr int kDefaultHistoryRows = 100;
inline constexpr int kMaxRecordsPerHistoryPage = 20'000;  // looked at; then the page ends, however few it has
inline constexpr int kMaxQueuedPointReads = 1'024;
inline constexpr int kMaxQueuedRangeReads = 256;
inline constexpr absl::Duration kMaxMinRevisionWait = absl::Seconds(5);

// The commit path.
// A request id may be made so far ahead of the primary's clock (and of the last record): a client with a
// wrong clock would otherwise make ids unknowable for that long once its record is compacted
// (primary/judge.h).
inline constexpr absl::Duration kMaxRequestIdLead = absl::Hours(1);
inline constexpr int kMaxCommitsPerBatch = 256;
inline constexpr size_t kMaxBatchBytes = 8 << 20;
inline constexpr int kMaxQueuedCommits = 4096;
inline constexpr size_t kMaxQueuedCommitBytes = 64 << 20;
inline constexpr absl::Duration kMaxCommitDeadline = absl::Seconds(60);
inline constexpr absl::Duration kDefaultCommitDeadline = absl::Seconds(10);

// A planned spell of local (R19), extensions included. Whoever needs longer ends it and begins another, with
// a moment between them at which everything is replicated.
inline constexpr absl::Duration kMaxLocalSpell = absl::Hours(24);
inline constexpr absl::Duration kMinLocalSpell = absl::Seconds(1);

// Replication.
inline constexpr int kMaxRecordsPerMessage = 256;
inline constexpr size_t kMaxRecordBytesPerMessage = 1 << 20;
inline constexpr size_t kMaxUnackedBytesPerFollower = 8 << 20;
inline constexpr absl::Duration kHeartbeatInterval = absl::Seconds(1);
inline constexpr absl::Duration kUpstreamSilence = absl::Seconds(4);  // then the follower reconnects
inline constexpr int kMaxSnapshotCopies = 2;
inline constexpr size_t kSnapshotChunkBytes = 1 << 20;     // before compression
inline constexpr size_t kMaxSnapshotChunkBytes = 4 << 20;  // what a receiver unpacks at a time
inline constexpr int kMaxSnapshotChunks = 100'000;         // the manifest stays below gRPC's 4 MiB
inline constexpr absl::Duration kSnapshotIdleLife = absl::Minutes(2);
inline constexpr int kMaxRelayDepth = 8;
inline constexpr uint64_t kMaxRecordsInsteadOfSnapshot =
    20'000;  // an empty follower takes so many records, not more
inline constexpr size_t kMaxRecentRecordBytes = 16 << 20;  // durable records that senders find in memory
inline constexpr size_t kMaxProbesInFlight = 64;
inline constexpr absl::Duration kMaxReconnectWindow = absl::Seconds(30);

// Storage.
inline constexpr int kCheckpointPages = 1'000;
inline constexpr int kMaxWalPages = 8'000;  // with so many, a batch waits for readers before it begins
inline constexpr int64_t kWalWarningBytes = 64 << 20;
inline constexpr size_t kMaxFrameBytes = 8 << 20;  // one frame of a salvage or archive file
inline constexpr int kMaxSetAside = 1'000;         // damaged files that are kept beside each database
inline constexpr int kMaxVerifyFindings = 1'000;
inline constexpr int kCompactStepRows = 200;
inline constexpr uint64_t kMinRecordsPerCompact = 100;
inline constexpr int64_t kRetainRecords = 1'000'000;
inline constexpr absl::Duration kRetainAge = absl::Hours(72);
inline constexpr int64_t kRetainBytes = int64_t{4} << 30;

// Logging.
inline constexpr size_t kMaxLogTextBytes = 2048;  // of one value
inline constexpr size_t kMaxLogKinds = 256;
inline constexpr size_t kMaxQueuedLogLines = 4096;

}  // namespace holdfast
