#include "primary/administration.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "base/error.h"
#include "tests/primary/fake_network.h"
#include "tests/primary/fake_replica.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/sim_executor.h"
#include "tests/support/virtual_time.h"

namespace holdfast::primary {
namespace {

using InitAnswer = absl::StatusOr<v1::InitResponse>;

class AdministrationTest : public ::testing::Test {
 protected:
  AdministrationTest() : clock_(&time_), random_(SeededRandom(1)), strand_(&time_, &clock_, random_.get()) {
    EXPECT_TRUE(store_.Open().ok());
    replica_.store = &store_.store();
    Administration::Options options;
    options.store = &store_.store();
    options.replica = &replica_;
    options.transport = &network_;
    options.strand = &strand_;
    options.clock = &clock_;
    options.random = random_.get();
    options.node_id = "a";
    administration_ = Administration::Create(options);
  }

  // The answer arrives in `answer_`.
  void Init() {
    v1::InitRequest request;
    v1::NodeSpec& node = *request.add_nodes();
    node.set_node_id("a");
    node.set_site("dc1");
    node.set_kind(v1::NODE_KIND_SERVER);
    node.set_client_address("127.0.0.1:1");
    node.set_peer_address("127.0.0.1:2");
    administration_->Init(request, clock_.SinceBoot() + absl::Seconds(10), [this](InitAnswer answer) {
      ASSERT_FALSE(answer_.has_value()) << "answered twice";
      answer_ = std::move(answer);
    });
  }

  storage::StoreUnderTest store_;
  testing::VirtualTime time_{1};
  testing::VirtualClock clock_;
  std::unique_ptr<Random> random_;
  testing::SimExecutor strand_;
  FakeReplica replica_;
  FakeNetwork network_;
  std::unique_ptr<Administration> administration_;
  std::optional<InitAnswer> answer_;
};

TEST_F(AdministrationTest, InitAnswersWhenItsRecordIsCommitted) {
  Init();
  time_.RunFor(absl::Seconds(1));
  ASSERT_TRUE(replica_.begun);
  EXPECT_FALSE(answer_.has_value());
  replica_.begun(absl::OkStatus());
  ASSERT_TRUE(answer_.has_value());
  EXPECT_EQ((*answer_)->revision(), 1);
  time_.RunFor(absl::Seconds(20));
}

TEST_F(AdministrationTest, AnInitThatIsNotCommittedInTimeIsUnknown) {
  Init();
  time_.RunFor(absl::Seconds(11));
  ASSERT_TRUE(answer_.has_value());
  EXPECT_EQ(ReasonOf(answer_->status()), "COMMIT_UNKNOWN");
  replica_.begun(absl::OkStatus());  // nobody listens any more
}

TEST_F(AdministrationTest, AnInitUnderWayIsAnsweredWhenTheNodeStops) {
  Init();
  time_.RunFor(absl::Seconds(1));
  administration_->Stop();
  ASSERT_TRUE(answer_.has_value());
  EXPECT_EQ(ReasonOf(answer_->status()), "COMMIT_UNKNOWN");
  time_.RunFor(absl::Seconds(20));
}

TEST_F(AdministrationTest, AnInitThatHasNotBegunWhenTheNodeStopsIsRefused) {
  Init();
  administration_->Stop();
  time_.RunFor(absl::Seconds(1));
  ASSERT_TRUE(answer_.has_value());
  EXPECT_EQ(ReasonOf(answer_->status()), "DRAINING");
  EXPECT_FALSE(replica_.begun);
}

}  // namespace
}  // namespace holdfast::primary
