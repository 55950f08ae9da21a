#include "storage/data_tables.h"
#include "storage/errors.h"
#include "storage/salvage_file.h"
#include "storage/snapshot_file.h"
#include "storage/sqlite_backup.h"
#include "storage/sqlite_transaction.h"
#include "storage/verify.h"
#include "tests/storage/replacement_listener.h"
#include "tests/storage/store_fixture.h"

namespace holdfast::storage {
namespace {

constexpr char kIncoming[] = "/d/incoming.db";

class StoreReplaceTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(store_.Open().ok()); }

  // A copy of what `source` holds, as one file on the disk of `target`.
  static void CopyTo(StoreUnderTest& source, StoreUnderTest& target) {
    constexpr char kCopy[] = "/d/copy.db";
    {
      SqliteOptions options;
      options.vfs = source.files().sqlite_vfs();
      auto reader = SqliteDatabase::OpenReader("/d/data.db", options);
      ASSERT_TRUE(reader.ok()) << reader.status();
      auto pinned = SqliteReadTransaction::Begin(**reader);
      ASSERT_TRUE(pinned.ok()) << pinned.status();
      auto backup = SqliteBackup::Start(**reader, kCopy);
      ASSERT_TRUE(backup.ok()) << backup.status();
      ASSERT_TRUE(*(*backup)->Step(1'000'000));
      ASSERT_TRUE((*backup)->Finish().ok());
    }
    const auto bytes = source.files().ReadFile(kCopy, int64_t{1} << 30);
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    ASSERT_TRUE(source.files().Remove(kCopy).ok());
    ASSERT_TRUE(target.files().WriteNewFile(kIncoming, *bytes).ok());
  }

  static void Follow(StoreUnderTest& from, StoreUnderTest& to) {
    const auto records =
        from->log().ReadAfter(to->appended().revision, from->appended().revision, 1000, 1 << 30);
    ASSERT_TRUE(records.ok()) << records.status();
    auto batch = to->BeginBatch();
    ASSERT_TRUE(batch.ok());
    for (const LogRecordPtr& record : *records) {
      ASSERT_TRUE((*batch)->AppendEncoded(record->previous, record->bytes).ok());
    }
    ASSERT_TRUE((*batch)->Commit().ok());
    ASSERT_TRUE(to->AdvanceVisible(to->appended()).ok());
  }

  size_t SalvageCount() {
    const auto files = ListSalvageFiles(&store_.files(), StoreUnderTest::kDirectory);
    EXPECT_TRUE(files.ok());
    return files->size();
  }

  StoreUnderTest primary_;
  StoreUnderTest store_;
};

TEST_F(StoreReplaceTest, AnEmptyStoreTakesTheSnapshotAndGoesOnFromIt) {
  ASSERT_TRUE(primary_.Open().ok());
  primary_.Show(primary_.Append(EpochDraft("node-1")));
  for (int i = 0; i < 50; ++i) primary_.Commit({Put(absl::StrCat("k", i), "v")});
  CopyTo(primary_, store_);
  ReplacementListener listener;
  store_->AddObserver(&listener);
  const absl::Status replaced =
      store_->ReplaceWith(kIncoming, primary_->appended(), primary_->appended(), "first snapshot");
  ASSERT_TRUE(replaced.ok()) << replaced;
  EXPECT_EQ(listener.shown, std::vector<Position>{primary_->appended()});
  EXPECT_EQ(store_->visible(), primary_->appended());
  EXPECT_EQ(store_->state_digest(), primary_->state_digest());
  EXPECT_EQ(store_->milestones().size(), 1u);
  EXPECT_EQ(store_.Read("k7"), "v");
  EXPECT_EQ(SalvageCount(), 0u);
  primary_.Commit({Put("k7", "w")});
  Follow(primary_, store_);
  EXPECT_EQ(store_.Read("k7"), "w");
  store_.MaintainFully();
  store_.Reopen();
  EXPECT_EQ(store_->appended(), primary_->appended());
  EXPECT_EQ(store_.Read("k7"), "w");
  EXPECT_FALSE(*store_.files().Exists("/d/data.db.replaced"));
}

