#include "storage/errors.h"
#include "tests/storage/store_fixture.h"

namespace holdfast::storage {
namespace {

// A short life with everything in it: epochs, deletions, a batch of several, compaction, a record that is not
// shown.
class Script {
 public:
  struct Step {
    std::vector<RecordDraft> drafts;
    bool is_shown = true;
  };

  static std::vector<Step> Steps() {
    return {
        {{EpochDraft("node-1")}},
        {{CommitDraft({Put("a", "1"), Put("b", "1")}, "request-1")}},
        {{CommitDraft({Put("a", std::string(5000, 'x'))}), CommitDraft({Delete("b")}),
          CommitDraft({Put("c", "1")})}},
        {{CompactDraft(Revision(3))}},
        {{CommitDraft({Put("b", "2"), Delete("c")}, "request-2")}},
        {{CommitDraft({Put("c", "3")})}, false},
    };
  }

  // Until the first failure, which it returns. `done` grows with each step that was said to be durable.
  static absl::Status Run(StoreUnderTest& store, size_t first, size_t* done) {
    const std::vector<Step> steps = Steps();
    for (size_t i = first; i < steps.size(); ++i) {
      auto batch = store->BeginBatch();
      if (!batch.ok()) return batch.status();
      Position last;
      for (const RecordDraft& draft : steps[i].drafts) {
        auto record = (*batch)->Append(0, "node-1", draft);
        if (!record.ok()) return record.status();
        last = (*record)->position;
      }
      const absl::Status committed = (*batch)->Commit();
      if (!committed.ok()) return committed;
      *done = i + 1;
      if (steps[i].is_shown) {
        const absl::StatusOr<bool> moved = store->AdvanceVisible(last);
        if (!moved.ok()) return moved.status();
      }
      absl::StatusOr<bool> more = true;
      while (more.ok() && *more) more = store->Maintain();
      if (!more.ok()) return more.status();
    }
    return absl::OkStatus();
  }

  // How many steps the log of `store` holds: always whole ones.
  static size_t StepsIn(StoreUnderTest& store) {
    uint64_t index = 0;
    size_t count = 0;
    for (const Step& step : Steps()) {
      if (index == store->appended().revision.index()) return count;
      index += step.drafts.size();
      ++count;
    }
    EXPECT_EQ(index, store->appended().revision.index()) << "half a batch";
    return count;
  }

  static Digest128 FinalDigest() {
    StoreUnderTest store;
    EXPECT_TRUE(store.Open().ok());
    size_t done = 0;
    EXPECT_TRUE(Run(store, 0, &done).ok());
    return store->state_digest();
  }
};

class StoreCrashTest : public ::testing::TestWithParam<CrashMode> {};

TEST_P(StoreCrashTest, APowerCutAtAnyWriteLosesNothingThatWasDurableAndLeavesNoHalfBatch) {
  const Digest128 final_digest = Script::FinalDigest();
  auto chance = SeededRandom(11);
  for (int64_t at = 0;; ++at) {
    SCOPED_TRACE(absl::StrCat("power off after ", at, " changes"));
    StoreUnderTest store;
    store.disk().PowerOffAfter(at);
    size_t done = 0;
    Position shown;
    absl::Status ran = store.Open();
    if (ran.ok()) ran = Script::Run(store, 0, &done);
    if (store.is_open()) shown = store->visible();
    store.Close();
    store.disk().Crash(GetParam(), *chance);
    const absl::Status opened = store.Open();
    ASSERT_TRUE(opened.ok()) << opened;
    const size_t kept = Script::StepsIn(store);
    ASSERT_GE(kept, done);
    EXPECT_LE(store->visible().revision, store->appended().revision);
    EXPECT_TRUE(GetParam() != CrashMode::kKillProcess || store->visible().revision >= shown.revision);
    size_t more = 0;
    const absl::Status went_on = Script::Run(store, kept, &more);
    ASSERT_TRUE(went_on.ok()) << went_on;
    EXPECT_EQ(store->state_digest(), final_digest);
    if (ran.ok()) break;
  }
}

INSTANTIATE_TEST_SUITE_P(EveryCrash, StoreCrashTest,
                         ::testing::Values(CrashMode::kKillProcess, CrashMode::kLoseUnsynced,
                                           CrashMode::kTearUnsynced));

TEST(StoreDiskFullTest, AtAnyWriteTheCommitFailsReadsGoOnAndItRecoversByItself) {
  const Digest128 final_digest = Script::FinalDigest();
  for (int64_t at = 0;; ++at) {
    SCOPED_TRACE(absl::StrCat("full at write ", at));
    StoreUnderTest store;
    ASSERT_TRUE(store.Open().ok());
    DiskFault full;
    full.operations = {DiskOperation::kWrite};
    full.pass_count = at;
    full.fail_count = 3;
    full.error = DiskResult::kNoSpace;
    store.disk().AddFault(full);
    size_t done = 0;
    const absl::Status ran = Script::Run(store, 0, &done);
    store.disk().ClearFaults();
    if (ran.ok()) break;
    EXPECT_EQ(ReasonOf(ran), "DISK_FULL") << ran;
    EXPECT_NE(store.Read("a", store->visible().revision).front(), '!');
    const size_t kept = Script::StepsIn(store);
    EXPECT_EQ(kept, done) << "what failed changed nothing";
    size_t more = 0;
    const absl::Status went_on = Script::Run(store, kept, &more);
    ASSERT_TRUE(went_on.ok()) << went_on;
    EXPECT_EQ(store->state_digest(), final_digest);
    store.Reopen();
    EXPECT_EQ(store->state_digest(), final_digest);
  }
}

TEST(StoreFailedSyncTest, IsReportedAndNothingIsWrittenAfterwards) {
  StoreUnderTest store;
  ASSERT_TRUE(store.Open().ok());
  store.Commit({Put("a", "1")});
  DiskFault fault;
  fault.operations = {DiskOperation::kSync};
  store.disk().AddFault(fault);
  const auto failed = store.Append(CommitDraft({Put("a", "2")}));
  EXPECT_TRUE(IsFailedSync(failed.status())) << failed.status();
  EXPECT_TRUE(IsFailedSync(store->BeginBatch().status()));
  EXPECT_TRUE(IsFailedSync(store->Maintain().status()));
  EXPECT_EQ(store.Read("a"), "1");
}

}  // namespace
}  // namespace holdfast::storage
