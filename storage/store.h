#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/position.h"
#include "storage/file_system.h"
#include "storage/log_reader.h"
#include "storage/milestone.h"
#include "storage/node_store.h"
#include "storage/reader_pool.h"
#include "storage/record_codec.h"

namespace holdfast::storage {

// What a primary wants to append. The store gives revision, time, digest and hash.
struct RecordDraft {
  v1::RecordKind kind = v1::RECORD_KIND_COMMIT;
  std::vector<v1::Change> changes;       // strict key order, each key once
  std::optional<v1::CommitInfo> commit;  // the parts that the kind demands
  std::optional<v1::EpochInfo> epoch;
  std::optional<v1::DurabilityRule> rule;
  std::optional<Revision> compact_floor;
};

// Hears what the store does, on the core strand, after it is durable. Must not call back into the store's
// writing side.
class StoreObserver {
 public:
  virtual ~StoreObserver() = default;
  // Records became durable, in order. Not yet visible.
  virtual void OnAppended(absl::Span<const LogRecordPtr> records) = 0;
  // The visible position grew; every record up to it is now shown.
  virtual void OnVisible(const Position& visible) = 0;
  // Records after `ancestor` are gone. If `visible_before` is higher than `ancestor`, watchers must be told
  // (REWOUND): `touched_keys` are the keys that the lost visible records changed.
  virtual void OnRewound(const Position& ancestor, const Position& visible_before,
                         const std::vector<std::string>& touched_keys) = 0;
  // A snapshot replaced the file: everything is new, and visible up to `visible`, which may be below what was
  // visible before (on another branch) and below the end of the log.
  virtual void OnReplaced(const Position& visible) = 0;
};

// One replica's data: the log, the key space at the newest record with its older versions, in `data.db`, and
// `node.db` beside it.
//
// Threads. Everything that writes belongs to the node's core strand ("strand" below). Reading goes through
// `readers()` and `log()`, from any thread. Positions are atomic snapshots, from any thread. A failed sync
// ends the process (DESIGN 7). Disk full and other write errors roll the transaction back and are returned:
// the store stays usable.
class Store {
 public:
  struct Options {
    std::string data_dir;
    FileSystem* files = nullptr;  // must outlive the store
    std::string vfs;              // SQLite VFS name; empty: the operating system's
    Clock* clock = nullptr;       // must outlive the store
    Random* random = nullptr;     // must outlive the store
    int reader_count = 6;         // pooled read connections
    int64_t mmap_bytes = int64_t{1} << 36;
    int log_cache_bytes = 32 << 20;  // recent records kept in memory for senders and watches
    int log_reader_count = 2;        // read connections for records that memory no longer has
    absl::Duration max_reader_wait = absl::Seconds(2);  // of a batch for readers, when the WAL is full
    // An fsync failed, so nobody knows what is durable (DESIGN 7), or a file was damaged while it took the
    // place of data.db. Unset: the process ends. A simulator crashes the node here; if this returns, every
    // later write fails with the same error. Called once, by any thread.
    std::function<void(const absl::Status&)> on_failed_sync;
  };

  // Opens or creates data.db and node.db in an existing directory. Errors: DATA_DIR_LOCKED (pid),
  // SCHEMA_TOO_NEW, DATA_DAMAGED, IO_ERROR, DISK_FULL. A log that ends below what node.db says was
  // acknowledged is DATA_DAMAGED too ("the log has lost its end").
  static absl::StatusOr<std::unique_ptr<Store>> Open(Options options);
  ~Store();

  // For a data.db that Open refused as damaged: gives it (with its WAL) a name of its own beside the old one,
  // never deletes it, and renews the incarnation first, since what was acknowledged is gone with it (R16).
  // The next Open begins with an empty store. No store may be open on the directory. Returns the new path.
  // Safe to retry.
  static absl::StatusOr<std::string> SetAside(const Options& options, absl::string_view why);

  // Any thread.
  Position appended() const;       // the last durable record
  Position visible() const;        // what readers see; never above appended()
  Revision floor() const;          // reads below answer COMPACTED
  Digest128 state_digest() const;  // at appended()
  int64_t key_count() const;       // live keys at appended()
  const Options& options() const;
  ReaderPool& readers();
  // For the node itself: from the connections that the log is read with, so that no client is waited for.
  ReaderPool& own_readers();
  LogReader& log();
  std::vector<Milestone> milestones() const;  // a copy, oldest first

  // Strand. node.db: promise, incarnation, acknowledged position.
  NodeStore& node();
  // Strand: every page and value of node.db, some milliseconds. DATA_DAMAGED with the first that is not what
  // was written; what this process knows of it is sound until the next start, which says how to go on
  // (data_dir.h).
  absl::Status CheckNode();

  // Strand. Must be set before the first append; observers must outlive the store or be removed.
  void AddObserver(StoreObserver* observer);
  void RemoveObserver(StoreObserver* observer);