TEST_F(StoreReplaceTest, AReaderThatIsAtWorkKeepsTheOldFileAndThenMovesOn) {
  ASSERT_TRUE(primary_.Open().ok());
  primary_.Show(primary_.Append(EpochDraft("node-1")));
  primary_.Commit({Put("a", "1")});
  Follow(primary_, store_);
  primary_.Commit({Put("a", "2")});
  CopyTo(primary_, store_);
  const Revision before = store_->visible().revision;
  auto lease = store_->readers().Acquire();
  ASSERT_TRUE(lease.ok());
  EXPECT_EQ((*(*lease)->Get("a", before))->value, "1");
  ASSERT_TRUE(store_->ReplaceWith(kIncoming, primary_->appended(), primary_->appended(), "test").ok());
  store_.MaintainFully();
  EXPECT_TRUE(*store_.files().Exists("/d/data.db.replaced"));
  EXPECT_EQ((*(*lease)->Get("a", store_->visible().revision))->value, "2");
  EXPECT_EQ((*(*lease)->Get("a", before))->value, "1");
  lease->reset();
  store_.MaintainFully();
  EXPECT_FALSE(*store_.files().Exists("/d/data.db.replaced"));
  EXPECT_EQ(store_.Read("a"), "2");
  EXPECT_EQ(SalvageCount(), 0u) << "the old log was a part of the new one";
}

TEST_F(StoreReplaceTest, WhatOnlyTheOldFileHeldIsSalvagedFirst) {
  ASSERT_TRUE(primary_.Open().ok());
  primary_.Show(primary_.Append(EpochDraft("node-1")));
  primary_.Commit({Put("a", "1")});
  Follow(primary_, store_);
  const Position shared = store_->appended();
  store_.Commit({Put("a", "mine")});
  ASSERT_TRUE(store_->node().NoteAcknowledged(store_->appended()).ok());
  primary_.Show(primary_.Append(EpochDraft("node-2"), 1));
  primary_.Commit({Put("a", "2")});
  CopyTo(primary_, store_);
  ASSERT_TRUE(store_->ReplaceWith(kIncoming, primary_->appended(), primary_->appended(), "test").ok());
  EXPECT_EQ(store_.Read("a"), "2");
  const auto files = ListSalvageFiles(&store_.files(), StoreUnderTest::kDirectory);
  ASSERT_TRUE(files.ok() && files->size() == 1u);
  const auto summary = VerifySalvageFile(&store_.files(), (*files)[0]);
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_EQ(summary->record_count, 1);
  EXPECT_EQ(summary->header.ancestor, shared);
  EXPECT_EQ(store_->node().acknowledged(), shared);
  store_.Reopen();
  EXPECT_EQ(store_->appended(), primary_->appended());
}

TEST_F(StoreReplaceTest, ALogThatTheSnapshotHasCompactedIsKnownByItsEpoch) {
  ASSERT_TRUE(primary_.Open().ok());
  primary_.Show(primary_.Append(EpochDraft("node-1")));
  primary_.Commit({Put("a", "1")});
  Follow(primary_, store_);
  for (int i = 0; i < 10; ++i) primary_.Commit({Put("a", absl::StrCat(i))});
  primary_.Show(primary_.Append(CompactDraft(Revision(10))));
  primary_.MaintainFully();
  CopyTo(primary_, store_);
  ASSERT_TRUE(store_->ReplaceWith(kIncoming, primary_->appended(), primary_->appended(), "test").ok());
  EXPECT_EQ(SalvageCount(), 0u);
  EXPECT_EQ(store_->floor(), Revision(10));
  EXPECT_EQ(store_.Read("a", Revision(2)), "!COMPACTED");
}

