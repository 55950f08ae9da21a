// Historical reads against a model kept in memory, over a long random run with group commits, compaction,
// rewinds and reopening, while readers in threads never rest. HOLDFAST_REFERENCE_COMMITS sets the length,
// HOLDFAST_REFERENCE_SEED the run.
#include <atomic>
#include <cstdlib>
#include <thread>

#include "base/limits.h"
#include "tests/storage/reference_model.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/scale.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::storage {
namespace {

// Reads without a pause until it is told to stop: pairs that every commit writes alike, and whole ranges.
class RestlessReader {
 public:
  explicit RestlessReader(Store* store) : store_(store), thread_([this]() { Run(); }) {}
  ~RestlessReader() {
    stop_.store(true);
    thread_.join();
  }
  int64_t reads() const { return reads_.load(); }

 private:
  void Run() {
    for (int64_t i = 0; !stop_.load(); ++i) {
      auto lease = store_->readers().Acquire();
      if (!lease.ok()) continue;
      const Revision at = store_->visible().revision;
      if (i % 16 == 0) {
        ScanSome(**lease, at);
      } else {
        ReadPair(**lease, at);
      }
      reads_.fetch_add(1);
    }
  }

  // A rewind or a compaction may overtake the reader; nothing else may fail.
  static bool IsOvertaken(const absl::Status& status) {
    const std::string reason = ReasonOf(status);
    return reason == "FUTURE_REVISION" || reason == "COMPACTED" || reason == "REWOUND";
  }

  void ReadPair(ReadLease& lease, Revision at) {
    const auto left = lease.Get("pair/left", at);
    const std::string value = left.ok() && left->has_value() ? std::string((*left)->value) : "";
    const auto right = lease.Get("pair/right", at);
    for (const absl::Status& status : {left.status(), right.status()}) {
      EXPECT_TRUE(status.ok() || IsOvertaken(status)) << status;
    }
    if (!left.ok() || !right.ok()) return;
    EXPECT_EQ(left->has_value(), right->has_value());
    if (!right->has_value()) return;
    EXPECT_EQ((*right)->value, value) << "half a commit at " << at.ToString();
  }

  void ScanSome(ReadLease& lease, Revision at) {
    const auto next = lease.Scan("key/", "key0", at, kMaxRowsPerLease, false, [](const KeyVersion& version) {
      EXPECT_EQ(version.value.substr(0, version.key.size()), version.key);
      return true;
    });
    EXPECT_TRUE(next.ok() || IsOvertaken(next.status())) << next.status();
  }

  Store* const store_;
  std::atomic<bool> stop_{false};
  std::atomic<int64_t> reads_{0};
  std::thread thread_;
};

class ReferenceRun {
 public:
  explicit ReferenceRun(uint64_t seed) : random_(SeededRandom(seed)) {}

  Store::Options Options() {
    Store::Options options;
    options.data_dir = directory_.path();
    options.files = PosixFileSystem();
    options.clock = RealClock();
    options.random = random_.get();
    options.log_cache_bytes = 64 << 10;  // most log reads go to the file
    return options;
  }

  void Open() {
    auto opened = Store::Open(Options());
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
    for (int i = 0; i < 2; ++i) readers_.push_back(std::make_unique<RestlessReader>(store_.get()));
  }
  void Close() {
    readers_.clear();
    store_.reset();
  }

  void Run(int64_t commits) {
    Open();
    while (commit_count_ < commits && !::testing::Test::HasFailure()) {
      AppendBatch();
      if (random_->Below(3) > 0) ShowSome();
      auto more = store_->Maintain();
      ASSERT_TRUE(more.ok()) << more.status();
      ASSERT_LT(store_->wal_bytes(), kWalWarningBytes);
      max_wal_bytes_ = std::max(max_wal_bytes_, store_->wal_bytes());
      if (random_->Below(200) == 0) CheckSomeRevisions();
      if (random_->Below(300) == 0) AskToCompact();
      if (random_->Below(400) == 0) Rewind();
      if (random_->Below(1000) == 0) Reopen();
    }
    CheckSomeRevisions();
    Close();
    ::testing::Test::RecordProperty("max_wal_bytes", std::to_string(max_wal_bytes_));
  }

 private:
  std::string RandomKey() { return absl::StrCat("key/", random_->Below(400)); }

  void AppendBatch() {
    auto batch = store_->BeginBatch();
    ASSERT_TRUE(batch.ok()) << batch.status();
    std::vector<LogRecordPtr> added;
    for (uint64_t n = 1 + random_->Below(12); n > 0; --n) {
      auto record = (*batch)->Append(epoch_, "node-1", RandomDraft());
      ASSERT_TRUE(record.ok()) << record.status();
      added.push_back(*record);
    }
    if (random_->Below(50) == 0) return;  // the batch is dropped
    const absl::Status committed = (*batch)->Commit();
    ASSERT_TRUE(committed.ok()) << committed;
    for (const LogRecordPtr& record : added) {
      model_.Apply(*record);
      positions_.push_back(record->position);
    }
    commit_count_ += static_cast<int64_t>(added.size());
  }

  RecordDraft RandomDraft() {
    const std::string stamp = absl::StrCat(++value_count_);
    std::map<std::string, v1::Change> changes;
    for (uint64_t n = random_->Below(4); n > 0; --n) {
      const std::string key = RandomKey();
      const std::string filler(random_->Below(10) == 0 ? random_->Below(6000) : random_->Below(200), 'x');
      changes[key] = random_->Below(4) == 0 ? Delete(key) : Put(key, absl::StrCat(key, "=", stamp, filler));
    }
    changes["pair/left"] = Put("pair/left", stamp);
    changes["pair/right"] = Put("pair/right", stamp);
    std::vector<v1::Change> sorted;
    for (auto& [key, change] : changes) sorted.push_back(change);
    return CommitDraft(sorted, absl::StrCat("request-", stamp));
  }

