// The drill's judges can fail: each kind of damage that a disaster could do is found, and a clean run is
// clean.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/revision.h"
#include "tests/drill/keys.h"
#include "tests/drill/read_gap.h"
#include "tests/drill/read_judge.h"
#include "tests/drill/salvage_judge.h"
#include "tests/drill/spread.h"
#include "tests/drill/watch_judge.h"
#include "tests/drill/write_judge.h"

namespace holdfast::drill {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Revisions of epoch 0, and of the epoch behind a promotion.
constexpr int64_t kNew = int64_t{65} << Revision::kIndexBits;

// Three commits of two keys each, the last one in the new epoch.
class JudgesTest : public ::testing::Test {
 protected:
  JudgesTest() {
    Commit({1, 2}, 10);
    Commit({2, 3}, 11);
    Commit({1, 3}, kNew + 13);
  }

  void Commit(const std::vector<int>& keys, int64_t revision) {
    const int64_t number = Attempt(keys);
    journal_.Acknowledge(number, {revision, "dc1-a", absl::Seconds(number)});
    for (const int key : keys) history_.Add({revision, key, number});
  }
  int64_t Attempt(const std::vector<int>& keys) { return journal_.Begin("writer", keys); }
  WriteVerdict Writes() const { return JudgeWrites(journal_.writes(), history_); }

