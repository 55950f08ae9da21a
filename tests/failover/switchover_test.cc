// A planned hand-over with everything that carries it out, on memory disks and a simulated network: there and
// back, and with the candidate gone after every step.
#include <gmock/gmock.h>

#include "base/random.h"
#include "failover/operations.h"
#include "tests/replication/replica_fixture.h"

namespace holdfast::failover {
namespace {

using replication::TestNode;
using ::testing::HasSubstr;

// p is primary; a and b are standbys, x and z proxies. Two of {a, b, x} vote.
class SwitchoverTest : public replication::ReplicaTest {
 protected:
  SwitchoverTest() : random_(SeededRandom(5)) {}
  ~SwitchoverTest() override { operations_.clear(); }

  void Begin() {
    for (const char* id : {"p", "a", "b"}) Add(id);
    for (const char* id : {"x", "z"}) Add(id, v1::NODE_KIND_PROXY);
    const auto begun = Init({"a", "b", "x"}, 2);
    ASSERT_TRUE(begun && begun->ok()) << begun.value_or(absl::OkStatus());
    for (const char* id : {"p", "a", "b"}) Serve(id);
    CommitEverywhere("k");
  }
  // What a server of this process offers to operators. Loses power when `last_step` of an operation begins.
  void Serve(const std::string& id, const std::string& last_step = "") {
    TestNode& server = node(id);
    Operations::Options options;
    options.store = &server.store();
    options.replica = &server.replica();
    options.transport = &server.transport();
    options.strand = &server.strand();
    options.clock = server.clock();
    options.random = random_.get();
    options.files = &server.files();
    options.on_change = [this, &server, last_step](const v1::Operation& now) {
      steps_.push_back(now.steps_size() == 0 ? "" : now.steps().rbegin()->name());
      if (steps_.back() == last_step) server.LosePower();
    };
    operations_[id] = std::make_unique<Operations>(std::move(options));
    server.on_change = [operations = operations_[id].get()] { operations->OnRoleChange(); };
    server.strand().Post([operations = operations_[id].get()] { operations->Start(); });
    time_.RunFor(absl::Milliseconds(1));
  }
  void Kill(const std::string& id) {
    operations_.erase(id);
    node(id).on_change = nullptr;
    node(id).Kill();
  }
  Position CommitEverywhere(const std::string& key) {
    const std::string primary = Primary();
    EXPECT_FALSE(primary.empty());
    const Position position = Commit(primary, key, "1");
    for (auto& [id, member] : nodes_) {
      if (member->is_up()) EXPECT_TRUE(RunUntilShown(id, position)) << id;
    }
    return position;
  }
  // Who admits commits; nobody, or everybody who does.
  std::string Primary() {
    std::string primary;
    for (auto& [id, member] : nodes_) {
      if (member->is_up() && member->replica().CanAdmit().ok()) primary += id;
    }
    return primary;
  }

  v1::Plan PlanAt(const std::string& id) {
    std::optional<v1::Plan> plan;
    v1::PlanOperationRequest request;
    request.set_kind(v1::OPERATION_KIND_SWITCHOVER);
    node(id).strand().Post([&] {
      operations_[id]->Plan(request, [&](const absl::StatusOr<v1::PlanOperationResponse>& planned) {
        ASSERT_TRUE(planned.ok()) << planned.status();
        plan = planned->plan();
      });
    });
    EXPECT_TRUE(time_.RunUntil([&] { return plan.has_value(); }, absl::Seconds(10)));
    return plan.value_or(v1::Plan());
  }
  // Confirms what is planned.
  void Start(const std::string& id) {
    const v1::Plan plan = PlanAt(id);
    ASSERT_TRUE(plan.admissible()) << plan.DebugString();
    v1::StartOperationRequest request;
    request.set_kind(v1::OPERATION_KIND_SWITCHOVER);
    request.set_plan_id(plan.plan_id());
    request.set_operator_name("kim");
    std::optional<absl::Status> begun;
    node(id).strand().Post([&] {
      operations_[id]->Begin(request, [&](const absl::StatusOr<v1::StartOperationResponse>& response) {
        begun = response.status();
      });
    });
    ASSERT_TRUE(time_.RunUntil([&] { return begun.has_value(); }, absl::Seconds(10)));
    ASSERT_TRUE(begun->ok()) << *begun;
  }
  v1::Operation Newest(const std::string& id) {
    const auto listed = operations_[id]->List();
    EXPECT_TRUE(listed.ok()) << listed.status();
    return listed.ok() && listed->operations_size() > 0 ? listed->operations(0) : v1::Operation();
  }
  v1::Operation End(const std::string& id) {
    EXPECT_TRUE(
        time_.RunUntil([&] { return Newest(id).state() != v1::OPERATION_STATE_RUNNING; }, absl::Seconds(60)))
        << Newest(id).DebugString();
    return Newest(id);
  }