  void ShowSome() {
    if (positions_.empty()) return;
    const size_t back = random_->Below(std::min<size_t>(positions_.size(), 5));
    const Position& position = positions_[positions_.size() - 1 - back];
    auto moved = store_->AdvanceVisible(position);
    ASSERT_TRUE(moved.ok()) << moved.status();
    EXPECT_TRUE(!*moved || store_->visible() == position);
  }

  void AskToCompact() {
    const Revision visible = store_->visible().revision;
    if (visible.is_zero()) return;
    size_t i = random_->Below(positions_.size());
    while (i > 0 && positions_[i].revision > visible) --i;
    if (positions_[i].revision > visible || positions_[i].revision <= store_->floor()) return;
    auto batch = store_->BeginBatch();
    ASSERT_TRUE(batch.ok());
    auto record = (*batch)->Append(epoch_, "node-1", CompactDraft(positions_[i].revision));
    ASSERT_TRUE(record.ok() && (*batch)->Commit().ok()) << record.status();
    positions_.push_back((*record)->position);
  }

  void Rewind() {
    size_t i = positions_.size() - 1 - random_->Below(std::min<size_t>(positions_.size(), 40));
    while (i < positions_.size() && positions_[i].revision < store_->floor()) ++i;
    const Position ancestor = positions_[i];
    auto salvaged = store_->RewindTo(ancestor, "the random run says so");
    ASSERT_TRUE(salvaged.ok()) << salvaged.status();
    EXPECT_EQ(salvaged->empty(), i + 1 == positions_.size());
    EXPECT_EQ(store_->appended(), ancestor);
    EXPECT_LE(store_->visible().revision, ancestor.revision);
    positions_.resize(i + 1);
    model_.RewindTo(ancestor.revision);
    // What comes after is of a new epoch: no index of one epoch is ever written twice (R8).
    auto batch = store_->BeginBatch();
    ASSERT_TRUE(batch.ok());
    auto record = (*batch)->Append(++epoch_, "node-1", EpochDraft("node-1"));
    ASSERT_TRUE(record.ok() && (*batch)->Commit().ok()) << record.status();
    positions_.push_back((*record)->position);
  }

  void Reopen() {
    const Position appended = store_->appended();
    const Position visible = store_->visible();
    const Revision floor = store_->floor();
    Close();
    Open();
    EXPECT_EQ(store_->appended(), appended);
    EXPECT_EQ(store_->visible(), visible);
    EXPECT_EQ(store_->floor(), floor);
  }

  void CheckSomeRevisions() {
    CheckDigest();
    for (int n = 0; n < 8; ++n) {
      const Revision at = positions_[random_->Below(positions_.size())].revision;
      CheckWhole(at);
    }
    CheckWhole(store_->visible().revision);
    CheckWhole(store_->floor());
  }

  // The digest is the sum over what the model says is live at the end.
  void CheckDigest() {
    Digest128 sum;
    const auto all = model_.ReadAll(store_->appended().revision);
    for (const auto& [key, version] : all) {
      sum += RowHash(key, version.create_revision, version.mod_revision, version.version, version.value);
    }
    EXPECT_EQ(store_->state_digest(), sum);
    EXPECT_EQ(store_->key_count(), static_cast<int64_t>(all.size()));
  }

  void CheckWhole(Revision at) {
    std::map<std::string, ReferenceModel::Version> found;
    std::string key(1, '\0');
    std::optional<std::string> next = key;
    while (next.has_value()) {
      auto lease = store_->readers().Acquire();
      ASSERT_TRUE(lease.ok()) << lease.status();
      auto scanned =
          (*lease)->Scan(*next, absl::string_view("\0", 1), at, 50, false, [&](const KeyVersion& row) {
            found[std::string(row.key)] = {row.mod_revision, row.create_revision, row.version,
                                           std::string(row.value)};
            return true;
          });
      if (at > store_->visible().revision) {
        EXPECT_EQ(ReasonOf(scanned.status()), "FUTURE_REVISION");
        return;
      }
      if (at < store_->floor()) {
        EXPECT_EQ(ReasonOf(scanned.status()), "COMPACTED");
        return;
      }
      ASSERT_TRUE(scanned.ok()) << scanned.status();
      next = *scanned;
    }
    EXPECT_TRUE(found == model_.ReadAll(at)) << "at " << at.ToString();
  }

  testing::TemporaryDirectory directory_;
  const std::unique_ptr<Random> random_;
  std::unique_ptr<Store> store_;
  std::vector<std::unique_ptr<RestlessReader>> readers_;
  ReferenceModel model_;
  std::vector<Position> positions_;  // of the log, compacted records included
  uint64_t epoch_ = 0;
  int64_t commit_count_ = 0;
  int64_t value_count_ = 0;
  int64_t max_wal_bytes_ = 0;
};

TEST(StoreReferenceTest, HistoricalReadsEqualAModelInMemoryAndTheWalStaysSmallUnderRestlessReaders) {
  const int64_t seed = testing::Scale("HOLDFAST_REFERENCE_SEED", 20261122);
  SCOPED_TRACE(absl::StrCat("HOLDFAST_REFERENCE_SEED=", seed));
  ReferenceRun run(static_cast<uint64_t>(seed));
  run.Run(testing::Scale("HOLDFAST_REFERENCE_COMMITS", 20'000));
}

}  // namespace
}  // namespace holdfast::storage
