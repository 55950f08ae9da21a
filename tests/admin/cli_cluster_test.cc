#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/error.h"
#include "gmock/gmock.h"
#include "rpc/status.h"
#include "tests/admin/fake_cluster.h"
#include "tests/support/files.h"

namespace holdfast::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class CliClusterTest : public FakeClusterTest {};

TEST_F(CliClusterTest, StatusShowsEveryNode) {
  const std::string text = Out({"status"});
  EXPECT_THAT(text, HasSubstr("cluster c0ffee   epoch 0   primary dc1-a\n"
                              "revision 0.2   4 keys   durability 1 of dc2-a\n\n"
                              "NODE    SITE  ROLE     REVISION  STALENESS  FED BY  CLIENTS AT"));
  EXPECT_THAT(text, HasSubstr("dc1-a   dc1   primary  0.2               -  -       127.0.0.1:"));
  EXPECT_THAT(text, HasSubstr("dc2-a   dc2   standby  0.2           0.0 s  dc1-a   127.0.0.1:"));
  EXPECT_THAT(text, HasSubstr("following\n"));
  EXPECT_THAT(text, HasSubstr("serving\n"));
}

// R20: whoever is furthest knows most, and any node that has the records can say it.
TEST_F(CliClusterTest, StatusSaysWhatIsUnsettledAndWhoHasCome) {
  EXPECT_THAT(Out({"status"}), Not(HasSubstr("UNSETTLED")));
  EXPECT_THAT(Out({"status", "-o", "json"}), HasSubstr("\"unsettled\": []"));
  v1::UnsettledEpoch& note = *primary_->status.add_unsettled();
  note.set_epoch(64);
  v1::WaivedRule& waived = *note.add_waived();
  for (const char* voter : {"dc2-a", "dc2-b", "dc2-p1"})
    waived.mutable_rule()->add_voters()->set_node_id(voter);
  waived.set_needed(2);
  waived.add_adopted()->set_node_id("dc2-a");
  // The lines are wrapped.
  const std::string text =
      absl::StrJoin(absl::StrSplit(Out({"status"}), absl::ByAnyChar(" \n"), absl::SkipEmpty()), " ");
  EXPECT_THAT(
      text, HasSubstr("warning: UNSETTLED: epoch 64 began by an override, without 2 votes of {dc2-a, dc2-b, "
                      "dc2-p1}, 1 of 2 have come to it: dc2-a; until enough have, a promotion elsewhere "
                      "could still lose commits of this branch"));
  EXPECT_THAT(Out({"status", "-o", "json"}), HasSubstr("1 of 2 have come to it: dc2-a"));
}

TEST_F(CliClusterTest, StatusAndVerifyExitWithThreeIfANodeIsAway) {
  standby_->Stop();
  Outcome outcome = Run({"status"});
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.out, HasSubstr("cannot be reached"));
  outcome = Run({"verify"});
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.out, HasSubstr("2 nodes agree at revision 0.2; 1 could not be asked\n"));
}

TEST_F(CliClusterTest, VerifyExitsWithZeroOnlyIfAllNodesAgree) {
  const std::string text = Out({"verify"});
  EXPECT_THAT(text,
              HasSubstr("dc2-p1  dc2   proxy    0.2          4  2222222222222222  111111111111  agrees\n"));
  EXPECT_THAT(text, HasSubstr("3 nodes agree at revision 0.2\n"));
}

