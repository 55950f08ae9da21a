#include "primary/spell_keeper.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "replication/inventory.h"
#include "storage/record_codec.h"
#include "tests/primary/commit_path_fixture.h"
#include "tests/primary/fake_network.h"

namespace holdfast::primary {
namespace {

using Event = SpellKeeper::Event;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

// "a" is primary; two of {b, c, p} hold what it commits. What the log says of the cluster, the fake replica
// knows.
class SpellKeeperTest : public CommitPathTest, public storage::StoreObserver {
 protected:
  using Changed = absl::StatusOr<v1::ChangeSpellResponse>;

  SpellKeeperTest() {
    for (const char* id : {"b", "c", "p"}) {
      v1::Voter& voter = *replica_.known.mutable_rule()->add_voters();
      voter.set_node_id(id);
      voter.set_incarnation(std::string("1") + id);
      v1::NodeInfo& node = replica_.members.emplace_back();
      node.set_node_id(id);
      node.set_peer_address(id);
      Answers(id, std::string("1") + id);
    }
    replica_.known.mutable_rule()->set_quorum(2);
    store_->AddObserver(this);
    StartKeeper();
  }
  ~SpellKeeperTest() override { store_->RemoveObserver(this); }

  void OnAppended(absl::Span<const storage::LogRecordPtr> records) override {
    for (const storage::LogRecordPtr& record : records) {
      for (const v1::Change& change : record->message.changes()) {
        if (change.key() == replication::kClusterKey)
          replica_.known = *replication::ClusterFromJson(change.value());
      }
    }
    Look();
  }
  void OnVisible(const Position&) override {}
  void OnRewound(const Position&, const Position&, const std::vector<std::string>&) override {}
  void OnReplaced(const Position&) override {}

  void Look() {
    strand_.Post([this] {
      if (keeper_ != nullptr) keeper_->Look();
    });
  }
  void StartKeeper() {
    SpellKeeper::Options options;
    options.store = &store_.store();
    options.replica = &replica_;
    options.transport = &network_;
    options.commit_path = path_.get();
    options.strand = &strand_;
    options.clock = &clock_;
    options.node_id = "a";
    options.on_event = [this](Event event, const v1::ClusterInfo&, absl::Duration) {
      events_.push_back(event);
    };
    keeper_ = std::make_unique<SpellKeeper>(std::move(options));
    Look();
  }
  // The process ends without a word, and is back after `down`.
  void Restart(absl::Duration down) {
    keeper_.reset();
    time_.RunFor(down);
    StartKeeper();
    time_.RunFor(absl::Milliseconds(1));
  }
  void Answers(const std::string& id, const std::string& incarnation) {
    v1::PromiseResponse& said = network_.says[id];
    said.set_node_id(id);
    said.set_incarnation(incarnation);
    *said.mutable_appended() = storage::ToProto(store_->appended());
  }

  Changed Change(v1::SpellAction action, absl::Duration duration = absl::ZeroDuration()) {
    v1::ChangeSpellRequest request;
    request.set_action(action);
    request.mutable_duration()->set_seconds(absl::ToInt64Seconds(duration));
    request.set_operator_name("olga");
    if (action == v1::SPELL_ACTION_BEGIN) request.set_reason("line works");
    std::optional<Changed> answer;
    keeper_->Change(request, clock_.SinceBoot() + absl::Seconds(10),
                    [&answer](Changed changed) { answer = std::move(changed); });
    time_.RunUntil([&] { return answer.has_value(); }, absl::Seconds(12));
    return answer.value_or(absl::UnknownError("no answer"));
  }
  Changed Begin(absl::Duration duration) { return Change(v1::SPELL_ACTION_BEGIN, duration); }
  absl::Duration Left() { return keeper_->Left().value_or(-absl::Seconds(1)); }
  bool IsLocal() const { return replica_.known.rule().quorum() == 0; }

