// What becomes of a store of which some byte is wrong, wherever it lies: it is refused at the opening or
// reported when it is met, deep verification finds it, and a fresh snapshot takes its place while the damaged
// file is kept.
#include "gmock/gmock.h"
#include "storage/errors.h"
#include "storage/salvage_file.h"
#include "storage/sqlite_backup.h"
#include "storage/sqlite_transaction.h"
#include "storage/verify.h"
#include "tests/storage/store_fixture.h"

namespace holdfast::storage {
namespace {

constexpr char kIncoming[] = "/d/incoming.db";
constexpr int64_t kPageBytes = 4096;

using Image = std::map<std::string, std::string>;  // path: bytes

class StoreRepairTest : public ::testing::Test {
 protected:
  // A store with a little of everything, closed: older versions, a compacted beginning with free pages,
  // request ids; the newest five records are not in the snapshot. Nearly nothing of it is in the WAL.
  void SetUp() override {
    StoreUnderTest store;
    ASSERT_TRUE(store.Open().ok());
    store.Show(store.Append(EpochDraft("node-9")));
    for (int i = 0; i < 30; ++i) {
      store.Commit({Put("big", Big(i)), Put(absl::StrCat("k/", i % 10), std::string(600 * (i % 7), 'v'))},
                   absl::StrCat("request-", 1000 + i));
    }
    store.Show(store.Append(CompactDraft(Revision(0, 20))));
    store.MaintainFully();
    store.Reopen();
    ASSERT_TRUE(store->node().NoteAcknowledged(store->appended()).ok());
    snapshot_end_ = store->visible();
    snapshot_ = store.ReadAll(snapshot_end_.revision);
    snapshot_bytes_ = CopyOf(store);
    for (int i = 0; i < 5; ++i) store.Commit({Put("own", Big(i))}, absl::StrCat("request-own-", i));
    store.Reopen();
    store.Commit({Put("last", "1")});
    store.Close();
    image_ = Save(store);
  }

  static std::string Big(int i) { return std::string(6000, static_cast<char>('a' + i % 26)); }

  static std::string CopyOf(StoreUnderTest& store) {
    constexpr char kCopy[] = "/d/copy.db";
    SqliteOptions options;
    options.vfs = store.files().sqlite_vfs();
    {
      auto reader = SqliteDatabase::OpenReader("/d/data.db", options);
      EXPECT_TRUE(reader.ok()) << reader.status();
      auto pinned = SqliteReadTransaction::Begin(**reader);
      auto backup = SqliteBackup::Start(**reader, kCopy);
      EXPECT_TRUE(pinned.ok() && backup.ok() && *(*backup)->Step(1'000'000) && (*backup)->Finish().ok());
    }
    const std::string bytes = *store.files().ReadFile(kCopy, int64_t{1} << 30);
    EXPECT_TRUE(store.files().Remove(kCopy).ok());
    return bytes;
  }

  static Image Save(StoreUnderTest& store) {
    Image image;
    for (const char* const name : {"data.db", "data.db-wal", "node.db", "node.db-wal"}) {
      const std::string path = absl::StrCat(StoreUnderTest::kDirectory, "/", name);
      if (*store.files().Exists(path)) image[path] = *store.files().ReadFile(path, int64_t{1} << 30);
    }
    return image;
  }

  static void Load(StoreUnderTest& store, const Image& image) {
    for (const auto& [path, bytes] : image) ASSERT_TRUE(store.files().WriteNewFile(path, bytes).ok());
  }

