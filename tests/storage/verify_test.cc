#include "storage/verify.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/errors.h"
#include "storage/sqlite_transaction.h"
#include "tests/storage/store_fixture.h"

namespace holdfast::storage {
namespace {

constexpr char kData[] = "/d/data.db";

bool Never() { return false; }
void Quietly(int64_t, int64_t) {}

class VerifyTest : public testing::Test {
 protected:
  VerifyTest() {
    EXPECT_TRUE(node_.Open().ok());
    node_.Show(node_.Append(EpochDraft("node-1")));
    for (int i = 0; i < 60; ++i) {
      const std::string id = absl::StrCat("request-", i);
      node_.Commit({Put(absl::StrCat("/k/", i % 25), std::string(static_cast<size_t>(i * 90), 'v'))}, id);
    }
    node_.Commit({Delete("/k/3"), Delete("/k/4")});
  }

  v1::VerifyResult Deep() {
    const auto result = VerifyStore(node_.store(), true, Quietly, Never);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *result : v1::VerifyResult();
  }

  // Changes a row behind everyone's back, as a bug or a hand would: with right page checksums.
  void Tamper(absl::string_view sql) {
    node_.Close();
    {
      auto database = SqliteDatabase::OpenWriter(kData, {.vfs = node_.files().sqlite_vfs()});
      ASSERT_TRUE(database.ok());
      const absl::Status changed = (*database)->Execute(sql);
      ASSERT_TRUE(changed.ok()) << changed;
    }
    ASSERT_TRUE(node_.Open().ok());
  }

  static bool HasFinding(const v1::VerifyResult& result, absl::string_view kind, absl::string_view key = "") {
    for (const v1::VerifyFinding& finding : result.findings()) {
      if (finding.kind() == kind && (key.empty() || finding.key() == key)) return true;
    }
    return false;
  }

  StoreUnderTest node_;
};

TEST_F(VerifyTest, FindsNothingInASoundStore) {
  const v1::VerifyResult result = Deep();
  EXPECT_EQ(result.findings_size(), 0) << result.DebugString();
  EXPECT_EQ(result.position().revision(), node_->visible().revision.number());
  EXPECT_EQ(result.state_digest(), node_->state_digest().ToBytes());
  EXPECT_EQ(result.key_count(), 23);
}

TEST_F(VerifyTest, FindsNothingInAnEmptyStore) {
  StoreUnderTest empty;
  ASSERT_TRUE(empty.Open().ok());
  const auto result = VerifyStore(empty.store(), true, Quietly, Never);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->findings_size(), 0) << result->DebugString();
}

TEST_F(VerifyTest, SumsWhatReadersSeeNotWhatIsAppended) {
  const Digest128 visible_digest = node_->state_digest();
  ASSERT_TRUE(node_.Append(CommitDraft({Put("/k/1", "unseen"), Delete("/k/2"), Put("/new", "1")})).ok());
  const v1::VerifyResult result = Deep();
  EXPECT_EQ(result.findings_size(), 0) << result.DebugString();
  EXPECT_EQ(result.state_digest(), visible_digest.ToBytes());
}

TEST_F(VerifyTest, FindsNothingAfterCompaction) {
  node_.Show(node_.Append(CompactDraft(Revision(0, 40))));
  node_.MaintainFully();
  const v1::VerifyResult result = Deep();
  EXPECT_EQ(result.findings_size(), 0) << result.DebugString();
}

TEST_F(VerifyTest, WithoutDeepSaysWhatIsCarried) {
  const auto result = VerifyStore(node_.store(), false, Quietly, Never);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->position().revision(), node_->appended().revision.number());
  EXPECT_EQ(result->state_digest(), node_->state_digest().ToBytes());
}

TEST_F(VerifyTest, NamesTheKeyOfAChangedRow) {
  Tamper("UPDATE current SET value = x'00' WHERE key = CAST('/k/7' AS BLOB)");
  EXPECT_TRUE(HasFinding(Deep(), "current", "/k/7")) << Deep().DebugString();
}

