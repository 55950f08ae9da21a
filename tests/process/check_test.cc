// How ready the cluster is, as `check` says, and rehearsals of a promotion on a live cluster that must not
// notice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "absl/strings/str_cat.h"
#include "admin/node_admin.h"
#include "tests/process/client_calls.h"
#include "tests/process/playground.h"

namespace holdfast::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Commits without rest until it goes.
class Load {
 public:
  explicit Load(const Playground& playground)
      : client_(playground.ClientOf({playground.primary().node_id}, absl::Seconds(20))),
        thread_([this] { Run(); }) {}
  ~Load() {
    done_ = true;
    thread_.join();
  }
  int64_t commits() const { return commits_; }

 private:
  void Run() {
    for (int64_t i = 0; !done_; ++i) {
      v1::CommitRequest request;
      v1::Mutation& mutation = *request.add_mutations();
      mutation.set_key(absl::StrCat("load/", i % 100));
      mutation.set_put(absl::StrCat(i));
      const auto answer = client_->Commit(request);
      EXPECT_TRUE(answer.ok()) << answer.status();
      if (answer.ok()) ++commits_;
    }
  }

  const std::unique_ptr<client::Client> client_;
  std::atomic<bool> done_{false};
  std::atomic<int64_t> commits_{0};
  std::thread thread_;
};

class CheckTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(playground_.ok()) << playground_.error();
    auto admin = admin::MakeNodeAdmin(playground_.operator_tls());
    ASSERT_TRUE(admin.ok()) << admin.status();
    admin_ = *std::move(admin);
  }

  std::vector<std::string> All() {
    std::vector<std::string> ids;
    for (const char* role : {"primary", "standby", "proxy"}) {
      for (const std::string& id : playground_.ids(role)) ids.push_back(id);
    }
    return ids;
  }
  // What nothing but an operation may change: role, epoch, primary, promise, incarnation, members, rule.
  std::string StandingOf(const std::string& node_id) {
    auto status = admin_->Status(playground_.node(node_id).peer_address, kPatience);
    EXPECT_TRUE(status.ok()) << status.status();
    if (!status.ok()) return "";
    v1::StatusResponse standing;
    standing.mutable_header()->set_role(status->header().role());
    standing.mutable_header()->set_cluster_id(status->header().cluster_id());
    standing.set_epoch(status->epoch());
    standing.set_primary_node_id(status->primary_node_id());
    *standing.mutable_promise() = status->promise();
    standing.set_incarnation(status->incarnation());
    *standing.mutable_nodes() = status->nodes();
    *standing.mutable_rule() = status->rule();
    return standing.DebugString();
  }
  CommandResult Check(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "check");
    return playground_.Holdfast(arguments);
  }
  bool IsAnythingLeft(const std::string& node_id) {
    return std::filesystem::exists(playground_.node(node_id).data_dir + "/drill");
  }

  Playground playground_{Playground::Options{.proxies = 1}};
  std::unique_ptr<admin::NodeAdmin> admin_;
};

TEST_F(CheckTest, ARehearsalUnderLoadChangesNothingAndIsRemembered) {
  const std::string standby = "dc2-a";
  std::map<std::string, std::string> before;
  for (const std::string& id : All()) before[id] = StandingOf(id);
  EXPECT_THAT(Check({standby}).out, HasSubstr("a promotion was never rehearsed here"));
  {
    const Load load(playground_);
    ASSERT_TRUE(Eventually(kPatience, [&] { return load.commits() > 50; }));
    const CommandResult drill = playground_.Holdfast({"drill", standby, "-o", "json"});
    EXPECT_EQ(drill.exit_status, 0) << drill.out << drill.err << playground_.Logs();
    EXPECT_THAT(drill.out, HasSubstr("\"state\": \"PASSED\""));
    const int64_t during = load.commits();
    EXPECT_TRUE(Eventually(kPatience, [&] { return load.commits() > during; }));
  }
  for (const std::string& id : All()) EXPECT_EQ(StandingOf(id), before[id]) << id;
  EXPECT_TRUE(Eventually(kPatience, [&] { return playground_.Holdfast({"verify"}).exit_status == 0; }))
      << playground_.Holdfast({"verify"}).out;
  EXPECT_EQ(playground_.Holdfast({"get", "drill/canary"}).exit_status, 1);
  EXPECT_FALSE(IsAnythingLeft(standby));
  EXPECT_THAT(Check({standby}).out, HasSubstr("OK       drill         passed "));

  playground_.Terminate(standby);
  playground_.Restart(standby);
  EXPECT_TRUE(Eventually(kPatience, [&] {
    return Check({standby}).out.find("OK       drill         passed ") != std::string::npos;
  })) << Check({standby}).out;
}