  const std::unique_ptr<Random> random_;
  std::map<std::string, std::unique_ptr<Operations>> operations_;
  std::vector<std::string> steps_;
};

TEST_F(SwitchoverTest, ThereAndBackNothingIsLostAndTheOldPrimaryFollowsByItself) {
  Begin();
  Position last;
  for (const char* to : {"a", "p", "b", "a", "p"}) {
    SCOPED_TRACE(to);
    last = CommitEverywhere("k");
    Start(to);
    const v1::Operation done = End(to);
    ASSERT_EQ(done.state(), v1::OPERATION_STATE_DONE) << done.DebugString();
    EXPECT_EQ(done.verdict().kind(), v1::VERDICT_KIND_PROVEN);
    EXPECT_EQ(done.harvested(), 0) << "the drain has brought everything";
    EXPECT_EQ(done.plan().new_rule().voters_size(), 3);
    ASSERT_TRUE(done.has_commit_pause());
    EXPECT_LT(done.commit_pause().seconds(), 1);
    EXPECT_EQ(Primary(), to);
    EXPECT_EQ(**node(to).store().PositionAt(last.revision), last);
  }
  CommitEverywhere("k");
}

TEST_F(SwitchoverTest, WithoutAHealthyPrimaryItIsRefusedAndSaysWhatToDo) {
  Begin();
  const v1::Plan self = PlanAt("p");
  EXPECT_FALSE(self.admissible());
  EXPECT_EQ(self.checks(0).name(), "primary-healthy");
  Isolate("p");
  const v1::Plan lost = PlanAt("a");
  EXPECT_FALSE(lost.admissible());
  EXPECT_THAT(lost.checks(0).next_command(), HasSubstr("holdfast promote a"));
}

TEST_F(SwitchoverTest, WhileItIsFrozenThePrimaryAdmitsNothingAndThawsByItself) {
  Begin();
  v1::FreezeRequest request;
  request.set_cluster_id("c1");
  request.set_candidate_node_id("a");
  request.mutable_hold()->set_seconds(2);
  ASSERT_TRUE(node("p").replica().AcceptFreeze(request).ok());
  EXPECT_EQ(ReasonOf(node("p").replica().CanAdmit()), "SUSPENDED");
  time_.RunFor(absl::Milliseconds(2001));
  EXPECT_TRUE(node("p").replica().CanAdmit().ok());
  ASSERT_TRUE(node("p").replica().AcceptFreeze(request).ok());
  request.clear_hold();
  ASSERT_TRUE(node("p").replica().AcceptFreeze(request).ok());
  EXPECT_TRUE(node("p").replica().CanAdmit().ok());
  request.set_epoch(1);
  EXPECT_EQ(ReasonOf(node("p").replica().AcceptFreeze(request).status()), "CONFLICTING_SETTINGS");
  EXPECT_EQ(ReasonOf(node("a").replica().AcceptFreeze(request).status()), "CONFLICTING_SETTINGS");
}

// An operator who thinks better of it leaves the old primary as it was, or gets it back with a fresh epoch.
TEST_F(SwitchoverTest, GivenUpAtAnyStepTheOldPrimaryGoesOn) {
  for (const char* step : {"pre-copy", "freeze", "drain", "promises", "judge"}) {
    SCOPED_TRACE(step);
    operations_.clear();
    for (auto& [id, killed] : nodes_) killed->Kill();
    nodes_.clear();
    steps_.clear();
    Begin();
    const Position last = CommitEverywhere("k");
    Start("a");
    time_.RunUntil([&] { return std::count(steps_.begin(), steps_.end(), step) > 0; }, absl::Seconds(10));
    v1::AbortOperationRequest abort;
    abort.set_operation_id(Newest("a").operation_id());
    const bool aborted = operations_["a"]->Abort(abort).ok();
    ASSERT_TRUE(time_.RunUntil([&] { return Primary() == (aborted ? "p" : "a"); }, absl::Seconds(30)))
        << Primary() << Newest("a").DebugString();
    EXPECT_EQ(**node(Primary()).store().PositionAt(last.revision), last);
    CommitEverywhere("k");
  }
}

// F7, I9: whatever step was the candidate's last one, commits go on without anybody's help.
TEST_F(SwitchoverTest, WithTheCandidateGoneAfterAnyStepCommitsGoOn) {
  // Behind `open` it is a primary like any other, and its loss is a site's: an operator promotes.
  for (const char* last_step :
       {"pre-copy", "freeze", "drain", "promise-self", "promises", "judge", "epoch", "open"}) {
    SCOPED_TRACE(last_step);
    operations_.clear();
    for (auto& [id, killed] : nodes_) killed->Kill();
    nodes_.clear();
    steps_.clear();
    Begin();
    const Position last = CommitEverywhere("k");
    Serve("a", last_step);
    Start("a");
    ASSERT_TRUE(time_.RunUntil([&] { return std::count(steps_.begin(), steps_.end(), last_step) > 0; },
                               absl::Seconds(30)))
        << ::testing::PrintToString(steps_);
    Kill("a");
    // Nobody does anything: the old primary takes its role back, if it has given it away.
    ASSERT_TRUE(time_.RunUntil([&] { return Primary() == "p"; }, absl::Seconds(60)))
        << node("p").replica().view().activity << Newest("p").DebugString();
    EXPECT_EQ(**node("p").store().PositionAt(last.revision), last);
    const Position next = CommitEverywhere("k");
    // The candidate is back, finds that others went on, and follows.
    node("a").Start();
    Serve("a");
    ASSERT_TRUE(time_.RunUntil(
        [&] {
          if (node("a").role() == v1::NODE_ROLE_SUSPENDED || node("a").role() == v1::NODE_ROLE_FENCED)
            node("a").replica().Rejoin().IgnoreError();
          return node("a").store().visible() == node("p").store().visible();
        },
        absl::Seconds(60)))
        << node("a").replica().view().activity;
    EXPECT_EQ(Primary(), "p");
    EXPECT_EQ(**node("a").store().PositionAt(next.revision), next);
  }
}

}  // namespace
}  // namespace holdfast::failover
