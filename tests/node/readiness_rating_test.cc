#include "node/readiness_rating.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "node/readiness_item.h"
#include "storage/record_codec.h"

namespace holdfast::node {
namespace {

using ::testing::HasSubstr;

constexpr auto kOk = v1::READINESS_LEVEL_OK;
constexpr auto kWarn = v1::READINESS_LEVEL_WARN;
constexpr auto kFail = v1::READINESS_LEVEL_FAIL;
constexpr auto kUnknown = v1::READINESS_LEVEL_UNKNOWN;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

Position At(uint64_t index) {
  Position position;
  position.revision = Revision(0, index);
  position.chain_hash.bytes[0] = static_cast<uint8_t>(index);
  return position;
}

// dc1: p (primary). dc2: a (this node) and b, the pair, and the proxy x. Two of {a, b, x}. All is well.
class ReadinessRatingTest : public ::testing::Test {
 protected:
  ReadinessRatingTest() {
    facts_.node_id = "a";
    facts_.site = "dc2";
    facts_.incarnation = "a-1";
    facts_.version = "1.0";
    facts_.record_format = 1;
    facts_.schema_version = 1;
    facts_.view.role = v1::NODE_ROLE_STANDBY;
    facts_.view.primary_node_id = "p";
    facts_.view.upstream_node_id = "p";
    facts_.view.upstream_connected = true;
    facts_.appended = At(100);
    facts_.staleness = absl::Milliseconds(420);
    facts_.promise.set_candidate_node_id("p");
    for (const char* id : {"a", "b", "x"}) {
      v1::Voter& voter = *facts_.rule.add_voters();
      voter.set_node_id(id);
      voter.set_incarnation(absl::StrCat(id, "-1"));
    }
    facts_.rule.set_quorum(2);
    facts_.member = Member("a", "dc2");
    AddPeer("p", "dc1", v1::NODE_ROLE_PRIMARY);
    AddPeer("b", "dc2", v1::NODE_ROLE_STANDBY);
    facts_.comparison = DigestComparison{"p", Revision(0, 99), true, absl::Seconds(2)};
    facts_.database_bytes = int64_t{40} << 20;
    facts_.disk_free_bytes = int64_t{4000} << 20;
    facts_.integrity.emplace();
    facts_.integrity->set_incarnation("a-1");
    facts_.integrity->mutable_ended()->set_seconds(absl::ToUnixSeconds(kNow - absl::Hours(3)));
    facts_.integrity->mutable_position()->set_revision(90);
    facts_.drill.emplace();
    facts_.drill->set_state(v1::DRILL_STATE_PASSED);
    facts_.drill->set_version("1.0");
    Passed(absl::Hours(5 * 24));
    facts_.now = kNow;
  }

  static v1::NodeInfo Member(const std::string& id, const std::string& site) {
    v1::NodeInfo member;
    member.set_node_id(id);
    member.set_site(site);
    member.set_kind(v1::NODE_KIND_SERVER);
    member.set_incarnation(id + "-1");
    member.set_slot(1);
    return member;
  }
  void AddPeer(const std::string& id, const std::string& site, v1::NodeRole role) {
    PeerSeen& peer = facts_.peers.emplace_back();
    peer.member = Member(id, site);
    peer.reached = true;
    peer.said.set_node_id(id);
    peer.said.set_role(role);
    peer.said.set_version("1.0");
    peer.said.set_record_format(1);
    peer.said.set_schema_version(1);
    *peer.said.mutable_appended() = storage::ToProto(At(100));
  }
  PeerSeen& Peer(const std::string& id) {
    for (PeerSeen& peer : facts_.peers) {
      if (peer.member.node_id() == id) return peer;
    }
    ADD_FAILURE() << id;
    return facts_.peers.front();
  }
  void Passed(absl::Duration ago) {
    facts_.drill->mutable_last_passed()->set_seconds(absl::ToUnixSeconds(kNow - ago));
  }
  void Certificates(absl::Duration own, absl::Duration authority) {
    facts_.certificates = CertificateFacts{kNow + own, kNow + authority, kNow + own, {}};
  }
  void BecomePrimary(int following) {
    facts_.view.role = v1::NODE_ROLE_PRIMARY;
    for (int i = 0; i < 3; ++i) {
      v1::FollowerStatus& follower = facts_.followers.emplace_back();
      follower.set_voter(i < following);
    }
  }

