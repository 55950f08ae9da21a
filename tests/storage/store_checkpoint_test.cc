#include "base/limits.h"
#include "storage/sqlite_transaction.h"
#include "tests/storage/store_fixture.h"

namespace holdfast::storage {
namespace {

constexpr int64_t kFrameBytes = 4096 + 24;

class StoreCheckpointTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(store_.Open().ok()); }

  // About `pages` pages of WAL.
  void Write(int pages, bool maintain) {
    for (int i = 0; i < pages / 10; ++i) {
      store_.Commit({Put(absl::StrCat("k", i % 50), std::string(30'000, 'x'))});
      if (!maintain) continue;
      ASSERT_TRUE(store_->Maintain().ok());
    }
  }

  StoreUnderTest store_;
};

TEST_F(StoreCheckpointTest, TheWalStaysAtAboutOneCheckpointHoweverMuchIsWritten) {
  Write(5 * kCheckpointPages, /*maintain=*/true);
  EXPECT_LT(store_->wal_bytes(), 2 * kCheckpointPages * kFrameBytes);
  EXPECT_GT(store_->database_bytes(), 0);
}

TEST_F(StoreCheckpointTest, SaysWhoHoldsTheWal) {
  store_.Commit({Put("a", "1")});
  SqliteOptions options;
  options.vfs = store_.files().sqlite_vfs();
  {
    const auto copy = SqliteDatabase::OpenReader("/d/data.db", options);
    ASSERT_TRUE(copy.ok());
    const auto pinned = SqliteReadTransaction::Begin(**copy);
    ASSERT_TRUE(pinned.ok());
    Write(2 * kCheckpointPages, /*maintain=*/true);
    EXPECT_EQ(store_->wal_holder(), "a snapshot's copy or a verification");
  }
  Write(kCheckpointPages, /*maintain=*/true);
  EXPECT_EQ(store_->wal_holder(), "");
  auto lease = store_->readers().Acquire();
  ASSERT_TRUE(lease.ok());
  const auto scanned = (*lease)->Scan("a", "c", Revision(1), 10, false, [&](const KeyVersion&) {
    Write(2 * kCheckpointPages, /*maintain=*/true);
    EXPECT_EQ(store_->wal_holder(), "a read of keys");
    return false;
  });
  EXPECT_TRUE(scanned.ok());
}

TEST_F(StoreCheckpointTest, IdleReadersDoNotHoldItUp) {
  for (int i = 0; i < store_->options().reader_count; ++i) {
    store_.Commit({Put("a", "1")});
    auto lease = store_->readers().Acquire();  // pinned, then idle for ever
    ASSERT_TRUE(lease.ok());
    EXPECT_TRUE((*lease)->Get("a", Revision(1)).ok());
  }
  Write(4 * kCheckpointPages, /*maintain=*/true);
  EXPECT_LT(store_->wal_bytes(), 2 * kCheckpointPages * kFrameBytes);
}

TEST_F(StoreCheckpointTest, AReaderThatIsHeldWithoutReadingDoesNotHoldItUp) {
  store_.Commit({Put("a", "1")});
  auto lease = store_->readers().Acquire();
  ASSERT_TRUE(lease.ok());
  EXPECT_EQ((*(*lease)->Get("a", Revision(1)))->value, "1");
  Write(4 * kCheckpointPages, /*maintain=*/true);
  EXPECT_LT(store_->wal_bytes(), 2 * kCheckpointPages * kFrameBytes);
  EXPECT_EQ((*(*lease)->Get("a", Revision(1)))->value, "1");
}

TEST_F(StoreCheckpointTest, AReaderOfACallbackThreadIsNeverTakenAwayForIt) {
  store_.Commit({Put("a", "1")});
  auto lease = store_->readers().TryAcquire();
  ASSERT_TRUE(lease.ok());
  Write(2 * kCheckpointPages, /*maintain=*/true);
  EXPECT_EQ(store_->wal_holder(), "a read of keys");
  lease->reset();
  Write(kCheckpointPages, /*maintain=*/true);
  EXPECT_EQ(store_->wal_holder(), "");
}

TEST_F(StoreCheckpointTest, AReaderInTheMiddleOfACallPostponesItAndNoMore) {
  store_.Commit({Put("a", "1"), Put("b", "1")});
  auto lease = store_->readers().Acquire();
  ASSERT_TRUE(lease.ok());
  std::string found;
  const auto scanned = (*lease)->Scan("a", "c", Revision(1), 10, false, [&](const KeyVersion& row) {
    if (found.empty()) Write(3 * kCheckpointPages, /*maintain=*/true);
    absl::StrAppend(&found, row.key, "=", row.value, " ");
    return true;
  });
  ASSERT_TRUE(scanned.ok()) << scanned.status();
  EXPECT_EQ(found, "a=1 b=1 ");
  const int64_t held = store_->wal_bytes();
  EXPECT_GT(held, 2 * kCheckpointPages * kFrameBytes);
  Write(3 * kCheckpointPages, /*maintain=*/true);
  EXPECT_LT(store_->wal_bytes(), held + kCheckpointPages * kFrameBytes);
}

TEST_F(StoreCheckpointTest, AReaderThatDoesNotEndItsCallStopsBatchesBeforeTheWalIsTooLarge) {
  store_.Commit({Put("a", "1")});
  auto lease = store_->readers().Acquire();
  ASSERT_TRUE(lease.ok());
  absl::Status refused;
  const auto scanned = (*lease)->Scan("a", "b", Revision(1), 10, false, [&](const KeyVersion&) {
    while (refused.ok() && store_->wal_bytes() < kWalWarningBytes) {
      const auto record = store_.Append(CommitDraft({Put("k", std::string(100'000, 'x'))}));
      refused = record.status();
    }
    EXPECT_EQ(ReasonOf(store_.Append(CommitDraft({Put("k", "1")})).status()), "RESOURCE_EXHAUSTED");
    return true;
  });
  ASSERT_TRUE(scanned.ok()) << scanned.status();
  EXPECT_EQ(ReasonOf(refused), "RESOURCE_EXHAUSTED") << refused;
  EXPECT_LT(store_->wal_bytes(), (kMaxWalPages + 200) * kFrameBytes);
  EXPECT_TRUE(store_.Append(CommitDraft({Put("k", "1")})).ok());
  Write(2 * kCheckpointPages, /*maintain=*/true);
  EXPECT_LE(store_->wal_bytes(), int64_t{16} << 20);  // cut back once it began anew
}

TEST_F(StoreCheckpointTest, WhatIsCheckpointedIsThereAfterAPowerCut) {
  Write(3 * kCheckpointPages, /*maintain=*/true);
  const Position end = store_->appended();
  const Digest128 digest = store_->state_digest();
  store_.Close();
  store_.disk().Crash(CrashMode::kLoseUnsynced, *SeededRandom(1));
  ASSERT_TRUE(store_.Open().ok());
  EXPECT_EQ(store_->appended(), end);
  EXPECT_EQ(store_->state_digest(), digest);
  EXPECT_EQ(store_.ReadAll(store_->visible().revision).size(), 50u);
}

}  // namespace
}  // namespace holdfast::storage
