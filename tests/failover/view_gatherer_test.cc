#include "failover/view_gatherer.h"

#include <gmock/gmock.h>

#include <set>

#include "failover/primary_checks.h"
#include "tests/failover/promotion_fixture.h"

namespace holdfast::failover {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

// Feeds as before, and answers no question in time.
class BusyService : public replication::PeerService {
 public:
  explicit BusyService(replication::PeerService* service) : service_(service) {}

  std::unique_ptr<replication::StreamEvents<v1::FollowRequest>> AcceptFollow(
      std::unique_ptr<replication::StreamEnd<v1::FollowResponse>> stream) override {
    return service_->AcceptFollow(std::move(stream));
  }
  absl::StatusOr<std::unique_ptr<SnapshotSource>> AcceptFetchSnapshot(
      const v1::FetchSnapshotRequest& request) override {
    return service_->AcceptFetchSnapshot(request);
  }
  absl::StatusOr<v1::PromiseResponse> AcceptPromise(const v1::PromiseRequest&) override { return Late(); }
  absl::StatusOr<v1::FreezeResponse> AcceptFreeze(const v1::FreezeRequest&) override { return Late(); }
  void AcceptFetchRecords(const v1::FetchRecordsRequest&,
                          std::function<void(absl::StatusOr<v1::FetchRecordsResponse>)> done) override {
    done(Late());
  }
  void AcceptLook(const v1::LookRequest&,
                  std::function<void(absl::StatusOr<v1::LookResponse>)> done) override {
    done(Late());
  }

 private:
  static absl::Status Late() {
    return MakeError(absl::StatusCode::kDeadlineExceeded, "DEADLINE", "no answer in time");
  }
  replication::PeerService* const service_;
};

class ViewGathererTest : public PromotionTest {};

TEST_F(ViewGathererTest, APrimaryThatIsTooBusyToAnswerAndStillFeedsIsNotTakenOver) {
  Begin();
  CommitEverywhere("k");
  BusyService busy(&node("p").replica());
  network_.Listen("p", &node("p").strand(), &busy);
  const v1::Plan plan = PlanAt("a");
  EXPECT_FALSE(plan.admissible()) << plan.DebugString();
  EXPECT_EQ(plan.checks(0).name(), "primary-gone");
  EXPECT_EQ(plan.checks(0).node_id(), "p");
  EXPECT_THAT(plan.checks(0).seen(), HasSubstr("does not answer, and feeds a"));
  EXPECT_EQ(plan.checks(0).next_command(), "holdfast switchover a --dry-run");
  node("p").Kill();
}

// It was heard a moment before it died: that is found out within the plan, and costs no second one.
TEST_F(ViewGathererTest, APrimaryThatHasJustFallenSilentBlocksNothing) {
  Begin();
  CommitEverywhere("k");
  for (auto& [id, unused] : nodes_) {
    if (id == "p") continue;
    network_.Cut("p", id);  // no connection breaks: nobody has noticed yet
    network_.Cut(id, "p");
  }
  const v1::Plan plan = PlanAt("a");
  EXPECT_TRUE(plan.admissible()) << plan.DebugString();
}

TEST_F(ViewGathererTest, ANodeSaysWhoFeedsItAndHowFreshThatIs) {
  Begin();
  CommitEverywhere("k");
  v1::PromiseRequest look;
  look.set_cluster_id("c1");
  look.set_inspect(true);
  const auto said = node("x").replica().AcceptPromise(look);
  ASSERT_TRUE(said.ok()) << said.status();
  EXPECT_EQ(said->feed().upstream_node_id(), "p");
  EXPECT_EQ(said->feed().primary_node_id(), "p");
  ASSERT_TRUE(HeardAgo(said->feed()).has_value());
  EXPECT_LT(*HeardAgo(said->feed()), kFeedIsFresh);
  EXPECT_EQ(said->epochs_size(), 0) << "the log is described on demand only";
  look.set_describe_log(true);
  const auto described = node("x").replica().AcceptPromise(look);
  ASSERT_TRUE(described.ok() && described->epochs_size() == 1);
  EXPECT_EQ(described->epochs(0).primary_node_id(), "p");
  EXPECT_EQ(described->epochs(0).last_revision(), described->appended().revision());
  EXPECT_EQ(described->last_commit().revision(), described->appended().revision());
}

TEST_F(ViewGathererTest, WhoWasSilentIsNotWaitedForAsLongAgain) {
  Begin();
  Isolate("p");
  TestNode& candidate = node("a");
  ViewGatherer gatherer({&candidate.store(), &candidate.replica(), &candidate.transport(),
                         &candidate.strand(), candidate.clock()});
  const auto took = [&](const std::set<std::string>& silent) {
    std::optional<v1::ClusterView> view;
    const absl::Duration began = time_.now();
    candidate.strand().Post(
        [&] { gatherer.Gather({}, silent, [&](v1::ClusterView gathered) { view = std::move(gathered); }); });
    EXPECT_TRUE(time_.RunUntil([&] { return view.has_value(); }, absl::Seconds(5)));
    return time_.now() - began;
  };
  EXPECT_GT(took({}), absl::Milliseconds(700));
  EXPECT_LT(took({"p"}), absl::Milliseconds(300));
}

// Whoever has fallen silent is waited for until a living one would have spoken again, and no longer.
TEST_F(ViewGathererTest, NobodyIsWaitedForLongerThanTheFeedWouldBeFresh) {
  Begin();
  CommitEverywhere("k");
  for (auto& [id, unused] : nodes_) {
    if (id == "p") continue;
    network_.Cut("p", id);
    network_.Cut(id, "p");
  }
  const absl::Duration began = time_.now();
  const v1::Plan plan = PlanAt("a");
  EXPECT_TRUE(plan.admissible()) << plan.DebugString();
  EXPECT_LT(time_.now() - began, kFeedIsFresh + absl::Milliseconds(100));
}

}  // namespace
}  // namespace holdfast::failover
