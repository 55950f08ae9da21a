#include <gtest/gtest.h>

#include "tests/replication/replica_fixture.h"

namespace holdfast::replication {
namespace {

TEST_F(ReplicaTest, ACommitIsShownOnlyWhenAQuorumHoldsIt) {
  Add("p"), Add("a"), Add("b"), Add("x", v1::NODE_KIND_PROXY);
  ASSERT_EQ(Init({"a", "b", "x"}, 2), absl::OkStatus());
  ASSERT_TRUE(RunUntilShown("p", Commit("p", "k", "1")));
  Isolate("a"), Isolate("b");
  const Position waiting = Commit("p", "k", "2");
  time_.RunFor(absl::Seconds(10));
  EXPECT_LT(node("p").store().visible().revision, waiting.revision);
  EXPECT_LT(node("x").store().visible().revision, waiting.revision);
  const Replica::Acknowledgement held = node("p").replica().AcknowledgedAt(waiting.revision);
  EXPECT_EQ(held.acknowledged, 1u);
  EXPECT_EQ(held.needed, 2u);
  network_.HealAll();
  EXPECT_TRUE(RunUntilShown("p", waiting));
  EXPECT_TRUE(RunUntilShown("b", waiting));
}

TEST_F(ReplicaTest, ARuleIsSettledOnceAQuorumDurablyKnowsIt) {
  Add("p"), Add("a"), Add("b");
  ASSERT_EQ(Init({"a", "b"}, 2), absl::OkStatus());
  // Without waiting for the next probe.
  EXPECT_TRUE(time_.RunUntil([&] { return node("p").replica().RuleSettled(); }, absl::Milliseconds(50)));
}

TEST_F(ReplicaTest, AClusterIsBegunOnce) {
  Add("p"), Add("s"), Add("x", v1::NODE_KIND_PROXY);
  ASSERT_EQ(Init({}, 0), absl::OkStatus());
  EXPECT_EQ(ReasonOf(*Init({}, 0)), "ALREADY_INITIALIZED");
  ASSERT_TRUE(RunUntilShown("s", node("p").store().visible()));
  std::optional<absl::Status> refused;
  node("s").replica().InitCluster("c9", EpochDraft("s", {}, 0, 0, true),
                                  [&](const absl::Status& status) { refused = status; });
  time_.RunFor(absl::Seconds(1));
  EXPECT_EQ(ReasonOf(*refused), "ALREADY_INITIALIZED");
}

TEST_F(ReplicaTest, AClusterWhosePrimaryWouldVoteIsRefused) {
  Add("p"), Add("s");
  EXPECT_EQ(ReasonOf(*Init({"p"}, 1)), "CONFLICTING_SETTINGS");
  EXPECT_TRUE(node("p").store().appended().revision.is_zero());
}

// R18.
TEST_F(ReplicaTest, ARestartedPrimaryAdmitsNothingBeforeItsVotersAnswered) {
  Add("p"), Add("a"), Add("b"), Add("c");
  ASSERT_EQ(Init({"a", "b", "c"}, 2), absl::OkStatus());
  ASSERT_TRUE(RunUntilShown("p", Commit("p", "k", "1")));
  Isolate("p");
  node("p").Kill();
  node("p").Start();
  time_.RunFor(absl::Seconds(10));
  EXPECT_EQ(node("p").role(), v1::NODE_ROLE_RECOVERING);
  EXPECT_EQ(ReasonOf(node("p").replica().CanAdmit()), "RECOVERING");
  network_.HealAll();
  EXPECT_TRUE(time_.RunUntil([&] { return node("p").role() == v1::NODE_ROLE_PRIMARY; }, absl::Seconds(10)));
  EXPECT_TRUE(RunUntilShown("p", Commit("p", "k", "2")));
}

TEST_F(ReplicaTest, TheOnlyServerResumesAtOnce) {
  Add("p"), Add("x", v1::NODE_KIND_PROXY);
  ASSERT_EQ(Init({}, 0), absl::OkStatus());
  node("p").Kill();
  node("p").Start();
  time_.RunFor(absl::Milliseconds(10));
  EXPECT_EQ(node("p").role(), v1::NODE_ROLE_PRIMARY);
}

TEST_F(ReplicaTest, WithLocalARestartedPrimaryAsksAnotherServer) {
  Add("p"), Add("s");
  ASSERT_EQ(Init({}, 0), absl::OkStatus());
  ASSERT_TRUE(RunUntilShown("s", node("p").store().visible()));
  Isolate("p");
  node("p").Kill();
  node("p").Start();
  time_.RunFor(absl::Seconds(10));
  EXPECT_EQ(node("p").role(), v1::NODE_ROLE_RECOVERING);
  network_.HealAll();
  EXPECT_TRUE(time_.RunUntil([&] { return node("p").role() == v1::NODE_ROLE_PRIMARY; }, absl::Seconds(10)));
}

TEST_F(ReplicaTest, AHigherPromiseElsewhereSuspendsThePrimary) {
  Add("p"), Add("a"), Add("b");
  ASSERT_EQ(Init({"a", "b"}, 1), absl::OkStatus());
  ASSERT_TRUE(RunUntilShown("a", Commit("p", "k", "1")));
  ASSERT_TRUE(GivePromise("a", 1, "a").ok());
  EXPECT_TRUE(time_.RunUntil([&] { return node("p").role() == v1::NODE_ROLE_SUSPENDED; }, absl::Seconds(10)));
  EXPECT_EQ(ReasonOf(node("p").replica().CanAdmit()), "SUSPENDED");
  // I7: the node that promised takes nothing of epoch 0 any more, by no way.
  EXPECT_EQ(node("a").store().node().promise().epoch(), 1u);
  time_.RunFor(absl::Seconds(10));
  EXPECT_FALSE(node("a").replica().view().upstream_connected);
}

TEST_F(ReplicaTest, APromiseOfItsOwnSuspendsThePrimaryAlsoAfterARestart) {
  Add("p"), Add("a");
  ASSERT_EQ(Init({"a"}, 1), absl::OkStatus());
  ASSERT_TRUE(GivePromise("p", 1, "a").ok());
  EXPECT_EQ(node("p").role(), v1::NODE_ROLE_SUSPENDED);
  node("p").Kill();
  node("p").Start();
  time_.RunFor(absl::Seconds(5));
  EXPECT_EQ(node("p").role(), v1::NODE_ROLE_SUSPENDED);
}

TEST_F(ReplicaTest, AnInspectingQuestionChangesNothing) {
  Add("p"), Add("a");
  ASSERT_EQ(Init({"a"}, 1), absl::OkStatus());
  v1::PromiseRequest request;
  request.set_cluster_id("c1");
  request.set_inspect(true);
  *request.mutable_promise() = Promise(9, "a");
  const auto answer = node("p").replica().AcceptPromise(request);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->role(), v1::NODE_ROLE_PRIMARY);
  EXPECT_EQ(answer->promise().epoch(), 0u);
  EXPECT_EQ(node("p").role(), v1::NODE_ROLE_PRIMARY);
}

TEST_F(ReplicaTest, APromiseIsGivenToOneCandidateOnlyAndRepeatedToIt) {
  Add("p"), Add("a"), Add("b");
  ASSERT_EQ(Init({"a", "b"}, 1), absl::OkStatus());
  ASSERT_TRUE(RunUntilShown("b", node("p").store().visible()));
  EXPECT_TRUE(GivePromise("b", 1, "a").ok());
  EXPECT_EQ(ReasonOf(GivePromise("b", 1, "b")), "PROMISED_ELSEWHERE");
  EXPECT_TRUE(GivePromise("b", 1, "a").ok());
  node("b").Kill();
  node("b").Start();
  EXPECT_EQ(ReasonOf(GivePromise("b", 1, "b")), "PROMISED_ELSEWHERE");
  EXPECT_EQ(ReasonOf(GivePromise("b", 0, "a")), "LOWER_EPOCH");
}

// Two voters, q = 1: both must promise, also the one that the lost primary never reached.
TEST_F(ReplicaTest, AVoterThatHasHeardOfNoClusterYetPromisesAndJoins) {
  Add("p"), Add("a"), Add("b");
  Isolate("b");
  ASSERT_EQ(Init({"a", "b"}, 1), absl::OkStatus());
  ASSERT_TRUE(node("b").store().node().identity().cluster_id.empty());
  Isolate("p");
  EXPECT_TRUE(GivePromise("a", 1, "a").ok());
  EXPECT_TRUE(GivePromise("b", 1, "a").ok());
  EXPECT_EQ(node("b").store().node().identity().cluster_id, "c1");
  EXPECT_EQ(node("b").store().node().promise().epoch(), 1u);
  node("b").Kill();
  node("b").Start();
  v1::PromiseRequest other;
  other.set_cluster_id("c2");
  *other.mutable_promise() = Promise(2, "a");
  EXPECT_EQ(ReasonOf(node("b").replica().AcceptPromise(other).status()), "WRONG_CLUSTER");
}

TEST_F(ReplicaTest, APromiseForNoClusterIsRefused) {
  Add("p"), Add("b");
  v1::PromiseRequest request;
  *request.mutable_promise() = Promise(1, "p");
  EXPECT_EQ(ReasonOf(node("b").replica().AcceptPromise(request).status()), "INVALID_REQUEST");
  EXPECT_EQ(node("b").store().node().promise().epoch(), 0u);
}

// A new epoch on a standby; what only the old primary held is cut and salvaged when it rejoins (I6, I10).
TEST_F(ReplicaTest, AFencedPrimaryRejoinsAndWhatOnlyItHeldIsCut) {
  Add("p"), Add("a"), Add("x", v1::NODE_KIND_PROXY);
  ASSERT_EQ(Init({"a"}, 1), absl::OkStatus());
  const Position common = Commit("p", "k", "both");
  ASSERT_TRUE(RunUntilShown("a", common));
  Isolate("p");
  Commit("p", "k", "only p");
  Commit("p", "k2", "only p");
  ASSERT_TRUE(GivePromise("a", 1, "a").ok());
  std::optional<absl::Status> begun;
  node("a").replica().BeginEpoch(1, EpochDraft("a", {"x"}, 1, 1, false),
                                 [&](const absl::Status& s) { begun = s; });
  time_.RunFor(absl::Seconds(5));
  // R10: p's rule {a} needs a, which counts itself there; the new one needs x.
  ASSERT_TRUE(begun.has_value()) << node("x").replica().view().activity;
  ASSERT_TRUE(begun->ok()) << *begun;
  EXPECT_EQ(node("a").role(), v1::NODE_ROLE_PRIMARY);
  const Position last = Commit("a", "k", "epoch 1");
  ASSERT_TRUE(RunUntilShown("x", last));
  EXPECT_EQ(node("x").replica().view().primary_node_id, "a");

  network_.HealAll();
  node("p").Kill();
  node("p").Start();
  ASSERT_TRUE(time_.RunUntil([&] { return node("p").role() == v1::NODE_ROLE_FENCED; }, absl::Seconds(20)))
      << node("p").replica().view().activity;
  EXPECT_EQ(ReasonOf(node("p").replica().CanAdmit()), "FENCED");
  EXPECT_EQ(node("p").replica().view().primary_node_id, "") << "a client would be sent back to itself";
  EXPECT_EQ(node("p").replica().view().primary_client_address, "");
  ASSERT_TRUE(node("p").replica().Rejoin().ok());
  ASSERT_TRUE(RunUntilShown("p", last)) << node("p").replica().view().activity;
  EXPECT_EQ(node("p").role(), v1::NODE_ROLE_STANDBY);
  EXPECT_EQ(node("p").store().state_digest(), node("a").store().state_digest());
  node("p").Kill();
  node("p").Start();
  EXPECT_TRUE(RunUntilShown("p", Commit("a", "k", "later")));
}

// The cut is durable before what follows it: a crash in between leaves a log that ends in an older epoch of
// its own.
TEST_F(ReplicaTest, AFormerPrimaryOfTwoEpochsThatRejoinedStaysAFollowerWhenItsLogEndsInTheEarlierOne) {
  Add("p"), Add("a");
  ASSERT_EQ(Init({"a"}, 1), absl::OkStatus());
  const Position earlier = Commit("p", "k", "epoch 0");
  ASSERT_TRUE(RunUntilShown("a", earlier));
  ASSERT_TRUE(GivePromise("p", 64, "p").ok());
  node("p").replica().BeginEpoch(64, EpochDraft("p", {"a"}, 1, 64, false), [](const absl::Status&) {});
  ASSERT_TRUE(RunUntilShown("p", Commit("p", "k", "epoch 64")));
  Isolate("p");
  ASSERT_TRUE(GivePromise("p", 65, "a").ok());
  ASSERT_TRUE(node("p").replica().Rejoin().ok());
  ASSERT_TRUE(node("p").store().RewindTo(earlier, "epoch 65 went another way").ok());
  node("p").Kill();
  node("p").Start();
  time_.RunFor(absl::Seconds(1));
  EXPECT_EQ(node("p").role(), v1::NODE_ROLE_STANDBY) << node("p").replica().view().activity;
}

// F18 [commit_by_number]: two records with one index; what is committed is told by hash.
TEST_F(ReplicaTest, NothingOfAnotherBranchIsEverShown) {
  Add("p"), Add("a"), Add("x", v1::NODE_KIND_PROXY);
  ASSERT_EQ(Init({"a", "x"}, 2), absl::OkStatus());
  const Position common = node("p").store().visible();
  ASSERT_TRUE(RunUntilShown("x", common));
  Isolate("a");
  const Position lost = Commit("p", "k", "lost");
  ASSERT_TRUE(time_.RunUntil([&] { return node("x").store().appended() == lost; }, absl::Seconds(5)));
  EXPECT_EQ(node("x").store().visible(), common);
  node("p").Kill();
  network_.HealAll();
  ASSERT_TRUE(GivePromise("a", 1, "a").ok());
  node("a").replica().BeginEpoch(1, EpochDraft("a", {"x"}, 1, 1, false), [](const absl::Status&) {});
  const Position last = node("a").store().appended();
  ASSERT_EQ(last.revision.index(), lost.revision.index());
  ASSERT_TRUE(time_.RunUntil(
      [&] {
        EXPECT_NE(node("x").store().visible(), lost);
        return node("x").store().visible() == last;
      },
      absl::Seconds(20)))
      << node("x").replica().view().activity;
}

// What it showed may have been overtaken long before it heard of that.
TEST_F(ReplicaTest, AFormerPrimaryThatRejoinsKnowsNoBoundBeforeItFollows) {
  Add("p"), Add("a");
  ASSERT_EQ(Init({"a"}, 1), absl::OkStatus());
  Isolate("p");
  ASSERT_TRUE(GivePromise("p", 1, "a").ok());
  ASSERT_TRUE(node("p").replica().Rejoin().ok());
  EXPECT_EQ(node("p").replica().Staleness(), std::nullopt);
}

// R3: epoch 2 belongs to slot 2, 64 to the first primary's. Another incarnation of `a` would need a slot of
// its own.
TEST_F(ReplicaTest, AnEpochIsBegunOnlyByItsSlot) {
  Add("p"), Add("a"), Add("x", v1::NODE_KIND_PROXY);
  ASSERT_EQ(Init({"a"}, 1), absl::OkStatus());
  ASSERT_TRUE(RunUntilShown("a", node("p").store().visible()));
  const auto begin = [&](uint64_t epoch) {
    std::optional<absl::Status> answer;
    EXPECT_TRUE(GivePromise("a", epoch, "a").ok());
    node("a").replica().BeginEpoch(epoch, EpochDraft("a", {"x"}, 1, epoch, false),
                                   [&](const absl::Status& s) { answer = s; });
    time_.RunFor(absl::Seconds(5));
    return answer.value_or(absl::UnknownError("no answer"));
  };
  EXPECT_EQ(ReasonOf(begin(2)), "CONFLICTING_SETTINGS");
  EXPECT_EQ(ReasonOf(begin(64)), "CONFLICTING_SETTINGS");
  EXPECT_EQ(node("a").store().appended().revision.epoch(), 0u);
  EXPECT_EQ(begin(65), absl::OkStatus());
}

TEST_F(ReplicaTest, ARenewedIncarnationNeedsASlotOfItsOwn) {
  Add("p"), Add("a"), Add("x", v1::NODE_KIND_PROXY);
  ASSERT_EQ(Init({"x"}, 1), absl::OkStatus());
  ASSERT_TRUE(RunUntilShown("a", node("p").store().visible()));
  ASSERT_TRUE(node("a").store().node().RenewIncarnation("test").ok());
  ASSERT_TRUE(GivePromise("a", 1, "a").ok());
  std::optional<absl::Status> answer;
  node("a").replica().BeginEpoch(1, EpochDraft("a", {"x"}, 1, 1, false),
                                 [&](const absl::Status& s) { answer = s; });
  time_.RunFor(absl::Seconds(1));
  ASSERT_TRUE(answer.has_value());
  EXPECT_EQ(ReasonOf(*answer), "CONFLICTING_SETTINGS");
}

// R3: the record may be cut again, and its slot given to another node.
TEST_F(ReplicaTest, AProxyLendsOnlyASlotThatACommittedRecordGaveIt) {
  Add("p"), Add("a"), Add("x", v1::NODE_KIND_PROXY);
  ASSERT_EQ(Init({"a"}, 1), absl::OkStatus());
  ASSERT_TRUE(RunUntilShown("x", node("p").store().visible()));
  Isolate("a");
  v1::NodeInfo info;
  for (const v1::NodeInfo& member : node("p").replica().nodes())
    if (member.node_id() == "x") info = member;
  info.set_slot(5);
  info.set_incarnation(node("x").incarnation());
  storage::RecordDraft draft;
  draft.commit.emplace();
  AddChange(&draft, NodeKey("x"), ToJson(info));
  const Position gave = Append("p", draft);
  ASSERT_TRUE(time_.RunUntil([&] { return node("x").store().appended() == gave; }, absl::Seconds(10)));
  Isolate("p");
  time_.RunFor(absl::Seconds(10));
  v1::LendSlotRequest lend;
  lend.set_cluster_id("c1");
  lend.set_node_id("a");
  lend.set_incarnation("after the loss");
  const absl::Status refused = node("x").replica().LendSlot(lend).status();
  EXPECT_EQ(ReasonOf(refused), "CONFLICTING_SETTINGS");
  EXPECT_NE(refused.message().find("no record has given"), absl::string_view::npos) << refused;
  network_.HealAll();
  ASSERT_TRUE(RunUntilShown("x", gave));
  Isolate("p");
  time_.RunFor(absl::Seconds(10));
  const absl::StatusOr<v1::SlotLoan> loan = node("x").replica().LendSlot(lend);
  ASSERT_TRUE(loan.ok()) << loan.status();
  EXPECT_EQ(loan->slot(), 5u);
}

// A late thaw of one hand-over must not let commits in that another one's drain would miss.
TEST_F(ReplicaTest, OnlyTheCandidateThatAFreezeIsForThawsOrShortensIt) {
  Add("p"), Add("a"), Add("b");
  ASSERT_EQ(Init({"a", "b"}, 1), absl::OkStatus());
  const auto freeze = [&](const std::string& candidate, int seconds) {
    v1::FreezeRequest request;
    request.set_cluster_id("c1");
    request.set_candidate_node_id(candidate);
    request.mutable_hold()->set_seconds(seconds);
    EXPECT_TRUE(node("p").replica().AcceptFreeze(request).ok());
    return ReasonOf(node("p").replica().CanAdmit());
  };
  EXPECT_EQ(freeze("a", 5), "SUSPENDED");
  EXPECT_EQ(freeze("b", 0), "SUSPENDED") << "another's";
  EXPECT_EQ(freeze("a", 0), "") << "its own";
  freeze("a", 5);
  freeze("b", 1);
  time_.RunFor(absl::Seconds(2));
  EXPECT_EQ(ReasonOf(node("p").replica().CanAdmit()), "SUSPENDED") << "not sooner than it was promised";
  EXPECT_EQ(freeze("a", 0), "SUSPENDED") << "it is the other's now";
  EXPECT_EQ(freeze("b", 0), "");
  freeze("a", 1);
  time_.RunFor(absl::Seconds(2));
  EXPECT_EQ(freeze("b", 0), "") << "long over";
}

// What the disk refuses for a while is no reason to need a person.
TEST_F(ReplicaTest, AStartThatTheDiskRefusesIsTriedAgain) {
  Add("p"), Add("a");
  ASSERT_EQ(Init({"a"}, 1), absl::OkStatus());
  ASSERT_TRUE(RunUntilShown("a", node("p").store().visible()));
  for (const std::string id : {"a", "p"}) {
    node(id).Kill();
    node(id).Start();
    storage::DiskFault fault;
    fault.operations = {storage::DiskOperation::kRead};
    fault.path_suffix = "/data.db";
    fault.fail_count = storage::DiskFault::kForever;
    node(id).disk().AddFault(fault);
    time_.RunFor(absl::Seconds(10));
    EXPECT_EQ(node(id).halted, absl::OkStatus());
    EXPECT_NE(node(id).replica().view().activity.find("tries again"), std::string::npos)
        << node(id).replica().view().activity;
    EXPECT_EQ(ReasonOf(GivePromise(id, 1, "a")), "IO_ERROR") << "it has not looked at its log yet";
    node(id).disk().ClearFaults();
    time_.RunFor(absl::Seconds(5));
  }
  EXPECT_EQ(node("p").role(), v1::NODE_ROLE_PRIMARY) << node("p").replica().view().activity;
  EXPECT_TRUE(RunUntilShown("a", Commit("p", "k", "after")));
}

TEST_F(ReplicaTest, AnEpochIsBegunOnlyByWhomItWasPromisedAndOnce) {
  Add("p"), Add("a"), Add("x", v1::NODE_KIND_PROXY);
  ASSERT_EQ(Init({"a"}, 1), absl::OkStatus());
  ASSERT_TRUE(RunUntilShown("a", node("p").store().visible()));
  std::optional<absl::Status> answer;
  const auto begin = [&] {
    answer.reset();
    node("a").replica().BeginEpoch(1, EpochDraft("a", {"x"}, 1, 1, false),
                                   [&](const absl::Status& s) { answer = s; });
    time_.RunFor(absl::Seconds(5));
    return answer.value_or(absl::UnknownError("no answer"));
  };
  EXPECT_EQ(ReasonOf(begin()), "PROMISED_ELSEWHERE");
  ASSERT_TRUE(GivePromise("a", 1, "a").ok());
  EXPECT_TRUE(begin().ok());
  EXPECT_EQ(ReasonOf(begin()), "LOWER_EPOCH");  // R7
}

}  // namespace
}  // namespace holdfast::replication
