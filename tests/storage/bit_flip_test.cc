// Issue 2: 100 random one-bit flips over whole database files, 0 wrong bytes ever served, each flip in a live
// row found by `verify --deep`. Real files, mapped, as in production; seeded.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>

#include "gtest/gtest.h"
#include "storage/errors.h"
#include "storage/verified_pages.h"
#include "storage/verify.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/files.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::storage {
namespace {

constexpr uint64_t kSeed = 20231;
constexpr int kFlips = 100;
constexpr int kKeys = 2000;

using State = std::map<std::string, std::string>;

class BitFlipTest : public ::testing::Test {
 protected:
  struct Counts {
    int refused = 0;       // at the opening
    int failed_reads = 0;  // flips that made a read fail
    int repaired = 0;      // the WAL held the page
    int unseen = 0;        // neither refused, found nor repaired
    int found = 0;         // by verify --deep
    int64_t right_answers = 0;
    int64_t errors = 0;
    int64_t wrong_answers = 0;
  };

  std::unique_ptr<Store> Open(const std::string& directory, absl::Status* status) {
    Store::Options options;
    options.data_dir = directory;
    options.files = PosixFileSystem();
    options.clock = &clock_;
    options.random = random_.get();
    auto store = Store::Open(options);
    *status = store.status();
    return store.ok() ? *std::move(store) : nullptr;
  }

  void Commit(Store& store, const RecordDraft& draft) {
    auto batch = store.BeginBatch();
    ASSERT_TRUE(batch.ok());
    const auto record = (*batch)->Append(0, "node-1", draft);
    ASSERT_TRUE(record.ok()) << record.status();
    ASSERT_TRUE((*batch)->Commit().ok());
    log_[(*record)->position.revision] = (*record)->bytes;
    ASSERT_TRUE(*store.AdvanceVisible((*record)->position));
    for (const v1::Change& change : draft.changes) {
      if (change.has_value()) now_[change.key()] = change.value();
      if (!change.has_value()) now_.erase(change.key());
    }
  }