  Journal journal_;
  History history_;
};

// ---- Values ----

TEST(DrillKeysTest, AValueNamesItsWriteAndNothingElseDoes) {
  const std::string value = ValueOf(7, 1234);
  EXPECT_EQ(WriteOf(7, value), 1234);
  EXPECT_EQ(WriteOf(8, value), std::nullopt);
  EXPECT_EQ(WriteOf(7, value.substr(0, value.size() - 1)), std::nullopt);
  EXPECT_EQ(WriteOf(7, ""), std::nullopt);
  EXPECT_EQ(WriteOf(7, "-1 of key 7"), std::nullopt);
  EXPECT_EQ(KeyNumber(KeyOf(99'999)), 99'999);
  EXPECT_EQ(KeyNumber("_holdfast/cluster"), std::nullopt);
}

// ---- Commits ----

using WriteJudgeTest = JudgesTest;

TEST_F(WriteJudgeTest, ACleanRunLosesNothing) {
  const WriteVerdict verdict = Writes();
  EXPECT_TRUE(verdict.good());
  EXPECT_EQ(verdict.acknowledged, 3);
  EXPECT_EQ(verdict.unknown, 0);
}

TEST_F(WriteJudgeTest, FindsAnAcknowledgedCommitThatIsNotThere) {
  journal_.Acknowledge(Attempt({2}), {12, "dc1-a", absl::Seconds(9)});
  const WriteVerdict verdict = Writes();
  EXPECT_EQ(verdict.lost, 1);
  EXPECT_THAT(verdict.findings.shown(),
              ElementsAre(HasSubstr("commit 3 was acknowledged by 'dc1-a' as 0.12")));
}

TEST_F(WriteJudgeTest, FindsAnAcknowledgedCommitThatIsThereAtAnotherRevisionOnly) {
  const int64_t number = Attempt({2});
  journal_.Acknowledge(number, {12, "dc1-a", absl::Seconds(9)});
  history_.Add({kNew + 14, 2, number});
  EXPECT_EQ(Writes().lost, 1);
}

TEST_F(WriteJudgeTest, FindsACommitThatWasCarriedOutTwice) {
  history_.Add({kNew + 14, 2, 1});
  history_.Add({kNew + 14, 3, 1});
  EXPECT_EQ(Writes().twice, 1);
  EXPECT_EQ(Writes().lost, 0);
}

TEST_F(WriteJudgeTest, FindsHalfACommit) {
  history_.Add({kNew + 14, 1, Attempt({1, 2})});
  EXPECT_EQ(Writes().torn, 1);
}

TEST_F(WriteJudgeTest, FindsWhatNobodyWrote) {
  history_.Add({kNew + 14, 2, 77});
  history_.Add({kNew + 15, 1, 1});  // a write of other keys
  EXPECT_EQ(Writes().invented, 2);
}

TEST_F(WriteJudgeTest, AnUnknownCommitMayBeThereOrNot) {
  Attempt({1});
  history_.Add({12, 2, Attempt({2})});
  const WriteVerdict verdict = Writes();
  EXPECT_TRUE(verdict.good());
  EXPECT_EQ(verdict.unknown, 2);
  EXPECT_EQ(verdict.kept, 1);
}

TEST_F(WriteJudgeTest, AListingMustShowTheNewestOfEveryKey) {
  const std::vector<Change> whole = {{kNew + 13, 1, 2}, {11, 2, 1}, {kNew + 13, 3, 2}};
  EXPECT_EQ(CountDisagreements(history_, 3, whole), 0);
  EXPECT_EQ(CountDisagreements(history_, 3, {whole[0], whole[1]}), 1);
  EXPECT_EQ(CountDisagreements(history_, 3, {{10, 1, 0}, whole[1], whole[2]}), 1);
}

// ---- Salvage ----

using SalvageJudgeTest = JudgesTest;

TEST_F(SalvageJudgeTest, WhatANodeHadInItsLogIsInTheHistoryOrInASalvageFile) {
  const FailedAttempt unknown{"writer", "COMMIT_UNKNOWN", absl::Seconds(9), absl::Seconds(1)};
  const int64_t kept = Attempt({2});
  history_.Add({kNew + 14, 2, kept});
  const int64_t salvaged = Attempt({1, 3});
  const int64_t gone = Attempt({1, 3});
  const int64_t never_in_a_log = Attempt({1, 3});
  for (const int64_t number : {kept, salvaged, gone}) journal_.Fail(number, unknown, "0.14");
  journal_.Fail(never_in_a_log, unknown, "");
  const SalvageVerdict verdict = JudgeSalvage(journal_.writes(), history_, {salvaged});
  EXPECT_EQ(verdict.orphans, 2);
  EXPECT_EQ(verdict.missing, 1);
  EXPECT_THAT(verdict.findings.shown(), ElementsAre(HasSubstr("commit 5 was in a log as 0.14")));
}

TEST_F(SalvageJudgeTest, WhatWasAcknowledgedInTheEndIsNoOrphan) {
  journal_.Fail(0, {"writer", "COMMIT_UNKNOWN", absl::Seconds(9), absl::Seconds(1)}, "0.9");
  EXPECT_EQ(JudgeSalvage(journal_.writes(), history_, {}).orphans, 0);
}

TEST_F(WriteJudgeTest, TheFirstAndTheLastAcknowledgementOfANodeGoByTheirTimes) {
  const int64_t late = Attempt({1});
  const int64_t early = journal_.Begin("other", {1});
  journal_.Acknowledge(late, {kNew + 15, "dc2-a", absl::Seconds(50)});
  journal_.Acknowledge(early, {kNew + 14, "dc2-a", absl::Seconds(40)});
  EXPECT_EQ(journal_.FirstOf("dc2-a", absl::ZeroDuration())->at, absl::Seconds(40));
  EXPECT_EQ(journal_.FirstOf("dc2-a", absl::ZeroDuration(), "writer")->at, absl::Seconds(50));
  EXPECT_EQ(journal_.FirstOf("dc2-a", absl::Seconds(40))->at, absl::Seconds(50));
  EXPECT_EQ(journal_.LastOf("dc2-a", absl::Seconds(60))->at, absl::Seconds(50));
  EXPECT_EQ(journal_.LastOf("dc2-a", absl::Seconds(50))->at, absl::Seconds(40));
  EXPECT_FALSE(journal_.FirstOf("dc2-b", absl::ZeroDuration()).has_value());
}

// ---- Reads ----

class ReadJudgeTest : public JudgesTest {
 protected:
  ReadVerdict Reads(const std::vector<Observation>& seen) const {
    return JudgeReads("dc2-p1", seen, history_);
  }
  static Observation Seen(int key, int64_t revision, int64_t modified, std::optional<int64_t> write) {
    return {absl::Seconds(1), key, revision, modified, write};
  }
};

TEST_F(ReadJudgeTest, OldAnswersAreRightAsLongAsTheySayHowOldTheyAre) {
  const ReadVerdict verdict =
      Reads({Seen(1, 10, 10, 0), Seen(2, 10, 10, 0), Seen(2, 11, 11, 1), Seen(1, kNew + 13, kNew + 13, 2)});
  EXPECT_EQ(verdict.reads, 4);
  EXPECT_EQ(verdict.wrong, 0);
}

TEST_F(ReadJudgeTest, FindsAStaleRead) {
  const ReadVerdict verdict = Reads({Seen(1, kNew + 13, 10, 0)});
  EXPECT_EQ(verdict.wrong, 1);
  EXPECT_THAT(verdict.findings.shown(), ElementsAre(HasSubstr("had replaced it")));
}

TEST_F(ReadJudgeTest, FindsANodeThatGoesBack) {
  EXPECT_EQ(Reads({Seen(2, 11, 11, 1), Seen(2, 10, 10, 0)}).wrong, 1);
}

TEST_F(ReadJudgeTest, FindsAValueThatWasNeverWritten) {
  EXPECT_EQ(Reads({Seen(1, 10, 10, std::nullopt)}).wrong, 1);
}

TEST_F(ReadJudgeTest, FindsAValueThatWasShownAndIsLost) {
  const ReadVerdict verdict = Reads({Seen(1, 12, 12, 3)});
  EXPECT_EQ(verdict.wrong, 1);
  EXPECT_THAT(verdict.findings.shown(), ElementsAre(HasSubstr("not in the history")));
}

TEST_F(ReadJudgeTest, FindsAKeyThatWasNotThereYetAndOneFromTheFuture) {
  EXPECT_EQ(Reads({Seen(3, 10, 10, 0)}).wrong, 1);
  EXPECT_EQ(Reads({Seen(2, 10, 11, 1)}).wrong, 1);
}

// ---- Watches ----

class WatchJudgeTest : public JudgesTest {
 protected:
  WatchVerdict Watch(const std::vector<Change>& told) const {
    WatchLog log;
    for (const Change& change : told) log.Event(change);
    return JudgeWatch("dc2-p1", log, history_, 10, history_.last_revision());
  }
  const std::vector<Change> all_ = {{11, 2, 1}, {11, 3, 1}, {kNew + 13, 1, 2}, {kNew + 13, 3, 2}};
};

TEST_F(WatchJudgeTest, EachEventOnceAndInOrderIsRight) {
  EXPECT_TRUE(Watch(all_).good());
  EXPECT_EQ(Watch(all_).events, 4);
}

TEST_F(WatchJudgeTest, FindsAMissingEvent) {
  EXPECT_EQ(Watch({all_[0], all_[2], all_[3]}).missing, 1);
  EXPECT_EQ(Watch({}).missing, 4);
}

TEST_F(WatchJudgeTest, FindsARepeatedEvent) {
  const WatchVerdict verdict = Watch({all_[0], all_[1], all_[0], all_[1], all_[2], all_[3]});
  EXPECT_EQ(verdict.repeated, 2);
  EXPECT_EQ(verdict.missing, 0);
  EXPECT_THAT(verdict.findings.shown()[0], HasSubstr("came again"));
}

TEST_F(WatchJudgeTest, FindsEventsOutOfOrder) {
  const WatchVerdict verdict = Watch({all_[0], all_[2], all_[1], all_[3]});
  EXPECT_EQ(verdict.disordered, 1);
  EXPECT_EQ(verdict.missing, 0);
}

TEST_F(WatchJudgeTest, FindsAnEventOfAHistoryThatWasLost) {
  EXPECT_EQ(Watch({all_[0], all_[1], {12, 2, 3}, all_[2], all_[3]}).invented, 1);
}

TEST_F(WatchJudgeTest, ARewindTakesBackWhatItNames) {
  WatchLog log;
  for (const Change& change : {all_[0], all_[1], Change{12, 2, 3}}) log.Event(change);
  log.Rewound(11, {{11, 2, 1}});
  log.Event(all_[2]);
  log.Event(all_[3]);
  EXPECT_TRUE(JudgeWatch("dc2-p1", log, history_, 10, history_.last_revision()).good());
  EXPECT_EQ(log.rewinds(), 1);
}

TEST_F(WatchJudgeTest, FindsARewindThatRestoresWhatNeverWas) {
  WatchLog log;
  for (const Change& change : all_) log.Event(change);
  log.Rewound(kNew + 13, {{10, 2, 1}});
  EXPECT_EQ(JudgeWatch("dc2-p1", log, history_, 10, history_.last_revision()).invented, 1);
}

// ---- Figures ----

TEST(ReadGapTest, IsTheLongestSilenceAlsoOneThatLasts) {
  ReadGap gap;
  EXPECT_EQ(gap.LongestUntil(absl::Seconds(9)), absl::ZeroDuration());
  for (const int at : {10, 11, 14, 15}) gap.Answered(absl::Seconds(at));
  EXPECT_EQ(gap.LongestUntil(absl::Seconds(16)), absl::Seconds(3));
  EXPECT_EQ(gap.LongestUntil(absl::Seconds(25)), absl::Seconds(10));
}

TEST(ReadGapTest, SeveralReadersFillEachOthersGaps) {
  const auto seconds = [](int count) { return absl::Seconds(count); };
  EXPECT_EQ(LongestGap({seconds(10), seconds(14), seconds(18), seconds(12), seconds(17)}, seconds(19)),
            seconds(3));
  EXPECT_EQ(LongestGap({}, seconds(19)), absl::ZeroDuration());
}

TEST(SpreadTest, HasTheMiddleAndTheWorst) {
  EXPECT_EQ(SpreadOf({}).median, 0);
  EXPECT_EQ(SpreadOf({3, 1, 2}).median, 2);
  EXPECT_EQ(SpreadOf({4, 1, 2, 3}).median, 2.5);
  EXPECT_EQ(SpreadOf({4, 1, 2, 3}).maximum, 4);
}

}  // namespace
}  // namespace holdfast::drill