TEST_F(VerifyTest, MissesALiveRowByTheSum) {
  Tamper("DELETE FROM current WHERE key = CAST('/k/7' AS BLOB)");
  EXPECT_TRUE(HasFinding(Deep(), "digest")) << Deep().DebugString();
}

TEST_F(VerifyTest, NamesTheKeyOfAChangedOlderVersionAndOfAMissingOne) {
  Tamper(
      "UPDATE undo SET value = x'00' WHERE id = (SELECT max(id) FROM undo WHERE key = CAST('/k/8' AS BLOB))");
  EXPECT_TRUE(HasFinding(Deep(), "undo", "/k/8")) << Deep().DebugString();
  Tamper("DELETE FROM undo WHERE key = CAST('/k/9' AS BLOB)");
  EXPECT_TRUE(HasFinding(Deep(), "current", "/k/9")) << Deep().DebugString();
}

TEST_F(VerifyTest, FindsAChangedRecordAMissingOneAndALostRequestId) {
  Tamper("UPDATE log SET record = x'00' WHERE idx = 20");
  EXPECT_TRUE(HasFinding(Deep(), "log", "record 0.20") || HasFinding(Deep(), "log", "record 20"))
      << Deep().DebugString();
  Tamper("DELETE FROM log WHERE idx = 30");
  EXPECT_TRUE(HasFinding(Deep(), "log", "record 30")) << Deep().DebugString();
  Tamper("DELETE FROM requests WHERE idx = 40");
  EXPECT_TRUE(HasFinding(Deep(), "log")) << Deep().DebugString();
}

TEST_F(VerifyTest, FindsALostMilestone) {
  Tamper("DELETE FROM milestones");
  EXPECT_TRUE(HasFinding(Deep(), "log")) << Deep().DebugString();
}

TEST_F(VerifyTest, FindsAFlippedBitInEveryPage) {
  node_.Reopen();  // brings the WAL's pages into the file
  const int64_t pages = *node_.files().Size(kData) / 4096;
  ASSERT_GT(pages, 20);
  for (int64_t page = 1; page < pages; ++page) {
    node_.disk().FlipBit(kData, page * 4096 + 37 * page % 4096, 3);
    const v1::VerifyResult result = Deep();
    EXPECT_TRUE(HasFinding(result, "structure")) << "page " << page + 1;
    node_.disk().FlipBit(kData, page * 4096 + 37 * page % 4096, 3);
  }
  EXPECT_EQ(Deep().findings_size(), 0);
}

TEST_F(VerifyTest, CanBeStoppedAndTellsHowFarItIs) {
  int64_t last = 0;
  int steps = 0;
  const auto progress = [&](int64_t checked, int64_t total) {
    EXPECT_GE(checked, last);
    EXPECT_GE(total, checked);
    last = checked;
    ++steps;
  };
  ASSERT_TRUE(VerifyStore(node_.store(), true, progress, Never).ok());
  EXPECT_GT(steps, 3);
  EXPECT_EQ(VerifyStore(node_.store(), true, Quietly, [] { return true; }).status().code(),
            absl::StatusCode::kCancelled);
}

TEST_F(VerifyTest, ChecksGoOnWhileCommitsAndCheckpointsDo) {
  int commits = 0;
  const auto commit_between_steps = [&](int64_t, int64_t) {
    if (++commits > 40) return;
    node_.Commit({Put("/again", absl::StrCat(commits)),
                  Put(absl::StrCat("/k/", commits % 25), std::string(3000, 'w'))});
    node_.MaintainFully();
  };
  const auto result = VerifyStore(node_.store(), true, commit_between_steps, Never);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->findings_size(), 0) << result->DebugString();
}

}  // namespace
}  // namespace holdfast::storage