  std::string RandomValue() {
    // As real configuration: mostly short, some with overflow pages.
    const uint64_t size = random_->Below(12) == 0 ? 2000 + random_->Below(12'000) : 20 + random_->Below(500);
    return std::string(size, static_cast<char>('a' + random_->Below(26)));
  }

  static std::string Key(uint64_t i) { return absl::StrCat("/tenants/", i % 7, "/object-", i); }

  void Build(const std::string& directory) {
    std::filesystem::create_directories(directory);
    absl::Status status;
    const auto store = Open(directory, &status);
    ASSERT_TRUE(status.ok()) << status;
    Commit(*store, EpochDraft("node-1"));
    for (uint64_t first = 0; first < kKeys; first += 100) {
      std::map<std::string, std::string> values;
      for (uint64_t i = first; i < first + 100; ++i) values[Key(i)] = RandomValue();
      Commit(*store, Draft(values));
      ASSERT_TRUE(store->Maintain().ok());
    }
    for (int round = 0; round < 120; ++round) {
      std::map<std::string, std::string> values;
      for (int i = 0; i < 5; ++i) values[Key(random_->Below(kKeys))] = RandomValue();
      RecordDraft draft = Draft(values);
      if (round % 10 == 3) draft.changes = {Delete(Key(random_->Below(kKeys)))};
      Commit(*store, draft);
      if (round % 40 == 0) history_[store->visible().revision] = now_;
      ASSERT_TRUE(store->Maintain().ok());
    }
    history_[store->visible().revision] = now_;
  }

  static RecordDraft Draft(const std::map<std::string, std::string>& values) {
    std::vector<v1::Change> changes;
    for (const auto& [key, value] : values) changes.push_back(Put(key, value));
    return CommitDraft(std::move(changes));
  }

  // Every get, the whole listing, at each remembered revision: each answer is right or an error. True if one
  // failed.
  bool ReadEverything(Store& store, Counts* counts) {
    bool has_failed = false;
    const auto count = [&](const absl::Status& status, bool is_right, absl::string_view what) {
      if (!status.ok()) {
        EXPECT_TRUE(IsDamaged(status)) << status;
        ++counts->errors;
        has_failed = true;
      } else {
        EXPECT_TRUE(is_right) << "wrong bytes: " << what;
        ++(is_right ? counts->right_answers : counts->wrong_answers);
      }
    };
    for (const auto& [at, state] : history_) {
      for (uint64_t i = 0; i < kKeys + 5; ++i) {
        auto lease = store.readers().Acquire();
        if (!lease.ok()) {
          count(lease.status(), false, "a lease");
          continue;
        }
        const auto found = (*lease)->Get(Key(i), at);
        const auto it = state.find(Key(i));
        const bool exists = found.ok() && found->has_value();
        count(found.status(), exists ? it != state.end() && it->second == (*found)->value : it == state.end(),
              Key(i));
      }
      ListEverything(store, at, state, count);
    }
    for (Revision after; after < store.appended().revision;) {
      const auto records = store.log().ReadAfter(after, store.appended().revision, 16, 1 << 20);
      count(records.status(), true, "");
      if (!records.ok() || records->empty()) {
        after = Revision(after.number() + 1);  // past the damaged one
        continue;
      }
      for (const LogRecordPtr& record : *records) {
        count(absl::OkStatus(), log_[record->position.revision] == record->bytes, "a record of the log");
      }
      after = records->back()->position.revision;
    }
    return has_failed;
  }

  template <typename Count>
  static void ListEverything(Store& store, Revision at, const State& state, const Count& count) {
    State listed;
    std::optional<std::string> next = std::string(1, '\0');
    while (next.has_value()) {
      auto lease = store.readers().Acquire();
      if (!lease.ok()) return count(lease.status(), false, "a lease");
      const auto scanned =
          (*lease)->Scan(*next, absl::string_view("\0", 1), at, 200, false, [&](const KeyVersion& row) {
            listed.emplace(std::string(row.key), std::string(row.value));
            return true;
          });
      // What was handed out before the error counts too.
      for (const auto& [key, value] : listed) {
        const auto it = state.find(key);
        if (it == state.end() || it->second != value) return count(absl::OkStatus(), false, "a listed row");
      }
      if (!scanned.ok()) return count(scanned.status(), false, "the listing");
      next = *scanned;
    }
    count(absl::OkStatus(), listed == state, "the listing misses a row");
  }

  ManualClock clock_;
  std::unique_ptr<Random> random_ = SeededRandom(kSeed);
  State now_;
  std::map<Revision, State> history_;
  std::map<Revision, std::string> log_;
  testing::TemporaryDirectory directory_;
};

// A page that was found right once may rot later: it is compared again within kRecheckPagesAfter.
TEST_F(BitFlipTest, APageThatRotsWhileItIsMappedIsFoundWithoutAWrite) {
  const std::string directory = directory_ / "rots";
  Build(directory);
  absl::Status status;
  const auto store = Open(directory, &status);
  ASSERT_TRUE(status.ok()) << status;
  Commit(*store, Draft({{"/last", "1"}}));  // begins the WAL anew
  Counts before;
  ReadEverything(*store, &before);
  ASSERT_EQ(before.errors, 0);
  {
    // Nothing that a row's guard would show: the bytes between the cells, or a cell's pointer.
    std::fstream file(directory + "/data.db", std::ios::binary | std::ios::in | std::ios::out);
    const int64_t pages = static_cast<int64_t>(std::filesystem::file_size(directory + "/data.db")) / 4096;
    for (int64_t page = 1; page < pages; ++page) {
      file.seekp(page * 4096 + 4095);  // the checksum itself: the page is not the one that was written
      file.put('?');
    }
  }
  clock_.Advance(kRecheckPagesAfter);
  ASSERT_TRUE(store->Maintain().ok());
  auto lease = store->readers().Acquire();
  const absl::Status found =
      lease.ok() ? (*lease)->Get(Key(1), store->visible().revision).status() : lease.status();
  EXPECT_TRUE(IsDamaged(found)) << found;
}

TEST_F(BitFlipTest, NoWrongByteIsServedAndDeepVerificationFindsEveryFlip) {
  const std::string original = directory_ / "original";
  Build(original);
  ASSERT_FALSE(HasFatalFailure());
  const char* const kFiles[] = {"/data.db", "/data.db-wal"};
  std::map<std::string, std::string> bytes;
  for (const auto& entry : std::filesystem::directory_iterator(original)) {
    bytes["/" + entry.path().filename().string()] = testing::ReadWhole(entry.path());
  }
  const uint64_t data_bytes = bytes[kFiles[0]].size();
  const uint64_t total_bytes = data_bytes + bytes[kFiles[1]].size();
  ASSERT_GT(data_bytes, 1'000'000u);
  ASSERT_GT(total_bytes - data_bytes, 100'000u);
  const std::string copy = directory_ / "copy";
  std::filesystem::create_directories(copy);
  std::string undamaged;  // data.db once it was opened
  Counts counts;
  for (int flip = -1; flip < kFlips; ++flip) {  // the first round flips nothing
    const uint64_t place = random_->Below(total_bytes);
    const bool is_wal = place >= data_bytes;
    const uint64_t byte = is_wal ? place - data_bytes : place;
    SCOPED_TRACE(absl::StrCat("seed ", kSeed, ", flip ", flip, ": byte ", byte, " of ", kFiles[is_wal]));
    for (const auto& [name, content] : bytes) testing::WriteWhole(copy + name, content);
    if (flip >= 0) {
      std::string damaged = bytes[kFiles[is_wal]];
      damaged[byte] = static_cast<char>(damaged[byte] ^ (1 << random_->Below(8)));
      testing::WriteWhole(copy + kFiles[is_wal], damaged);
    }
    absl::Status status;
    std::unique_ptr<Store> store = Open(copy, &status);
    if (store == nullptr) {
      EXPECT_TRUE(IsDamaged(status)) << status;
      ++counts.refused;
      continue;
    }
    const bool has_failed = ReadEverything(*store, &counts);
    const auto verified = VerifyStore(
        *store, true, [](int64_t, int64_t) {}, [] { return false; });
    ASSERT_TRUE(verified.ok()) << verified.status();
    const bool is_found = verified->findings_size() > 0;
    store.reset();  // before its file is opened by other means
    const std::string after = testing::ReadWhole(copy + "/data.db");
    if (flip < 0) {
      ASSERT_FALSE(has_failed || is_found) << verified->DebugString();
      undamaged = after;
      continue;
    }
    counts.failed_reads += has_failed;
    counts.found += is_found;
    EXPECT_TRUE(is_found || !has_failed) << "a damaged row that deep verification misses";
    if (!is_found) ++(after == undamaged ? counts.repaired : counts.unseen);
  }
  printf(
      "%d flips over %llu bytes: %d refused at opening, %d found by deep verification (%d of them failed "
      "reads), "
      "%d repaired from the WAL or beside its end, %d unseen; %lld right answers, %lld errors, %lld wrong "
      "answers\n",
      kFlips, static_cast<unsigned long long>(total_bytes), counts.refused, counts.found, counts.failed_reads,
      counts.repaired, counts.unseen, static_cast<long long>(counts.right_answers),
      static_cast<long long>(counts.errors), static_cast<long long>(counts.wrong_answers));
  EXPECT_EQ(counts.wrong_answers, 0);
  EXPECT_EQ(counts.unseen, 0);
}

}  // namespace
}  // namespace holdfast::storage