  // One transaction on the write connection: any number of records, one sync. Strand. Destroyed without
  // Commit: nothing has happened.
  class Batch {
   public:
    ~Batch();
    // The state at the end of this batch so far (not limited to what is visible).
    absl::StatusOr<std::optional<v1::KeyValue>> Get(absl::string_view key);
    // A change (deletions included) in [key, end) above `after`, the newest one; `end` as
    // ListRequest.range_end. Zero if there is none. REWOUND if `after` belongs to a lost history; COMPACTED
    // if it is below the floor and no change is left to be seen, since a deletion might have been compacted.
    // Costs the lesser of the range and what was committed since.
    absl::StatusOr<Revision> RangeChangedAfter(absl::string_view key, absl::string_view range_end,
                                               Revision after);
    // The record that bears this request id, if its row is still there (also below the floor).
    struct RequestRecord {
      Revision revision;
      Digest128 digest;
    };
    absl::StatusOr<std::optional<RequestRecord>> FindRequest(absl::string_view request_id);
    // The highest request id, compared as bytes, of all records whose rows are gone; empty if there is none.
    // An id that is greater and is not found was never in this log.
    const std::string& NewestForgottenRequest() const;
    // The wall time that a record appended now would bear: it never decreases along the log.
    absl::Time NextRecordTime() const;

    // A primary's append, under `epoch` (at least the last record's; a greater one starts with an EPOCH
    // record). Makes the record's bytes.
    absl::StatusOr<LogRecordPtr> Append(uint64_t epoch, absl::string_view origin_node,
                                        const RecordDraft& draft);
    // A follower's append of exact bytes. Checks chain (CHAIN_BROKEN), revision order, kind (UNKNOWN_RECORD),
    // and after applying the state digest (DIVERGED).
    absl::StatusOr<LogRecordPtr> AppendEncoded(const ChainHash& previous, absl::string_view bytes);
    // Makes all durable, then tells observers OnAppended. DISK_FULL and IO_ERROR leave the store as before
    // the batch.
    absl::Status Commit();

   private:
    friend class Store;
    struct Impl;
    explicit Batch(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
  };
  // RESOURCE_EXHAUSTED if the WAL is full because a reader is in the middle of a call and stays there for
  // max_reader_wait (DESIGN 7): nothing changed, safe to retry.
  absl::StatusOr<std::unique_ptr<Batch>> BeginBatch();

  // Moves the visible position to `position` if it is higher and on this chain (R14; ignored if not: returns
  // false). Written (not synced) to node.db before it is shown. Strand.
  absl::StatusOr<bool> AdvanceVisible(const Position& position);

  // The chain hash of a retained record, or of a milestone. Strand or any thread.
  absl::StatusOr<std::optional<Position>> PositionAt(Revision revision);

  // Cuts everything after `ancestor` (a record of this log). What is cut is first in a synced salvage file
  // (I6); returns its path, or "" if nothing was cut. Errors leave all as it was. Strand.
  absl::StatusOr<std::string> RewindTo(const Position& ancestor, absl::string_view reason);

  // Small maintenance on the strand, to be called often (after each batch and every 100 ms): checkpoints when
  // the WAL has grown (DESIGN 7 sequence), deletes a bounded number of rows below the floor. True if there is
  // more to do at once.
  absl::StatusOr<bool> Maintain();

  // The floor that the retention policy asks for now: never above visible. Strand.
  absl::StatusOr<Revision> RetentionFloor(const v1::RetentionPolicy& policy);

  // A verified database file (see snapshot_file.h) takes the place of data.db at once; readers move over as
  // they renew. node.db stays. Records that only the old file held are salvaged first unless they are on the
  // snapshot's chain. It ends at `position`; shown of it is what lies up to `visible`, and what was shown
  // before of the log that both files share. Strand.
  // An error leaves everything as it was, unless is_replacing(). DATA_DAMAGED also if `visible` is no record
  // of the file, or lies below its floor.
  absl::Status ReplaceWith(absl::string_view path, const Position& position, const Position& visible,
                           absl::string_view reason);

  // The same for a store that is damaged: what of the log cannot be read is not salvaged, because the damaged
  // file keeps existing, under a name of its own, which is returned. The caller has renewed the incarnation
  // (R16). DATA_DAMAGED only speaks of the file at `path`. Strand. Safe to repeat.
  absl::StatusOr<std::string> RepairWith(absl::string_view path, const Position& position,
                                         const Position& visible, absl::string_view reason);

  // ReplaceWith or RepairWith has begun to change names and could not end (DISK_FULL, IO_ERROR): there is no
  // way back, readers keep the old file, and everything that writes is refused with that error until
  // FinishReplacing, or the next Open, has gone on with it. `path` must stay where it is. Strand.
  bool is_replacing() const;
  // Requires is_replacing(). Returns the name that the old file keeps; empty if it goes. Safe to retry.
  // Strand.
  absl::StatusOr<std::string> FinishReplacing();

  // Whoever has met damage in data.db by other means than this store's readers. Any thread.
  void ReportDamage(const absl::Status& damage);

  // Whoever has synced a file of this data directory by other means than this store: after a failed sync the
  // process ends, or every later write fails (on_failed_sync). To be called where the error arises: whoever
  // asked for the file may be gone, and the next sync of it would succeed without being true. Any thread.
  void ReportFailedSync(const absl::Status& status);

  // Called from any thread when a read met damage (I13): the node starts a repair. Set once, before reads
  // begin.
  void SetDamageHandler(std::function<void(const absl::Status&)> handler);

  // For who opens data.db by its name: while another file takes it, the store still speaks of the old one.
  // What was read is of one file if IsSameFile holds, afterwards, of the generation before. Any thread.
  uint64_t file_generation() const;
  bool IsSameFile(uint64_t generation) const;

  // Sizes for metrics. Any thread.
  int64_t database_bytes() const;
  int64_t wal_bytes() const;
  // Who kept the last checkpoint from ending, for people; empty if nobody did. Strand.
  const std::string& wal_holder() const;

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::storage