TEST_F(CliClusterTest, VerifyNamesTheNodeThatDiffersAndExitsWithOne) {
  standby_->status.set_state_digest(std::string(16, '\x33'));
  const Outcome outcome = Run({"verify"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("differs\n"));
  EXPECT_THAT(outcome.out, HasSubstr("nodes differ at revision 0.2: dc2-a\n"));
  EXPECT_THAT(Run({"verify", "-o", "json"}).out, HasSubstr("\"agree\": false"));
}

TEST_F(CliClusterTest, NodesThatMoveAreComparedByTheRecordsOfARevisionThatAllShow) {
  // Nobody is ever seen where another is, but all show revision 2.
  primary_->status.mutable_digest_position()->set_revision(5);
  standby_->status.mutable_digest_position()->set_revision(4);
  proxy_->status.mutable_digest_position()->set_revision(3);
  EXPECT_THAT(Out({"verify"}), HasSubstr("3 nodes agree at revision 0.2\n"));
  standby_->recorded_digest = std::string(16, '\x55');
  const Outcome outcome = Run({"verify"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("nodes differ at revision 0.2: dc2-a\n"));
}

TEST_F(CliClusterTest, VerifyWaitsForNodesThatHaveAllButDoNotShowItYet) {
  standby_->status.mutable_visible()->set_revision(1);
  const absl::Duration begun = RealClock()->SinceBoot();
  EXPECT_THAT(Out({"verify", "--wait", "200ms"}), HasSubstr("3 nodes agree at revision 0.2\n"));
  EXPECT_GE(RealClock()->SinceBoot() - begun, absl::Milliseconds(200));
}

TEST_F(CliClusterTest, ANodeThatLagsIsNotCalledEqual) {
  standby_->status.mutable_digest_position()->set_revision(1);
  standby_->status.mutable_visible()->set_revision(1);
  const Outcome outcome = Run({"verify", "--wait", "1ms"});
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.out, HasSubstr("no revision was seen at all nodes in time"));
}

TEST_F(CliClusterTest, VerifyDeepReportsDamage) {
  v1::VerifyFinding finding;
  finding.set_kind("current");
  finding.set_message("row hash of cc/a does not match");
  proxy_->findings.push_back(finding);
  EXPECT_EQ(Run({"verify"}).code, 0);
  const Outcome outcome = Run({"verify", "--deep"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("damaged: 1 findings"));
  EXPECT_THAT(outcome.out, HasSubstr("  dc2-p1: current: row hash of cc/a does not match\n"));
}

TEST_F(CliClusterTest, NodesListShowsTheInventory) {
  const std::string text = Out({"nodes", "list"});
  EXPECT_THAT(text, ::testing::MatchesRegex("NODE +SITE  KIND +CLIENTS AT +PEERS AT +VOTER\n"
                                            "dc1-a +dc1 +server .* primary\n"
                                            "dc2-a +dc2 +server .* yes\n"
                                            "dc2-p1 +dc2 +proxy .* -\n"
                                            "durability: 1 of dc2-a\n"));
}

TEST_F(CliClusterTest, NodesAddAsksThePrimary) {
  Out({"nodes", "add", "dc2-p2", "--site", "dc2", "--kind", "proxy", "--client-address", "h:1",
       "--peer-address", "h:2"});
  ASSERT_TRUE(primary_->changed.has_value());
  EXPECT_EQ(primary_->changed->set(0).node_id(), "dc2-p2");
  EXPECT_EQ(primary_->changed->set(0).kind(), v1::NODE_KIND_PROXY);
  EXPECT_EQ(primary_->changed->operator_name(), "olga@desk");
  EXPECT_FALSE(proxy_->changed.has_value());
}

TEST_F(CliClusterTest, NodesSetKeepsWhatIsNotSaid) {
  Out({"nodes", "set", "dc2-a", "--client-address", "new:1"});
  ASSERT_TRUE(primary_->changed.has_value());
  EXPECT_EQ(primary_->changed->set(0).client_address(), "new:1");
  EXPECT_EQ(primary_->changed->set(0).peer_address(), standby_->info().peer_address());
  EXPECT_TRUE(primary_->changed->set(0).voter());
  Out({"nodes", "set", "--voters", "dc2-a,dc2-p1", "--q", "2"});
  EXPECT_EQ(primary_->changed->voters().node_ids_size(), 2);
  EXPECT_EQ(primary_->changed->quorum(), 2u);
  EXPECT_EQ(Run({"nodes", "set", "no-such", "--site", "x"}).code, 4);
}

TEST_F(CliClusterTest, InitSendsTheInventoryToThePrimaryToBe) {
  const std::string file = TemporaryFolder() + "/cluster.toml";
  const auto node = [](const FakeNode& fake, bool voter) {
    return "[[node]]\nnode_id = \"" + fake.info().node_id() + "\"\nsite = \"" + fake.info().site() +
           "\"\nkind = \"server\"\nclient_address = \"" + fake.info().client_address() +
           "\"\npeer_address = \"" + fake.info().peer_address() +
           "\"\nvoter = " + (voter ? "true" : "false") + "\n";
  };
  testing::WriteWhole(file, node(*primary_, false) + node(*standby_, true));
  EXPECT_EQ(Out({"init", "--cluster", file, "--primary", "dc1-a"}),
            "cluster c0ffee begins at revision 0.1; its primary is dc1-a\n");
  ASSERT_TRUE(primary_->initialised.has_value());
  EXPECT_EQ(primary_->initialised->quorum(), 1u);  // most of one voter
  EXPECT_EQ(primary_->initialised->nodes_size(), 2);
  EXPECT_EQ(Run({"init", "--cluster", file, "--primary", "dc1-a"}).code, 4);
  EXPECT_EQ(Run({"init", "--cluster", file, "--primary", "no-such"}).code, 4);
}

// A whole cluster.toml of the primary alone.
std::string TomlOf(const FakeNode& node) {
  return "[[node]]\nnode_id = \"" + node.info().node_id() +
         "\"\nsite = \"dc1\"\nkind = \"server\"\nclient_address = \"" + node.info().client_address() +
         "\"\npeer_address = \"" + node.info().peer_address() + "\"\n";
}

TEST_F(CliClusterTest, AChangeWithoutAnAnswerIsAnUnknownOutcome) {
  const std::string file = TemporaryFolder() + "/cluster.toml";
  testing::WriteWhole(file, TomlOf(*primary_));
  for (const auto code :
       {grpc::StatusCode::DEADLINE_EXCEEDED, grpc::StatusCode::UNAVAILABLE, grpc::StatusCode::CANCELLED}) {
    primary_->initialised.reset();
    primary_->lost_answer = grpc::Status(code, "Socket closed");
    const Outcome init = Run({"init", "--cluster", file, "--primary", "dc1-a"});
    EXPECT_EQ(init.code, 5) << init.err;
    EXPECT_THAT(init.err, HasSubstr("look with `holdfast status`"));
    const Outcome nodes = Run({"nodes", "remove", "dc2-p1"});
    EXPECT_EQ(nodes.code, 5) << nodes.err;
    EXPECT_THAT(nodes.err, HasSubstr("look with `holdfast nodes list`"));
  }
}

TEST_F(CliClusterTest, AChangeThatNeverLeftIsNotAnUnknownOutcome) {
  const std::string file = TemporaryFolder() + "/cluster.toml";
  testing::WriteWhole(file, TomlOf(*primary_));
  primary_->Stop();
  EXPECT_EQ(Run({"init", "--cluster", file, "--primary", "dc1-a"}).code, 3);
}

TEST_F(CliClusterTest, ANodeThatCouldNotAskAnotherIsQuotedAndHasChangedNothing) {
  primary_->lost_answer = rpc::ToGrpcStatus(
      WithDetail(MakeError(absl::StatusCode::kUnavailable, "UNREACHABLE", "node dc2-p2 did not say"),
                 "node_id", "dc2-p2"));
  const Outcome outcome = Run({"nodes", "remove", "dc2-p1"});
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.err, ::testing::StartsWith("holdfast: node dc2-p2 did not say"));
}

TEST_F(CliClusterTest, ASnapshotDoesNotTakeTheNameOfAFileThatIsThere) {
  const std::string file = TemporaryFolder() + "/backup.hfsnap";
  testing::WriteWhole(file, "yesterday");
  const Outcome outcome = Run({"snapshot", "save", file});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("is there already; name another file"));
  EXPECT_EQ(testing::ReadWhole(file), "yesterday");
}