// A primary and a proxy are refused; a standby that is killed in the middle of one loses nothing but that.
TEST_F(CheckTest, ARehearsalThatIsRefusedOrKilledLeavesNothingAndCanBeRepeated) {
  const CommandResult primary = playground_.Holdfast({"drill", playground_.primary().node_id});
  EXPECT_EQ(primary.exit_status, 4) << primary.out << primary.err;
  EXPECT_THAT(primary.err, HasSubstr("the check role"));
  const CommandResult proxy = playground_.Holdfast({"drill", playground_.ids("proxy").front()});
  EXPECT_EQ(proxy.exit_status, 4) << proxy.out << proxy.err;
  EXPECT_THAT(proxy.err, HasSubstr("proxies are never promoted"));
  const std::string standby = "dc2-a";
  v1::StartDrillRequest request;
  request.set_operator_name("olga");
  ASSERT_TRUE(admin_->StartDrill(playground_.node(standby).peer_address, request, kPatience).ok());
  playground_.Kill(standby);
  playground_.Restart(standby);
  EXPECT_TRUE(Eventually(kPatience, [&] {
    return Check({standby}).out.find("none has passed yet; the last one was interrupted") !=
           std::string::npos;
  })) << Check({standby}).out;
  EXPECT_TRUE(Eventually(kPatience, [&] { return !IsAnythingLeft(standby); }));
  const CommandResult drill = playground_.Holdfast({"drill", standby});
  EXPECT_EQ(drill.exit_status, 0) << drill.out << drill.err << playground_.Logs();
  EXPECT_FALSE(IsAnythingLeft(standby));
}

TEST_F(CheckTest, AHealthyClusterIsReadyAndALostSiteSaysWhatToTypeNext) {
  // Whoever has just started is compared, and known to be fed, a moment later.
  CommandResult healthy;
  EXPECT_TRUE(Eventually(kPatience,
                         [&] {
                           healthy = Check({});
                           return healthy.exit_status == 0;
                         }))
      << healthy.out << healthy.err;
  EXPECT_THAT(healthy.out, HasSubstr("with dc1 lost, 'dc2-a', 'dc2-b' could take over, proven"));
  EXPECT_THAT(healthy.out, Not(HasSubstr("FAIL")));
  EXPECT_THAT(healthy.out, HasSubstr("votes with this incarnation: 2 of {"));

  EXPECT_EQ(playground_.Holdfast({"verify", "--deep"}).exit_status, 0);
  EXPECT_THAT(Check({"dc2-a"}).out, HasSubstr("OK       integrity     verified whole "));

  playground_.Kill("dc2-b");  // one of the pair: still proven, and said
  CommandResult one_left;
  EXPECT_TRUE(Eventually(kPatience,
                         [&] {  // the primary may just be waiting for a voter's word
                           one_left = Check({"--deadline", "5s"});
                           return one_left.exit_status == 3;
                         }))
      << one_left.out;
  EXPECT_THAT(one_left.out, HasSubstr("with dc1 lost, only 'dc2-a' could take over, proven"));
  EXPECT_THAT(one_left.out, HasSubstr("'dc2-b' cannot be reached"));

  for (const std::string& id : playground_.ids("primary", "dc1")) playground_.Kill(id);
  for (const std::string& id : playground_.ids("standby", "dc1")) playground_.Kill(id);
  const CommandResult lost = Check({"--deadline", "5s"});
  EXPECT_EQ(lost.exit_status, 1) << lost.out;
  EXPECT_THAT(lost.out, HasSubstr("next:   holdfast promote dc2-a --dry-run"));
}

}  // namespace
}  // namespace holdfast::testing