  // Does everything that a node does with its store; each answer is right or an error that was reported.
  void UseAll(StoreUnderTest& store) {
    const Revision at = store->visible().revision;
    for (const auto& [key, value] : snapshot_) {
      for (const Revision revision : {at, snapshot_end_.revision, Revision(0, 25)}) {
        const std::string found = store.Read(key, revision);
        EXPECT_TRUE(found == "!DATA_DAMAGED" || found == "(none)" || found[0] != '!') << found;
        EXPECT_TRUE(revision == Revision(0, 25) || found == value || found == "!DATA_DAMAGED") << key;
      }
    }
    const auto records = store->log().ReadAfter(store->floor(), at, 1000, 1 << 30);
    EXPECT_TRUE(records.ok() || IsDamaged(records.status())) << records.status();
    for (int i = 0; i < 4; ++i) {
      const auto record = store.Append(CommitDraft({Put("big", Big(i)), Put(absl::StrCat("k/", i), Big(i))}));
      EXPECT_TRUE(record.ok() || IsDamaged(record.status())) << record.status();
    }
    const auto compact = store.Append(CompactDraft(Revision(0, 28)));
    if (compact.ok()) (void)store->AdvanceVisible((*compact)->position);
    for (int i = 0; i < 5; ++i) (void)store->Maintain();
  }

  static bool IsSound(Store& store) {
    const auto verified = VerifyStore(
        store, true, [](int64_t, int64_t) {}, [] { return false; });
    EXPECT_TRUE(verified.ok()) << verified.status();
    return verified.ok() && verified->findings_size() == 0;
  }

  // Opens the store, uses it, and puts the snapshot in its place. False if nothing was found to be damaged.
  bool MeetAndRepair(StoreUnderTest& store) {
    absl::Status opened = store.Open();
    EXPECT_TRUE(store.files().WriteNewFile(kIncoming, snapshot_bytes_).ok());
    if (!opened.ok()) {
      EXPECT_TRUE(IsDamaged(opened)) << opened;
      EXPECT_TRUE(Store::SetAside(store.Options(), "test").ok());
      opened = store.Open();
      EXPECT_TRUE(opened.ok()) << opened;
      if (!opened.ok()) return true;
      const absl::Status taken = store->ReplaceWith(kIncoming, snapshot_end_, snapshot_end_, "test");
      EXPECT_TRUE(taken.ok()) << taken;
    } else {
      int reports = 0;
      store->SetDamageHandler([&reports](const absl::Status& damage) {
        EXPECT_TRUE(IsDamaged(damage)) << damage;
        ++reports;
      });
      const bool is_sound = IsSound(store.store());
      EXPECT_EQ(is_sound, reports == 0);
      UseAll(store);
      EXPECT_FALSE(is_sound && reports > 0) << "damage that deep verification misses";
      if (reports == 0) return false;
      const auto kept = store->RepairWith(kIncoming, snapshot_end_, snapshot_end_, "test");
      EXPECT_TRUE(kept.ok()) << kept.status();
      if (kept.ok()) {
        EXPECT_TRUE(*store.files().Exists(*kept)) << *kept;
      }
    }
    EXPECT_EQ(store->visible(), snapshot_end_);
    EXPECT_EQ(store.ReadAll(snapshot_end_.revision), snapshot_);
    EXPECT_TRUE(IsSound(store.store()));
    store.Reopen();
    EXPECT_EQ(store->appended(), snapshot_end_);
    EXPECT_TRUE(*store.files().Exists("/d/data.db.damaged-1"));
    return true;
  }

  // Damage that no page checksum shows: the row was written wrong.
  void Tamper(StoreUnderTest& store, absl::string_view sql) {
    Load(store, image_);
    SqliteOptions options;
    options.vfs = store.files().sqlite_vfs();
    auto database = SqliteDatabase::OpenWriter("/d/data.db", options);
    ASSERT_TRUE(database.ok()) << database.status();
    const absl::Status done = (*database)->Execute(sql);
    ASSERT_TRUE(done.ok()) << done;
    ASSERT_EQ((*database)->ChangedRowCount(), 1) << sql;
  }