TEST_F(CliClusterTest, NodesSetChangesHowMuchOfTheLogIsKept) {
  Out({"nodes", "set", "--retain-age", "240h", "--retain-bytes", "8GiB"});
  ASSERT_TRUE(primary_->changed.has_value());
  EXPECT_EQ(primary_->changed->retention().age_seconds(), 240 * 3600);
  EXPECT_EQ(primary_->changed->retention().bytes(), int64_t{8} << 30);
  EXPECT_EQ(primary_->changed->retention().records(), 0);  // stays
  EXPECT_FALSE(primary_->changed->has_quorum());
  Out({"nodes", "set", "--retain-records", "5000"});
  EXPECT_EQ(primary_->changed->retention().records(), 5000);
  for (const auto& [flag, value] : {std::pair{"--retain-age", "soon"},
                                    {"--retain-age", "0s"},
                                    {"--retain-age", "inf"},
                                    {"--retain-records", "0"},
                                    {"--retain-records", "4KiB"},
                                    {"--retain-bytes", "-1"},
                                    {"--retain-bytes", "99999999999GiB"}}) {
    EXPECT_EQ(Run({"nodes", "set", flag, value}).code, 2) << flag << " " << value;
  }
}

TEST_F(CliClusterTest, DrainAsksTheNodeItselfAndSaysWhatIsLeft) {
  proxy_->drain_answer.set_watches_ended(2);
  EXPECT_EQ(Out({"drain", "dc2-p1", "--timeout", "1500ms"}),
            "dc2-p1 has left service; 2 watches were told to go on elsewhere. Back: holdfast drain dc2-p1 "
            "--undo\n");
  ASSERT_TRUE(proxy_->drained.has_value());
  EXPECT_EQ(proxy_->drained->timeout().seconds(), 1);
  EXPECT_EQ(proxy_->drained->timeout().nanos(), 500'000'000);
  EXPECT_FALSE(primary_->drained.has_value());
  proxy_->drain_answer.set_watches_left(1);
  EXPECT_EQ(Run({"drain", "dc2-p1"}).code, 6);
  EXPECT_EQ(Run({"drain", "no-such"}).code, 4);
  EXPECT_EQ(Run({"drain", "dc2-p1", "--timeout", "2m"}).code, 2);
  EXPECT_THAT(Out({"drain", "dc2-p1", "--undo"}), HasSubstr("dc2-p1 is in service again"));
  EXPECT_TRUE(proxy_->drained->undo());
}

TEST_F(CliClusterTest, ColoursAreForTerminalsOnly) { EXPECT_THAT(Out({"status"}), Not(HasSubstr("\033["))); }

}  // namespace
}  // namespace holdfast::admin