  FakeNetwork network_;
  std::unique_ptr<SpellKeeper> keeper_;
  std::vector<Event> events_;
};

TEST_F(SpellKeeperTest, ASpellWarnsAndThenEndsByItselfAndRestoresTheRule) {
  const std::string before = replica_.known.rule().SerializeAsString();
  const auto begun = Begin(absl::Minutes(2));
  ASSERT_TRUE(begun.ok()) << begun.status();
  EXPECT_TRUE(IsLocal());
  EXPECT_EQ(begun->spell().seconds(), 120);
  time_.RunFor(absl::Seconds(80));
  EXPECT_THAT(events_, ElementsAre(Event::kBegan));
  time_.RunFor(absl::Seconds(39));
  EXPECT_TRUE(IsLocal());
  EXPECT_THAT(events_, ElementsAre(Event::kBegan, Event::kWarning));
  EXPECT_LE(Left(), absl::Seconds(1));
  time_.RunFor(absl::Seconds(2));
  EXPECT_EQ(replica_.known.rule().SerializeAsString(), before);
  EXPECT_FALSE(replica_.known.has_spell());
  EXPECT_EQ(keeper_->Left(), std::nullopt);
  EXPECT_THAT(events_, ElementsAre(Event::kBegan, Event::kWarning, Event::kEnding, Event::kEnded));
}

// R19: planned work. Where voters are out of reach the way on is a new epoch (R20).
TEST_F(SpellKeeperTest, WithoutItsVotersInReachNoSpellBegins) {
  network_.says.erase("c");
  network_.says.erase("p");
  const Revision before = store_->appended().revision;
  const auto refused = Begin(absl::Minutes(2));
  EXPECT_EQ(ReasonOf(refused.status()), "UNREACHABLE");
  EXPECT_THAT(std::string(refused.status().message()), ::testing::HasSubstr("promote a --in-place"));
  EXPECT_FALSE(IsLocal());
  EXPECT_EQ(store_->appended().revision, before);
}

TEST_F(SpellKeeperTest, AVoterOfAnotherIncarnationIsNotInReach) {
  Answers("c", "2c");
  Answers("p", "2p");
  EXPECT_EQ(ReasonOf(Begin(absl::Minutes(2)).status()), "UNREACHABLE");
}

TEST_F(SpellKeeperTest, AnExtensionMovesTheEnd) {
  ASSERT_TRUE(Begin(absl::Minutes(1)).ok());
  time_.RunFor(absl::Seconds(50));
  network_.says.clear();  // it needs nobody
  ASSERT_TRUE(Change(v1::SPELL_ACTION_EXTEND, absl::Minutes(1)).ok());
  time_.RunFor(absl::Seconds(60));
  EXPECT_TRUE(IsLocal());
  time_.RunFor(absl::Seconds(15));
  EXPECT_FALSE(IsLocal());
}

TEST_F(SpellKeeperTest, ItIsEndedByHandWhileTheVotersAreInReach) {
  ASSERT_TRUE(Begin(absl::Minutes(10)).ok());
  const std::map<std::string, v1::PromiseResponse> all = network_.says;
  network_.says.erase("b");
  network_.says.erase("c");
  EXPECT_EQ(ReasonOf(Change(v1::SPELL_ACTION_END).status()), "UNREACHABLE");
  EXPECT_TRUE(IsLocal()) << "commits go on";
  network_.says = all;
  const auto ended = Change(v1::SPELL_ACTION_END);
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->rule().quorum(), 2u);
  EXPECT_TRUE(ended->settled());
  EXPECT_EQ(keeper_->Left(), std::nullopt);
  EXPECT_EQ(ReasonOf(Change(v1::SPELL_ACTION_END).status()), "CONFLICTING_SETTINGS");
}

// The bound holds; what it costs is that commits wait.
TEST_F(SpellKeeperTest, WithoutTheVotersItEndsAllTheSameAndCommitsWaitForThem) {
  ASSERT_TRUE(Begin(absl::Minutes(1)).ok());
  network_.says.clear();
  replica_.hold = true;
  time_.RunFor(absl::Seconds(75));
  EXPECT_FALSE(IsLocal());
  EXPECT_THAT(events_, Contains(Event::kWaitsForVoters));
  const auto waiting = Send(Put("k", "v"), absl::Seconds(30));
  time_.RunFor(absl::Seconds(20));
  EXPECT_FALSE(waiting->has_value());
  replica_.CommitAll();
  time_.RunFor(absl::Seconds(1));
  ASSERT_TRUE(waiting->has_value());
  EXPECT_TRUE((*waiting)->ok());
}

TEST_F(SpellKeeperTest, ItsEndNamesAVoterByTheIncarnationThatHasCaughtUp) {
  ASSERT_TRUE(Begin(absl::Minutes(1)).ok());
  Answers("c", "2c");
  *network_.says["c"].mutable_appended() = storage::ToProto(store_->appended());
  Answers("p", "2p");
  network_.says["p"].clear_appended();
  time_.RunFor(absl::Seconds(70));
  ASSERT_FALSE(IsLocal());
  EXPECT_EQ(replica_.known.rule().voters(1).incarnation(), "2c");
  EXPECT_EQ(replica_.known.rule().voters(2).incarnation(), "1p") << "it holds nothing yet (R21)";
}

TEST_F(SpellKeeperTest, ARestartCountsTheTimeThatHasPassed) {
  ASSERT_TRUE(Begin(absl::Minutes(10)).ok());
  time_.RunFor(absl::Minutes(2));
  Restart(absl::Minutes(3));
  EXPECT_LE(Left(), absl::Minutes(5));
  EXPECT_GT(Left(), absl::Minutes(5) - absl::Seconds(5));
  Restart(absl::Minutes(6));
  time_.RunFor(absl::Seconds(5));
  EXPECT_FALSE(IsLocal()) << "its time was over when it came back";
}

// No clock is trusted to have gone on while nobody looked: what was noted counts.
TEST_F(SpellKeeperTest, AWallClockThatWasSetBackCannotLengthenIt) {
  ASSERT_TRUE(Begin(absl::Minutes(10)).ok());
  time_.RunFor(absl::Minutes(8));
  clock_.JumpWall(-absl::Hours(2));
  Restart(absl::Seconds(1));
  EXPECT_LE(Left(), absl::Minutes(2) + SpellKeeper::kNoteInterval);
  time_.RunFor(absl::Minutes(3));
  EXPECT_FALSE(IsLocal());
}

TEST_F(SpellKeeperTest, AWallClockThatIsSetWhileItRunsChangesNothing) {
  ASSERT_TRUE(Begin(absl::Minutes(10)).ok());
  clock_.JumpWall(absl::Hours(5));
  time_.RunFor(absl::Minutes(9));
  EXPECT_TRUE(IsLocal());
  clock_.JumpWall(-absl::Hours(9));
  time_.RunFor(absl::Minutes(2));
  EXPECT_FALSE(IsLocal());
}

TEST_F(SpellKeeperTest, WhoIsNotPrimaryMeasuresAndEndsNothing) {
  ASSERT_TRUE(Begin(absl::Minutes(1)).ok());
  replica_.admit = MakeError(absl::StatusCode::kFailedPrecondition, "SUSPENDED", "promised elsewhere");
  Look();
  time_.RunFor(absl::Minutes(2));
  EXPECT_EQ(keeper_->Left(), std::nullopt);
  EXPECT_TRUE(IsLocal());
  EXPECT_THAT(events_, Not(Contains(Event::kEnding)));
  EXPECT_EQ(ReasonOf(Begin(absl::Minutes(1)).status()), "SUSPENDED");
}

}  // namespace
}  // namespace holdfast::primary
