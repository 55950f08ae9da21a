#include "node/scrub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/rating_records.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/sim_executor.h"
#include "tests/support/sim_offload.h"
#include "tests/support/virtual_time.h"

namespace holdfast::node {
namespace {

class ScrubTest : public ::testing::Test {
 protected:
  ScrubTest()
      : clock_(&time_),
        random_(SeededRandom(1)),
        strand_(&time_, &clock_, random_.get()),
        worker_(&time_, &clock_, random_.get()),
        offload_(&worker_, &strand_, random_.get()) {
    EXPECT_TRUE(store_.Open().ok());
    store_.Show(store_.Append(storage::EpochDraft("a")));
    for (int i = 0; i < 20; ++i) store_.Commit({storage::Put(absl::StrCat("k", i), "v")});
  }
  ~ScrubTest() override {
    if (scrub_ != nullptr) scrub_->Stop();
  }

  void Start() {
    Scrub::Options options;
    options.store = &store_.store();
    options.strand = &strand_;
    options.offload = &offload_;
    options.clock = &clock_;
    options.on_failure = [this](const absl::Status& why) { failures_.push_back(why); };
    scrub_ = std::make_unique<Scrub>(std::move(options));
    scrub_->Start();
  }
  std::optional<v1::IntegrityRecord> Record() {
    const auto record = ReadIntegrity(store_->node());
    EXPECT_TRUE(record.ok()) << record.status();
    return record.value_or(std::nullopt);
  }

  storage::StoreUnderTest store_;
  testing::VirtualTime time_{1};
  testing::VirtualClock clock_;
  std::unique_ptr<Random> random_;
  testing::SimExecutor strand_;
  testing::SimExecutor worker_;
  testing::SimOffload offload_;
  std::vector<absl::Status> failures_;
  std::unique_ptr<Scrub> scrub_;
};

TEST_F(ScrubTest, LooksAtTheWholeDataOnceADay) {
  Start();
  time_.RunFor(Scrub::kFirstDelay - absl::Seconds(1));
  EXPECT_FALSE(Record().has_value());
  time_.RunFor(absl::Minutes(1));
  const auto first = Record();
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->finding_count(), 0) << first->first_finding();
  EXPECT_TRUE(first->by_itself());
  EXPECT_EQ(first->incarnation(), store_->node().identity().incarnation);
  EXPECT_EQ(first->position().revision(), store_->visible().revision.number());
  time_.RunFor(Scrub::kInterval);
  EXPECT_GE(Record()->ended().seconds() - first->ended().seconds(), absl::ToInt64Seconds(Scrub::kInterval));
  EXPECT_TRUE(failures_.empty());
}

TEST_F(ScrubTest, ARestartDoesNotPutItOffNorDoItTwice) {
  Start();
  time_.RunFor(absl::Hours(1));
  const auto first = Record();
  ASSERT_TRUE(first.has_value());
  scrub_->Stop();
  Start();
  time_.RunFor(absl::Hours(20));
  EXPECT_EQ(Record()->ended().seconds(), first->ended().seconds());
  time_.RunFor(absl::Hours(5));
  EXPECT_GT(Record()->ended().seconds(), first->ended().seconds());
}

TEST_F(ScrubTest, WhatAnOperatorHasVerifiedCountsToo) {
  Start();
  v1::VerifyResult result;
  result.add_findings()->set_message("row hash of k does not match");
  scrub_->NoteVerified(result, /*by_itself=*/false);
  ASSERT_TRUE(Record().has_value());
  EXPECT_EQ(Record()->finding_count(), 1);
  EXPECT_EQ(Record()->first_finding(), "row hash of k does not match");
  EXPECT_FALSE(Record()->by_itself());
}

TEST_F(ScrubTest, AfterARepairTheOldFindingsAreForgottenAndTheNewDataIsLookedAt) {
  Start();
  v1::VerifyResult result;
  result.add_findings()->set_message("damaged");
  scrub_->NoteVerified(result, /*by_itself=*/true);
  scrub_->ForgetVerified();
  EXPECT_FALSE(Record().has_value());
  time_.RunFor(Scrub::kFirstDelay + absl::Minutes(1));
  ASSERT_TRUE(Record().has_value());
  EXPECT_EQ(Record()->finding_count(), 0);
}

TEST_F(ScrubTest, BeginsNothingOnceStopped) {
  Start();
  scrub_->Stop();
  time_.RunFor(absl::Hours(50));
  EXPECT_FALSE(Record().has_value());
}

}  // namespace
}  // namespace holdfast::node