  Image image_;
  Position snapshot_end_;
  std::map<std::string, std::string> snapshot_;
  std::string snapshot_bytes_;
};

TEST_F(StoreRepairTest, ASoundStoreIsNotRepaired) {
  StoreUnderTest store;
  Load(store, image_);
  EXPECT_FALSE(MeetAndRepair(store));
}

TEST_F(StoreRepairTest, AFlippedBitInAnyPageOfTheFileIsMetAndRepaired) {
  const int64_t pages = static_cast<int64_t>(image_["/d/data.db"].size()) / kPageBytes;
  ASSERT_GT(pages, 20);
  auto chance = SeededRandom(11);
  int found = 0;
  for (int64_t page = 0; page < pages; ++page) {
    const int64_t byte = page * kPageBytes + static_cast<int64_t>(chance->Below(kPageBytes));
    SCOPED_TRACE(absl::StrCat("page ", page + 1, ", byte ", byte));
    StoreUnderTest store;
    Load(store, image_);
    store.disk().FlipBit("/d/data.db", byte, static_cast<int>(chance->Below(8)));
    found += MeetAndRepair(store);
    if (HasFatalFailure()) return;
  }
  // The others were among the few pages that the WAL still held.
  EXPECT_GT(found, pages * 3 / 4);
}

class StoreRepairRowTest : public StoreRepairTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(StoreRepairRowTest, ARowThatIsNotWhatWasWrittenIsMetAndRepaired) {
  StoreUnderTest store;
  Tamper(store, GetParam());
  if (HasFatalFailure()) return;
  EXPECT_TRUE(MeetAndRepair(store));
}

INSTANTIATE_TEST_SUITE_P(
    EveryTable, StoreRepairRowTest,
    ::testing::Values(
        "UPDATE current SET value = x'00' WHERE key = CAST('big' AS BLOB)",
        "UPDATE current SET undo_id = undo_id - 1 WHERE key = CAST('big' AS BLOB)",
        "UPDATE undo SET value = x'00' WHERE superseded_revision = 26 AND key = CAST('big' AS BLOB)",
        "DELETE FROM undo WHERE superseded_revision = 26 AND key = CAST('big' AS BLOB)",
        // The end of what is shared, the middle, below the next floor, and what only this node has.
        "UPDATE log SET record = x'00' WHERE idx = 32", "DELETE FROM log WHERE idx = 32",
        "UPDATE log SET guard = x'00' WHERE idx = 25", "DELETE FROM log WHERE idx = 25",
        "UPDATE log SET record = x'00' WHERE idx = 35",
        "UPDATE log SET chain_hash = previous_hash WHERE idx = 36",
        "DELETE FROM requests WHERE request_id = CAST('request-1025' AS BLOB)",
        "UPDATE milestones SET content = x'00' WHERE idx = 1",
        "UPDATE meta SET value = x'00' WHERE name = 'floor'",
        "UPDATE meta SET value = x'00' WHERE name = 'tail'"));

TEST_F(StoreRepairTest, WhatCanBeReadOfTheLogIsSalvagedAsWell) {
  StoreUnderTest store;
  Tamper(store, "UPDATE current SET value = x'00' WHERE key = CAST('big' AS BLOB)");
  EXPECT_TRUE(MeetAndRepair(store));
  const auto files = ListSalvageFiles(&store.files(), StoreUnderTest::kDirectory);
  ASSERT_TRUE(files.ok());
  ASSERT_EQ(files->size(), 1u);
  EXPECT_EQ(VerifySalvageFile(&store.files(), (*files)[0])->header.ancestor, snapshot_end_);
}

// Else the node would repair again, and give up its incarnation once more.
TEST_F(StoreRepairTest, WhatALogReadMeetsInAFileThatWasReplacedMeanwhileIsNotReported) {
  StoreUnderTest store;
  Tamper(store, "UPDATE log SET record = x'00' WHERE idx = 35");
  ASSERT_TRUE(store.Open().ok());
  ASSERT_TRUE(store.files().WriteNewFile(kIncoming, snapshot_bytes_).ok());
  int reports = 0;
  store->SetDamageHandler([&reports](const absl::Status&) { ++reports; });
  bool is_repaired = false;
  store.disk().SetHook([&](DiskOperation operation, absl::string_view path) {
    if (operation != DiskOperation::kRead || path != "/d/data.db" || std::exchange(is_repaired, true)) return;
    EXPECT_TRUE(store->RepairWith(kIncoming, snapshot_end_, snapshot_end_, "test").ok());
    reports = 0;  // what the salvage of the old file met
  });
  const auto records = store->log().ReadAfter(Revision(0, 34), store->appended().revision, 1, 1);
  store.disk().SetHook(nullptr);
  ASSERT_TRUE(is_repaired);
  EXPECT_TRUE(records.ok() && records->empty()) << records.status();
  EXPECT_EQ(reports, 0);
}

TEST_F(StoreRepairTest, ADamagedIncomingFileIsRefusedAndNothingChanges) {
  StoreUnderTest store;
  Load(store, image_);
  ASSERT_TRUE(store.Open().ok());
  const Position end = store->appended();
  std::string bytes = snapshot_bytes_;
  bytes[100] = static_cast<char>(bytes[100] ^ 1);
  ASSERT_TRUE(store.files().WriteNewFile(kIncoming, bytes).ok());
  const auto kept = store->RepairWith(kIncoming, snapshot_end_, snapshot_end_, "test");
  EXPECT_TRUE(IsDamaged(kept.status())) << kept.status();
  EXPECT_EQ(store->appended(), end);
  EXPECT_FALSE(*store.files().Exists("/d/data.db.damaged-1"));
}

TEST_F(StoreRepairTest, ItMayBeRepairedAnyNumberOfTimesUnderReadersAndEachFileIsKept) {
  StoreUnderTest store;
  Load(store, image_);
  ASSERT_TRUE(store.Open().ok());
  for (int round = 1; round <= 4; ++round) {
    auto lease = store->readers().Acquire();
    ASSERT_TRUE(lease.ok());
    ASSERT_TRUE(store.files().WriteNewFile(kIncoming, snapshot_bytes_).ok());
    const auto kept = store->RepairWith(kIncoming, snapshot_end_, snapshot_end_, "test");
    ASSERT_TRUE(kept.ok()) << kept.status();
    EXPECT_EQ(*kept, absl::StrCat("/d/data.db.damaged-", round));
    EXPECT_EQ(store.ReadAll(snapshot_end_.revision), snapshot_);
    store.Commit({Put("own", "again")});
  }
  for (int round = 1; round <= 4; ++round) {
    EXPECT_TRUE(*store.files().Exists(absl::StrCat("/d/data.db.damaged-", round)));
  }
}

TEST_F(StoreRepairTest, APowerCutAtAnyWriteOfARepairLosesNeitherTheOldFileNorTheNewOne) {
  auto chance = SeededRandom(5);
  for (int64_t at = 0;; ++at) {
    StoreUnderTest store;
    Load(store, image_);
    ASSERT_TRUE(store.Open().ok());
    const Position end = store->appended();
    ASSERT_TRUE(store.files().WriteNewFile(kIncoming, snapshot_bytes_).ok());
    store.disk().PowerOffAfter(at);
    const auto kept = store->RepairWith(kIncoming, snapshot_end_, snapshot_end_, "test");
    store.Close();
    store.disk().Crash(at % 2 == 0 ? CrashMode::kLoseUnsynced : CrashMode::kTearUnsynced, *chance);
    const absl::Status opened = store.Open();
    ASSERT_TRUE(opened.ok()) << "after " << at << " changes: " << opened;
    ASSERT_TRUE(store->appended() == end || store->appended() == snapshot_end_) << at;
    if (store->appended() == snapshot_end_) {
      EXPECT_TRUE(*store.files().Exists("/d/data.db.damaged-1")) << at;
    }
    if (kept.ok()) break;
  }
}

}  // namespace
}  // namespace holdfast::storage
