#include "node/salvage_registrar.h"

#include <gtest/gtest.h>

#include <deque>

#include "base/error.h"
#include "replication/inventory.h"
#include "storage/salvage_file.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/sim_executor.h"
#include "tests/support/sim_offload.h"
#include "tests/support/virtual_time.h"

namespace holdfast::node {
namespace {

class SalvageRegistrarTest : public ::testing::Test {
 protected:
  SalvageRegistrarTest()
      : clock_(&time_),
        random_(SeededRandom(1)),
        strand_(&time_, &clock_, random_.get()),
        worker_(&time_, &clock_, random_.get()),
        offload_(&worker_, &strand_, random_.get()) {
    view_.role = v1::NODE_ROLE_STANDBY;
    view_.cluster_id = "c0ffee";
    view_.primary_peer_address = "dc2-a:7401";
    view_.upstream_connected = true;
    EXPECT_TRUE(store_.Open().ok());
    store_.Show(store_.Append(storage::EpochDraft("dc1-a")));
    SalvageRegistrar::Options options;
    options.store = &store_.store();
    options.files = &store_.files();
    options.strand = &strand_;
    options.offload = &offload_;
    options.node_id = "dc1-a";
    options.view = [this] { return view_; };
    options.register_at = [this](const std::string& address, const v1::RegisterSalvageRequest& request) {
      asked_.push_back({address, request});
      return answer_;
    };
    options.on_failure = [this](const absl::Status&) { ++failures_; };
    registrar_ = std::make_unique<SalvageRegistrar>(std::move(options));
  }

  // Commits something, and loses it again.
  void Lose() {
    const Position ancestor = store_->appended();
    store_.Commit({storage::Put("k", "v")});
    ASSERT_TRUE(store_->RewindTo(ancestor, "for the test").ok());
  }
  // The record of the primary, as it comes to this node.
  void Learn(const v1::RegisterSalvageRequest& request) {
    for (const v1::SalvageFileSummary& file : request.files()) {
      store_.Commit({storage::Put(replication::SalvageKey(file.node_id(), file.file()), "{}")});
    }
  }
  void RunFor(int rounds) { time_.RunFor(rounds * (SalvageRegistrar::kInterval + absl::Milliseconds(50))); }

  struct Asked {
    std::string address;
    v1::RegisterSalvageRequest request;
  };

  storage::StoreUnderTest store_;
  testing::VirtualTime time_{1};
  testing::VirtualClock clock_;
  std::unique_ptr<Random> random_;
  testing::SimExecutor strand_;
  testing::SimExecutor worker_;
  testing::SimOffload offload_;
  replication::ReplicaView view_;
  absl::Status answer_;
  std::deque<Asked> asked_;
  int failures_ = 0;
  std::unique_ptr<SalvageRegistrar> registrar_;
};

TEST_F(SalvageRegistrarTest, TellsThePrimaryUntilTheRecordHasComeHere) {
  Lose();
  registrar_->Start();
  RunFor(2);
  ASSERT_GE(asked_.size(), 1u);
  EXPECT_EQ(asked_[0].address, "dc2-a:7401");
  EXPECT_EQ(asked_[0].request.cluster_id(), "c0ffee");
  ASSERT_EQ(asked_[0].request.files_size(), 1);
  EXPECT_EQ(asked_[0].request.files(0).node_id(), "dc1-a");
  EXPECT_EQ(asked_[0].request.files(0).record_count(), 1);
  Learn(asked_[0].request);
  RunFor(2);
  asked_.clear();
  RunFor(5);
  EXPECT_TRUE(asked_.empty());
}

TEST_F(SalvageRegistrarTest, HasNothingToTellWhereNothingWasLost) {
  registrar_->Start();
  RunFor(5);
  EXPECT_TRUE(asked_.empty());
}

TEST_F(SalvageRegistrarTest, LooksAgainWhenRecordsAreCutLater) {
  registrar_->Start();
  RunFor(3);
  Lose();
  RunFor(2);
  EXPECT_FALSE(asked_.empty());
}

TEST_F(SalvageRegistrarTest, WaitsForAPrimaryInReach) {
  view_.upstream_connected = false;
  Lose();
  registrar_->Start();
  RunFor(3);
  EXPECT_TRUE(asked_.empty());
  view_.upstream_connected = true;
  RunFor(2);
  EXPECT_FALSE(asked_.empty());
}

TEST_F(SalvageRegistrarTest, APrimaryTellsItself) {
  view_.role = v1::NODE_ROLE_PRIMARY;
  view_.upstream_connected = false;
  view_.primary_peer_address = "dc1-a:7401";
  Lose();
  registrar_->Start();
  RunFor(2);
  ASSERT_FALSE(asked_.empty());
  EXPECT_EQ(asked_[0].address, "dc1-a:7401");
}

TEST_F(SalvageRegistrarTest, TriesAgainAfterAFailure) {
  answer_ = MakeError(absl::StatusCode::kUnavailable, "UNREACHABLE", "away");
  Lose();
  registrar_->Start();
  RunFor(3);
  EXPECT_GE(asked_.size(), 2u);
  EXPECT_GE(failures_, 2);
}

TEST_F(SalvageRegistrarTest, BeginsNothingOnceStopped) {
  registrar_->Start();
  RunFor(2);
  registrar_->Stop();
  Lose();
  RunFor(5);
  EXPECT_TRUE(asked_.empty());
}

}  // namespace
}  // namespace holdfast::node
