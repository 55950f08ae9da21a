#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "storage/connection_pool.h"
#include "storage/data_tables.h"
#include "storage/key_range.h"
#include "storage/log_cache.h"
#include "storage/published_state.h"
#include "storage/sqlite_log_reader.h"
#include "storage/sqlite_node_store.h"
#include "storage/sqlite_reader_pool.h"
#include "storage/store.h"

namespace holdfast::storage {

// What all verbs of the store share. Everything is the strand's, except where it says otherwise.
struct Store::Impl {
  explicit Impl(Options opened_with)
      : options(std::move(opened_with)), cache(static_cast<size_t>(options.log_cache_bytes)) {}

  const Options options;

  // ---- Any thread ----
  PublishedState state;
  LogCache cache;
  std::atomic<int64_t> database_bytes{0};
  std::atomic<int64_t> wal_bytes{0};
  Mutex damage_mu;
  std::function<void(const absl::Status&)> damage_handler ABSL_GUARDED_BY(damage_mu);
  mutable Mutex failed_mu;
  absl::Status failed_sync ABSL_GUARDED_BY(failed_mu);  // nothing is written any more

  // ---- In the order of construction ----
  std::unique_ptr<FileLock> lock;
  std::unique_ptr<SqliteNodeStore> node;
  std::unique_ptr<SqliteDatabase> writer;
  std::unique_ptr<DataTables> tables;
  std::unique_ptr<ConnectionPool> key_connections;
  std::unique_ptr<ConnectionPool> log_connections;
  std::unique_ptr<SqliteReaderPool> readers;
  std::unique_ptr<SqliteReaderPool> own_readers;
  std::unique_ptr<SqliteLogReader> log;

  // ---- The durable state, as it stands in memory ----
  StoreTail tail;
  StoreFloor floor;
  Position floor_position;  // of the last record that the floor covers
  Revision oldest_record;   // the first above the floor; zero if there is none
  Position visible;
  std::vector<Milestone> milestones;

  std::vector<StoreObserver*> observers;
  bool has_open_batch = false;
  std::atomic<uint64_t> file_generation{0};  // odd while the file changes
  bool has_replaced_file = false;            // the file before the last replacement is still there
  bool may_compact = true;                   // there may be rows below the floor
  int postponed_checkpoint_pages = 0;        // do not try again before the WAL has so many
  bool readers_hold_wal = false;             // at the last try: one was in the middle of a call all the time
  std::string wal_holder;                    // for people; empty: nobody
  // A replacement that was begun: there is no way back, and nothing is written before it has ended.
  struct Replacement {
    Position visible;
    std::string kept_as;
    absl::Status failure;  // of the last try
  };
  std::optional<Replacement> replacing;
  absl::Duration pages_forgotten_at;  // SinceBoot; readers compare every page anew since

  std::string data_path() const;
  SqliteOptions WriterOptions() const;
  SqliteOptions ReaderOptions() const;

  // store_open.cc
  absl::Status Open();
  absl::Status OpenNode();
  absl::Status OpenTables();
  absl::Status OpenReaders();
  absl::Status CheckTail();
  absl::Status CheckNothingLost();
  absl::Status SettleVisible();
  // Finds floor_position and oldest_record anew.
  absl::Status SettleFloor();

  // The position of a record that is kept, of a milestone, of the floor, or of the beginning.
  absl::StatusOr<std::optional<Position>> Lookup(Revision revision);

  // Moves the floor up to what visible COMPACT records ask for. True if it moved.
  absl::StatusOr<bool> AdvanceFloor();

  // store_maintain.cc
  // Deletes a bounded number of rows below the floor; true if there may be more.
  absl::StatusOr<bool> CompactStep();
  absl::StatusOr<int> CompactLog(StoreFloor* compacted);
  absl::Status CheckpointIfDue();
  // Before a batch: what keeps the WAL below kMaxWalPages and one batch, however busy the readers are.
  // RESOURCE_EXHAUSTED after max_reader_wait if one does not end its call.
  absl::Status MakeRoomInWal();
  absl::Status Checkpoint();

  // store_salvage.cc
  // Writes every record after `ancestor` into a synced file; its path, or "" if there is none.
  absl::StatusOr<std::string> Salvage(const Position& ancestor, absl::string_view reason);

  // store_rewind.cc
  absl::Status CutTo(const Position& ancestor);
  absl::Status RevertInOneTransaction(const Position& ancestor, const Position& visible_before,
                                      StoreTail* cut_tail, StoreFloor* cut_floor,
                                      std::set<std::string>* touched);

  // store_replace.cc
  // The last record that this log shares with the file at `path`, which must end at `position` and have the
  // record `visible`.
  absl::StatusOr<Position> AncestorWith(absl::string_view path, const Position& position,
                                        const Position& visible);
  // Before the swap, in node.db: of what was acknowledged and shown only what lies up to `ancestor` stays.
  absl::Status KeepUpTo(const Position& ancestor);
  // `kept_as`: the name that the replaced file keeps; empty: it goes once no reader is left.
  absl::Status SwapIn(absl::string_view path, const Position& visible_of_it, absl::string_view kept_as);
  // Goes on with `replacing` from wherever the last try has ended, and tells observers.
  absl::Status FinishSwap();
  absl::Status SwapFiles(const Position& visible_of_it);
  // Ends what ReplaceWith has begun, also before a crash. No connection to data.db may be open but readers.
  absl::Status FinishReplacement();
  absl::Status RemoveReplaced();

  // store_range.cc
  // Part of the open batch, whose records so far are `uncommitted`. As Batch::RangeChangedAfter.
  absl::StatusOr<Revision> RangeChangedAfter(const KeyRange& range, Revision after,
                                             absl::Span<const LogRecordPtr> uncommitted);
  absl::StatusOr<Revision> NewestChange(const KeyRange& range, Revision after);
  // Zero: nothing above `after`. nullopt: there are more records, or not all of them are in memory.
  std::optional<Revision> WalkBack(const KeyRange& range, Revision after, uint64_t max_records);

  // Tells the other threads.
  void Publish(bool milestones_changed);
  void NoteSizes();

  // Is this about data.db, and not about an incoming file or node.db?
  bool IsOwnDamage(const absl::Status& status) const;
  // Passes `status` on. Damage is reported (I13); after a failed sync the process ends or nothing is written
  // any more.
  absl::Status Checked(absl::Status status);
  // What only a restart can mend: the process ends, or nothing is written any more. Told once. Any thread.
  void Stop(const absl::Status& status);
  absl::Status FailedSync() const;  // any thread
  // Not OK: nothing is written any more, or not before a replacement has ended.
  absl::Status Writable() const;
  void ReportDamage(const absl::Status& status);
};

}  // namespace holdfast::storage
