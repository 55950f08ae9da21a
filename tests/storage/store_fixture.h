#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "gtest/gtest.h"
#include "storage/memory_disk.h"
#include "storage/memory_file_system.h"
#include "storage/store.h"
#include "tests/base/manual_clock.h"

namespace holdfast::storage {

inline v1::Change Put(absl::string_view key, absl::string_view value) {
  v1::Change change;
  change.set_key(std::string(key));
  change.set_value(std::string(value));
  return change;
}

inline v1::Change Delete(absl::string_view key) {
  v1::Change change;
  change.set_key(std::string(key));
  return change;
}

inline RecordDraft CommitDraft(std::vector<v1::Change> changes, absl::string_view request_id = "") {
  RecordDraft draft;
  draft.changes = std::move(changes);
  draft.commit.emplace();
  draft.commit->set_author("tester");
  draft.commit->set_request_id(std::string(request_id));
  if (!request_id.empty()) draft.commit->set_request_digest(Hash128(request_id).ToBytes());
  return draft;
}

inline RecordDraft EpochDraft(absl::string_view node_id) {
  RecordDraft draft;
  draft.kind = v1::RECORD_KIND_EPOCH;
  draft.epoch.emplace();
  draft.epoch->set_node_id(std::string(node_id));
  draft.rule.emplace();
  return draft;
}

inline RecordDraft CompactDraft(Revision floor) {
  RecordDraft draft;
  draft.kind = v1::RECORD_KIND_COMPACT;
  draft.compact_floor = floor;
  return draft;
}

// One store on a memory disk of its own, which survives Reopen and Crash.
class StoreUnderTest {
 public:
  StoreUnderTest() : files_(&disk_), random_(SeededRandom(1)) {
    EXPECT_TRUE(files_.MakeDirectories(kDirectory).ok());
  }

  static constexpr char kDirectory[] = "/d";

  Store::Options Options() {
    Store::Options options;
    options.data_dir = kDirectory;
    options.files = &files_;
    options.vfs = files_.sqlite_vfs();
    options.clock = &clock_;
    options.random = random_.get();
    options.reader_count = 3;
    options.mmap_bytes = 0;
    options.log_cache_bytes = log_cache_bytes;
    options.max_reader_wait = absl::Milliseconds(1);
    options.on_failed_sync = [](const absl::Status&) {};
    return options;
  }

  absl::Status Open() {
    absl::StatusOr<std::unique_ptr<Store>> opened = Store::Open(Options());
    if (!opened.ok()) return opened.status();
    store_ = *std::move(opened);
    return absl::OkStatus();
  }
  void Close() { store_.reset(); }
  void Reopen() {
    Close();
    const absl::Status opened = Open();
    ASSERT_TRUE(opened.ok()) << opened;
  }

  Store& store() { return *store_; }
  Store* operator->() { return store_.get(); }
  bool is_open() const { return store_ != nullptr; }
  MemoryDisk& disk() { return disk_; }
  MemoryFileSystem& files() { return files_; }
  ManualClock& clock() { return clock_; }

  // Appends one record in a batch of its own, at the epoch of the log's end or a higher one.
  absl::StatusOr<LogRecordPtr> Append(const RecordDraft& draft, uint64_t epoch = 0) {
    auto batch = store_->BeginBatch();
    if (!batch.ok()) return batch.status();
    epoch = std::max(epoch, store_->appended().revision.epoch());
    auto record = (*batch)->Append(epoch, "node-1", draft);
    if (!record.ok()) return record.status();
    const absl::Status committed = (*batch)->Commit();
    if (!committed.ok()) return committed;
    return record;
  }

  // The same, and shows it.
  Position Commit(std::vector<v1::Change> changes, absl::string_view request_id = "") {
    return Show(Append(CommitDraft(std::move(changes), request_id)));
  }
  Position Show(const absl::StatusOr<LogRecordPtr>& record) {
    EXPECT_TRUE(record.ok()) << record.status();
    if (!record.ok()) return Position{};
    const absl::StatusOr<bool> moved = store_->AdvanceVisible((*record)->position);
    EXPECT_TRUE(moved.ok() && *moved) << moved.status();
    return (*record)->position;
  }

  // "value" of a key as it was, or "(none)", or "!REASON".
  std::string Read(absl::string_view key, Revision at) {
    auto lease = store_->readers().Acquire();
    if (!lease.ok()) return "!" + ReasonOf(lease.status());
    auto found = (*lease)->Get(key, at);
    if (!found.ok()) return "!" + ReasonOf(found.status());
    return found->has_value() ? std::string((*found)->value) : "(none)";
  }
  std::string Read(absl::string_view key) { return Read(key, store_->visible().revision); }

  // All keys and values at a revision, read in small steps.
  std::map<std::string, std::string> ReadAll(Revision at, int step = 100) {
    std::map<std::string, std::string> all;
    std::string key(1, '\0');
    while (true) {
      auto lease = store_->readers().Acquire();
      EXPECT_TRUE(lease.ok()) << lease.status();
      if (!lease.ok()) return all;
      auto next =
          (*lease)->Scan(key, absl::string_view("\0", 1), at, step, false, [&](const KeyVersion& version) {
            EXPECT_TRUE(all.emplace(std::string(version.key), std::string(version.value)).second);
            return true;
          });
      EXPECT_TRUE(next.ok()) << next.status();
      if (!next.ok() || !next->has_value()) return all;
      key = **next;
    }
  }

  // Maintains until there is nothing left to do.
  void MaintainFully() {
    absl::StatusOr<bool> more = true;
    while (more.ok() && *more) more = store_->Maintain();
    EXPECT_TRUE(more.ok()) << more.status();
  }

  int log_cache_bytes = 32 << 20;

 private:
  MemoryDisk disk_;
  MemoryFileSystem files_;
  ManualClock clock_;
  std::unique_ptr<Random> random_;
  std::unique_ptr<Store> store_;
};

}  // namespace holdfast::storage