TEST_F(StoreReplaceTest, AFileThatEndsElsewhereIsRefusedAndNothingChanges) {
  ASSERT_TRUE(primary_.Open().ok());
  const Position first = primary_.Commit({Put("a", "1")});
  primary_.Commit({Put("a", "2")});
  CopyTo(primary_, store_);
  store_.Commit({Put("b", "1")});
  EXPECT_EQ(ReasonOf(store_->ReplaceWith(kIncoming, first, first, "test")), "DATA_DAMAGED");
  EXPECT_EQ(store_.Read("b"), "1");
}

TEST_F(StoreReplaceTest, APowerCutAtAnyWriteLeavesTheOldFileOrTheNewOne) {
  auto chance = SeededRandom(5);
  ASSERT_TRUE(primary_.Open().ok());
  primary_.Show(primary_.Append(EpochDraft("node-1")));
  primary_.Commit({Put("a", "1")});
  for (int64_t at = 0;; ++at) {
    StoreUnderTest store;
    ASSERT_TRUE(store.Open().ok());
    Follow(primary_, store);
    const Position old_end = store.Commit({Put("a", "mine")});
    StoreUnderTest newer;
    ASSERT_TRUE(newer.Open().ok());
    Follow(primary_, newer);
    newer.Show(newer.Append(EpochDraft("node-2"), 1));
    CopyTo(newer, store);
    store.disk().PowerOffAfter(at);
    const absl::Status replaced = store->ReplaceWith(kIncoming, newer->appended(), newer->appended(), "test");
    store.Close();
    store.disk().Crash(at % 2 == 0 ? CrashMode::kLoseUnsynced : CrashMode::kTearUnsynced, *chance);
    const absl::Status opened = store.Open();
    ASSERT_TRUE(opened.ok()) << "after " << at << " changes: " << opened;
    if (store->appended() == old_end) {
      EXPECT_EQ(store->key_count(), 1);
    } else {
      ASSERT_EQ(store->appended(), newer->appended()) << at;
      EXPECT_EQ(ListSalvageFiles(&store.files(), StoreUnderTest::kDirectory)->size(), 1u);
    }
    if (!replaced.ok()) continue;
    EXPECT_EQ(store->appended(), newer->appended());
    break;
  }
}

// Whoever opens data.db by its name meets the new file while the store still speaks of the old one.
TEST_F(StoreReplaceTest, WhatIsReadInTheMiddleOfItIsNoDamage) {
  ASSERT_TRUE(primary_.Open().ok());
  primary_.Show(primary_.Append(EpochDraft("node-1")));
  Follow(primary_, store_);
  for (int i = 0; i < 20; ++i) primary_.Commit({Put("a", absl::StrCat(i))});
  primary_.Show(primary_.Append(CompactDraft(primary_->visible().revision)));
  CopyTo(primary_, store_);
  int reports = 0;
  store_->SetDamageHandler([&](const absl::Status&) { ++reports; });
  const auto never = [] { return false; };
  const auto progress = [](int64_t, int64_t) {};
  DiskFault fault;
  fault.operations = {DiskOperation::kOpen};
  fault.path_suffix = "/data.db";
  fault.fail_count = DiskFault::kForever;
  store_.disk().AddFault(fault);
  ASSERT_FALSE(store_->ReplaceWith(kIncoming, primary_->appended(), primary_->appended(), "test").ok());
  ASSERT_TRUE(store_->is_replacing());
  store_.disk().ClearFaults();
  EXPECT_TRUE(absl::IsUnavailable(CopySnapshot(store_.store(), "/d/copy.db", never).status()));
  EXPECT_TRUE(absl::IsUnavailable(VerifyStore(store_.store(), /*deep=*/true, progress, never).status()));
  EXPECT_EQ(reports, 0);
  ASSERT_TRUE(store_->FinishReplacing().ok());
  EXPECT_TRUE(CopySnapshot(store_.store(), "/d/copy.db", never).ok());
  EXPECT_TRUE(VerifyStore(store_.store(), /*deep=*/true, progress, never).ok());
}