  v1::ReadinessItem Rated(const std::string& check) {
    for (const v1::ReadinessItem& item : RateReadiness(facts_)) {
      if (item.check() == check) return item;
    }
    ADD_FAILURE() << "no item " << check;
    return {};
  }
  // What is not OK says what is needed; what can be typed is said where something can.
  void Expect(const std::string& check, v1::ReadinessLevel level, const std::string& seen,
              const std::string& next = "") {
    const v1::ReadinessItem item = Rated(check);
    EXPECT_EQ(item.level(), level) << item.DebugString();
    EXPECT_THAT(item.seen(), HasSubstr(seen));
    EXPECT_THAT(item.next_command(), HasSubstr(next));
    EXPECT_EQ(item.needed().empty(), level == kOk) << item.DebugString();
    EXPECT_EQ(item.node_id(), "a");
  }

  ReadinessFacts facts_;
};

TEST_F(ReadinessRatingTest, AStandbyWithNothingAmissIsReady) {
  const auto items = RateReadiness(facts_);
  EXPECT_EQ(items.size(), 11u);
  for (const v1::ReadinessItem& item : items) EXPECT_EQ(item.level(), kOk) << item.DebugString();
}

TEST_F(ReadinessRatingTest, ServingSaysWhatTheNodeIs) {
  Expect("serving", kOk, "standby, fed by 'p'");
  facts_.view.upstream_connected = false;
  facts_.view.activity = "looks for an upstream";
  Expect("serving", kWarn, "fed by nobody: looks for an upstream", "holdfast status");
  facts_.view.role = v1::NODE_ROLE_SUSPENDED;
  Expect("serving", kFail, "suspended", "holdfast operation list");
  facts_.view.role = v1::NODE_ROLE_FENCED;
  Expect("serving", kFail, "fenced", "holdfast rejoin a");
  facts_.view.not_serving_reason = "the state differs";
  Expect("serving", kFail, "the state differs", "holdfast verify --deep");
}

TEST_F(ReadinessRatingTest, AnEmptyNodeIsNotReady) {
  facts_.appended = {};
  Expect("serving", kFail, "it has no data");
}

TEST_F(ReadinessRatingTest, PositionIsRatedByAge) {
  *Peer("p").said.mutable_appended() = storage::ToProto(At(103));
  Expect("position", kOk, "at 0.100, 3 records behind 'p'; at most 0.4 s old");
  facts_.staleness = absl::Seconds(6);
  Expect("position", kWarn, "at most 6.0 s old");
  facts_.staleness = absl::Seconds(61);
  Expect("position", kFail, "at most 61 s old", "holdfast status");
  facts_.staleness.reset();
  Expect("position", kUnknown, "its age is not known");
}

TEST_F(ReadinessRatingTest, AFreshStandbyThatIsFarBehindIsWarnedOf) {
  *Peer("p").said.mutable_appended() = storage::ToProto(At(100 + kLagWarning + 1));
  Expect("position", kWarn, "10001 records behind 'p'");
}

TEST_F(ReadinessRatingTest, WithThePrimaryGoneThePromotionIsWhatToTypeNext) {
  Peer("p").reached = false;
  facts_.view.upstream_connected = false;
  facts_.staleness = absl::Minutes(5);
  Expect("position", kFail, "the primary cannot be asked; at most 5 min old", "holdfast promote a --dry-run");
}

TEST_F(ReadinessRatingTest, DigestIsComparedWithWhoeverFeedsTheNode) {
  Expect("digest", kOk, "equals 'p' at 0.99, 2.0 s ago");
  facts_.comparison->age = absl::Minutes(11);
  Expect("digest", kWarn, "11 min ago", "holdfast verify");
  facts_.comparison->agrees = false;
  Expect("digest", kFail, "differs from 'p' at 0.99", "holdfast verify --deep");
  facts_.comparison.reset();
  Expect("digest", kUnknown, "not compared with any node yet");
}

TEST_F(ReadinessRatingTest, IntegrityIsWhatTheLastWholeVerificationSaid) {
  Expect("integrity", kOk, "verified whole 3 h ago, at 0.90");
  facts_.integrity->mutable_ended()->set_seconds(absl::ToUnixSeconds(kNow - absl::Hours(8 * 24)));
  Expect("integrity", kWarn, "8 days ago", "holdfast verify --deep");
  facts_.integrity->set_finding_count(2);
  facts_.integrity->set_first_finding("row hash of k does not match");
  Expect("integrity", kFail, "2 findings 8 days ago, at 0.90, the first: row hash of k does not match");
  facts_.incarnation = "a-2";  // that data is gone
  Expect("integrity", kWarn, "never verified whole");
  facts_.integrity.reset();
  Expect("integrity", kWarn, "never verified whole", "holdfast verify --deep");
}

TEST_F(ReadinessRatingTest, VersionsAreComparedWithThoseOfTheOtherServers) {
  Expect("version", kOk, "release 1.0, record format 1");
  Peer("b").said.set_version("1.1");
  Expect("version", kWarn, "'b' 1.1");
  Peer("b").said.set_record_format(2);
  Expect("version", kFail, "'b' may write what this node cannot read");
  Peer("b").said.set_record_format(0);  // a release that does not say
  Expect("version", kWarn, "'b' 1.1");
  for (PeerSeen& peer : facts_.peers) peer.reached = false;
  Expect("version", kUnknown, "no other server can be asked");
}

TEST_F(ReadinessRatingTest, CertificatesAreWarnedOfBelowThirtyDaysAndFailBelowThree) {
  Expect("certificates", kOk, "TLS is off");
  Certificates(absl::Hours(31 * 24), absl::Hours(400 * 24));
  Expect("certificates", kOk, "the node's certificate ends on 2027-02-15 08:00 UTC, in 31 days");
  Certificates(absl::Hours(29 * 24), absl::Hours(400 * 24));
  Expect("certificates", kWarn, "in 29 days");
  Certificates(absl::Hours(400 * 24), absl::Hours(29 * 24));
  Expect("certificates", kWarn, "the authority's certificate ends on");
  Certificates(absl::Hours(71), absl::Hours(400 * 24));
  Expect("certificates", kFail, "in 2 days");
  Certificates(absl::Hours(-1), absl::Hours(400 * 24));
  Expect("certificates", kFail, "the node's certificate has expired on 2027-01-15 07:00 UTC");
}

TEST_F(ReadinessRatingTest, ARenewedCertificateIsReadAtTheNextStart) {
  Certificates(absl::Hours(29 * 24), absl::Hours(400 * 24));
  facts_.certificates->new_certificate_ends = kNow + absl::Hours(300 * 24);
  Expect("certificates", kWarn, "a new one lies in the file, and is read at the next start",
         "holdfast drain a");
  facts_.certificates->unreadable = absl::NotFoundError("cannot read node.pem");
  Expect("certificates", kFail, "the next start would fail: cannot read node.pem");
}

TEST_F(ReadinessRatingTest, DiskNeedsRoomForACopyOfTheData) {
  Expect("disk", kOk, "4000 MiB free, the data has 40 MiB");
  facts_.disk_free_bytes = int64_t{591} << 20;
  Expect("disk", kWarn, "591 MiB free");
  EXPECT_THAT(Rated("disk").needed(), HasSubstr("592 MiB: room for two copies"));
  facts_.disk_free_bytes = int64_t{295} << 20;
  Expect("disk", kFail, "295 MiB free");
  EXPECT_THAT(Rated("disk").needed(), HasSubstr("296 MiB: room for one copy"));
  facts_.disk_free_bytes.reset();
  Expect("disk", kUnknown, "cannot be read");
}

TEST_F(ReadinessRatingTest, ThePairIsTheOtherServerOfTheSite) {
  Expect("pair", kOk, "'b' standby at 0.100, 0 records behind");
  *Peer("p").said.mutable_appended() = storage::ToProto(At(100 + kLagWarning + 1));
  Expect("pair", kWarn, "10001 records behind");
  Peer("b").reached = false;
  Expect("pair", kWarn, "'b' cannot be reached", "holdfast status");
  facts_.peers.pop_back();
  Expect("pair", kWarn, "the site 'dc2' has no other server", "holdfast nodes add");
}

TEST_F(ReadinessRatingTest, AVoteBelongsToAnIncarnation) {
  Expect("vote", kOk, "votes with this incarnation: 2 of {a, b, x}");
  facts_.rule.mutable_voters(0)->set_incarnation("a-0");
  Expect("vote", kFail, "its vote belongs to an incarnation whose data is gone",
         "holdfast nodes set --voters a,b,x");
  facts_.incarnation = "a-2";
  Expect("vote", kFail, "this incarnation was never admitted", "holdfast nodes set --voters a,b,x");
  facts_.member.reset();
  Expect("vote", kFail, "no member");
}

TEST_F(ReadinessRatingTest, AStandbyOfTheOtherSiteShouldVote) {
  facts_.rule.mutable_voters()->DeleteSubrange(0, 1);
  Expect("vote", kWarn, "has no vote: 2 of {b, x}", "holdfast nodes set --voters NODES");
  facts_.site = "dc1";  // the primary's own
  Expect("vote", kOk, "has no vote");
  facts_.rule.Clear();
  Expect("vote", kWarn, "local (q = 0)");
}

TEST_F(ReadinessRatingTest, APrimaryIsRatedByTheVotersThatFollowIt) {
  BecomePrimary(3);
  Expect("vote", kOk, "3 of 3 voters follow closely");
  facts_.is_settled = false;
  Expect("vote", kWarn, "they do not know yet");
  facts_.followers[2].set_lag_records(kLagWarning + 1);
  Expect("vote", kWarn, "2 of 3 voters follow closely");
  facts_.followers[1].set_lag_records(kLagWarning + 1);
  Expect("vote", kWarn, "1 of 3 voters follow closely: 2 of {a, b, x}; commits wait for those that lag",
         "holdfast status");
  facts_.followers[1].set_voter(false);
  Expect("vote", kWarn, "1 of 3 voters follow closely");
  facts_.followers[0].set_voter(false);
  Expect("vote", kFail, "1 of 3 voters follow: 2 of {a, b, x}; commits fail",
         "holdfast promote a --in-place --dry-run");
  facts_.rule.Clear();
  Expect("vote", kWarn, "local (q = 0): it alone holds");
}

TEST_F(ReadinessRatingTest, APrimaryHasNoPositionToReachAndNothingToRehearse) {
  BecomePrimary(3);
  for (const v1::ReadinessItem& item : RateReadiness(facts_)) {
    EXPECT_NE(item.check(), "position");
    EXPECT_NE(item.check(), "digest");
    EXPECT_NE(item.check(), "drill");
  }
}

TEST_F(ReadinessRatingTest, APromiseForAnEpochThatHasNotBegunIsWarnedOf) {
  Expect("promise", kOk, "epoch 0 to 'p'");
  facts_.promise.set_epoch(66);
  facts_.promise.set_candidate_node_id("b");
  facts_.promise.set_operation_id("0193ab54-1111");
  facts_.promise.set_operator_name("olga");
  facts_.promise.set_host("desk");
  Expect("promise", kWarn,
         "epoch 66 to 'b', for operation 0193ab54 of olga on desk; that epoch has not begun here",
         "holdfast operation list");
  facts_.view.epoch = 66;
  Expect("promise", kOk, "epoch 66 to 'b'");
  facts_.promise.Clear();
  Expect("promise", kOk, "none given yet");
}

TEST_F(ReadinessRatingTest, ARehearsalIsGoodForThirtyDays) {
  Expect("drill", kOk, "passed 5 days ago");
  Passed(absl::Hours(31 * 24));
  Expect("drill", kWarn, "passed 31 days ago", "holdfast drill a");
  facts_.drill->set_state(v1::DRILL_STATE_RUNNING);
  Expect("drill", kWarn, "passed 31 days ago; one runs now");
  facts_.drill->set_state(v1::DRILL_STATE_INTERRUPTED);
  Expect("drill", kWarn, "the last one was interrupted");
  Passed(absl::Hours(1));
  Expect("drill", kOk, "passed 60 min ago");
  facts_.drill->clear_last_passed();
  Expect("drill", kWarn, "none has passed yet; the last one was interrupted");
  facts_.drill.reset();
  Expect("drill", kWarn, "never rehearsed here", "holdfast drill a");
}

TEST_F(ReadinessRatingTest, AFailedRehearsalFailsHoweverFreshTheLastGoodOneIs) {
  facts_.drill->set_state(v1::DRILL_STATE_FAILED);
  facts_.drill->set_failed_step("commit");
  facts_.drill->set_error("no answer");
  Expect("drill", kFail, "the last rehearsal failed at the step 'commit': no answer", "holdfast drill a");
}

TEST_F(ReadinessRatingTest, ARehearsalOfAnotherReleaseSaysLittle) {
  facts_.drill->set_version("0.9");
  Expect("drill", kWarn, "passed 5 days ago, with release 0.9");
}

TEST_F(ReadinessRatingTest, AProxyHasNoPairAndNoRehearsal) {
  facts_.kind = v1::NODE_KIND_PROXY;
  facts_.view.role = v1::NODE_ROLE_PROXY;
  facts_.member->clear_slot();
  for (const v1::ReadinessItem& item : RateReadiness(facts_)) {
    EXPECT_NE(item.check(), "pair");
    EXPECT_NE(item.check(), "drill");
    EXPECT_EQ(item.level(), kOk) << item.DebugString();
  }
}

TEST(ShowAgeTest, IsForPeople) {
  const std::pair<absl::Duration, std::string> cases[] = {
      {absl::Milliseconds(40), "0.0 s"}, {absl::Milliseconds(9950), "9.9 s"}, {absl::Seconds(119), "119 s"},
      {absl::Seconds(120), "2 min"},     {absl::Hours(47), "47 h"},           {absl::Hours(50), "2 days"}};
  for (const auto& [age, shown] : cases) EXPECT_EQ(ShowAge(age), shown);
}

}  // namespace
}  // namespace holdfast::node