// There is no way back once names have begun to change: then readers keep the old file until it can go on.
TEST_F(StoreReplaceTest, AFullDiskAtAnyStepOfItPassesWithoutARestart) {
  ASSERT_TRUE(primary_.Open().ok());
  primary_.Show(primary_.Append(EpochDraft("node-1")));
  primary_.Commit({Put("a", "1")});
  StoreUnderTest newer;
  ASSERT_TRUE(newer.Open().ok());
  Follow(primary_, newer);
  newer.Show(newer.Append(EpochDraft("node-2"), 1));
  newer.Commit({Put("a", "2")});
  int begun_count = 0;
  for (int64_t at = 0;; ++at) {
    SCOPED_TRACE(absl::StrCat("full at change ", at));
    const bool repairs = at % 2 == 1;
    StoreUnderTest store;
    ASSERT_TRUE(store.Open().ok());
    Follow(primary_, store);
    CopyTo(newer, store);
    ReplacementListener listener;
    store->AddObserver(&listener);
    const auto replace = [&]() -> absl::Status {
      if (store->is_replacing()) return store->FinishReplacing().status();
      if (repairs) return store->RepairWith(kIncoming, newer->appended(), newer->appended(), "test").status();
      return store->ReplaceWith(kIncoming, newer->appended(), newer->appended(), "test");
    };
    DiskFault full;
    full.operations = {DiskOperation::kWrite, DiskOperation::kCreate, DiskOperation::kRename,
                       DiskOperation::kTruncate};
    full.pass_count = at;
    full.fail_count = DiskFault::kForever;
    full.error = DiskResult::kNoSpace;
    store.disk().AddFault(full);
    const absl::Status first = replace();
    if (!first.ok()) {
      EXPECT_FALSE(IsFailedSync(first)) << first;
      EXPECT_EQ(store.Read("a"), "1") << "reads go on";
      if (store->is_replacing()) {
        ++begun_count;
        EXPECT_FALSE(store->BeginBatch().ok());
        EXPECT_FALSE(store->RetentionFloor({}).ok());
        EXPECT_TRUE(store->Maintain().ok());
        EXPECT_FALSE(replace().ok()) << "there is still no room";
      }
      EXPECT_TRUE(listener.shown.empty());
    }
    store.disk().ClearFaults();
    if (!first.ok()) {
      const absl::Status again = replace();
      ASSERT_TRUE(again.ok()) << again;
    }
    EXPECT_EQ(listener.shown, std::vector<Position>{newer->appended()});
    EXPECT_FALSE(store->is_replacing());
    EXPECT_EQ(store.Read("a"), "2");
    const Position next = store.Commit({Put("a", "3")});
    store.Reopen();
    EXPECT_EQ(store->appended(), next);
    if (first.ok() && repairs) break;
  }
  EXPECT_GT(begun_count, 2);
}

TEST_F(StoreReplaceTest, ADamagedFileIsSetAsideUnderANewNameAndTheNodeIsANewIncarnation) {
  const Position end = store_.Commit({Put("a", std::string(3000, 'x'))});
  ASSERT_TRUE(store_->node().SetNodeId("node-1").ok());
  ASSERT_TRUE(store_->node().NoteAcknowledged(end).ok());
  const std::string incarnation = store_->node().identity().incarnation;
  store_.Close();
  ASSERT_TRUE(store_.files().Remove("/d/data.db-wal").ok());
  EXPECT_EQ(ReasonOf(store_.Open()), "DATA_DAMAGED");
  const auto aside = Store::SetAside(store_.Options(), "the test has damaged it");
  ASSERT_TRUE(aside.ok()) << aside.status();
  EXPECT_TRUE(*store_.files().Exists(*aside));
  ASSERT_TRUE(store_.Open().ok());
  EXPECT_TRUE(store_->appended().revision.is_zero());
  EXPECT_EQ(store_->node().identity().node_id, "node-1");
  EXPECT_NE(store_->node().identity().incarnation, incarnation);
}

}  // namespace
}  // namespace holdfast::storage
