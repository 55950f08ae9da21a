// A site is lost: one command makes the standby the primary, the proxies go on answering and come to it by
// themselves, and the old primary does no harm when it is back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "tests/process/client_calls.h"
#include "tests/process/playground.h"

namespace holdfast::testing {
namespace {

using ::testing::HasSubstr;

// Reads one key at one node without rest. How long a read takes does not count here: other tests run
// beside.
class Reader {
 public:
  Reader(const Playground& playground, const std::string& node)
      : client_(playground.ClientOf({node}, absl::Seconds(5))), thread_([this] { Run(); }) {}
  ~Reader() {
    done_ = true;
    thread_.join();
  }
  int64_t reads() const { return reads_; }
  int64_t failed() const { return failed_; }

 private:
  void Run() {
    while (!done_) {
      v1::GetRequest request;
      request.set_key("k");
      const auto answer = client_->Get(request);
      ++reads_;
      if (!answer.ok()) {
        ++failed_;
        ADD_FAILURE() << answer.status();
      }
    }
  }

  const std::unique_ptr<client::Client> client_;
  std::atomic<bool> done_{false};
  std::atomic<int64_t> reads_{0};
  std::atomic<int64_t> failed_{0};
  std::thread thread_;
};

class PromoteTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(playground_.ok()) << playground_.error();
    const auto client = playground_.ClientOf({playground_.primary().node_id});
    for (int i = 0; i < 50; ++i) Put(*client, std::to_string(i));
    for (const std::string& proxy : playground_.ids("proxy")) {
      const auto reader = playground_.ClientOf({proxy});
      reader->Observe(revision_);
      v1::GetRequest request;
      request.set_key("k");
      ASSERT_TRUE(reader->Get(request).ok()) << proxy;
    }
  }

  void Put(client::Client& client, const std::string& value) {
    v1::CommitRequest request;
    v1::Mutation& mutation = *request.add_mutations();
    mutation.set_key("k");
    mutation.set_put(value);
    const auto answer = client.Commit(request);
    ASSERT_TRUE(answer.ok()) << answer.status() << playground_.Logs();
    revision_ = answer->revision();
  }

  Playground playground_;
  int64_t revision_ = 0;
};

TEST_F(PromoteTest, AStandbyTakesOverFromALostSiteWhileEveryReadIsAnswered) {
  std::vector<std::unique_ptr<Reader>> readers;
  for (const std::string& proxy : playground_.ids("proxy", "dc2"))
    readers.push_back(std::make_unique<Reader>(playground_, proxy));
  for (const std::string& node : playground_.IdsOf("dc1")) playground_.Kill(node);
  const CommandResult promoted = playground_.Promote("dc2-a");
  EXPECT_TRUE(promoted.exit_status == 0) << promoted.out << promoted.err << playground_.Logs();
  EXPECT_THAT(promoted.out, HasSubstr("\"kind\": \"PROVEN 0\""));
  for (const std::string& proxy : playground_.ids("proxy", "dc2")) {
    const auto client = playground_.ClientOf({proxy}, absl::Seconds(20));
    client->Observe(revision_);
    Put(*client, "after");
    v1::GetRequest request;
    request.set_key("k");
    const auto answer = client->Get(request);
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->kv().value(), "after");
  }
  for (const auto& reader : readers) {
    EXPECT_GT(reader->reads(), 100);
    EXPECT_EQ(reader->failed(), 0);
  }
}

TEST_F(PromoteTest, AHealthyPrimaryIsNotTakenOver) {
  const CommandResult refused = playground_.Holdfast({"promote", "dc2-a"});
  EXPECT_EQ(refused.exit_status, 4) << refused.out << refused.err;
  EXPECT_THAT(refused.out, HasSubstr("primary-gone"));
  EXPECT_THAT(refused.out, HasSubstr("holdfast switchover dc2-a"));
  const auto client = playground_.ClientOf({playground_.primary().node_id});
  Put(*client, "still here");
}

TEST_F(PromoteTest, TheOldPrimaryFencesItselfWhenItIsBack) {
  const std::string old = playground_.primary().node_id;
  for (const std::string& node : playground_.IdsOf("dc1")) playground_.Signal(node, SIGSTOP);
  const CommandResult promoted = playground_.Promote("dc2-a");
  EXPECT_TRUE(promoted.exit_status == 0) << promoted.out << promoted.err << playground_.Logs();
  for (const std::string& node : playground_.IdsOf("dc1")) playground_.Signal(node, SIGCONT);
  ASSERT_TRUE(Eventually(kPatience, [&] {
    const CommandResult status = playground_.Holdfast({"status"});
    return status.out.find("fenced") != std::string::npos ||
           status.out.find("suspended") != std::string::npos;
  })) << playground_.Holdfast({"status"}).out;
  const auto client = playground_.ClientOf(playground_.ids("proxy", "dc2"), absl::Seconds(10));
  Put(*client, "at the new one");
  // The proxies of the lost site come by themselves.
  for (const std::string& proxy : playground_.ids("proxy", "dc1")) {
    const auto reader = playground_.ClientOf({proxy}, absl::Seconds(30));
    reader->Observe(revision_);
    v1::GetRequest request;
    request.set_key("k");
    const auto answer = reader->Get(request);
    ASSERT_TRUE(answer.ok()) << proxy << ": " << answer.status() << playground_.Logs();
    EXPECT_EQ(answer->kv().value(), "at the new one");
  }
  // And the old primary itself, once it is told to.
  const CommandResult rejoined = playground_.Holdfast({"rejoin", old});
  EXPECT_EQ(rejoined.exit_status, 0) << rejoined.out << rejoined.err;
  EXPECT_TRUE(Eventually(kPatience, [&] { return playground_.Holdfast({"verify"}).exit_status == 0; }))
      << playground_.Holdfast({"verify"}).out;
}

TEST_F(PromoteTest, WithTheVotersSiteLostThePrimaryGoesOnInPlace) {
  for (const std::string& node : playground_.IdsOf("dc2")) playground_.Kill(node);
  const std::string primary = playground_.primary().node_id;
  const CommandResult refused = playground_.Holdfast({"promote", primary, "--in-place"});
  EXPECT_EQ(refused.exit_status, 4) << refused.out;
  EXPECT_THAT(refused.out, HasSubstr("--assert-site-down=dc2"));
  const CommandResult promoted = playground_.Promote(primary, {"--in-place", "--assert-site-down=dc2"});
  EXPECT_TRUE(promoted.exit_status == 0) << promoted.out << promoted.err << playground_.Logs();
  EXPECT_THAT(promoted.out, HasSubstr("\"kind\": \"UNKNOWN\""));
  const auto client = playground_.ClientOf({primary});
  Put(*client, "alone");
}

// Both sites up: there and back, under reads and with a writer that never hears a refusal.
TEST_F(PromoteTest, ASwitchoverThereAndBackLosesNothingAndFailsNoRead) {
  std::vector<std::unique_ptr<Reader>> readers;
  for (const std::string& proxy : playground_.ids("proxy"))
    readers.push_back(std::make_unique<Reader>(playground_, proxy));
  const auto writer = playground_.ClientOf(playground_.ids("proxy"), absl::Seconds(10));
  const std::string old = playground_.primary().node_id;
  for (const std::string& to : {std::string("dc2-a"), old}) {
    SCOPED_TRACE(to);
    const CommandResult plan = playground_.Holdfast({"switchover", to, "-o", "json", "--dry-run"});
    ASSERT_EQ(plan.exit_status, 0) << plan.out << plan.err;
    std::atomic<bool> done{false};
    std::thread switching([&] {
      const CommandResult switched = playground_.Holdfast(
          {"switchover", to, "-o", "json", "--yes", "--plan", JsonText(plan.out, "plan_id")});
      EXPECT_EQ(switched.exit_status, 0) << switched.out << switched.err << playground_.Logs();
      EXPECT_THAT(switched.out, HasSubstr("\"commit_pause_ms\""));
      done = true;
    });
    int commits = 0;
    for (; !done; ++commits) Put(*writer, std::to_string(commits));
    switching.join();
    Put(*writer, "after " + to);
    EXPECT_TRUE(Eventually(kPatience, [&] { return playground_.Holdfast({"verify"}).exit_status == 0; }))
        << playground_.Holdfast({"verify"}).out;
  }
  for (const auto& reader : readers) EXPECT_EQ(reader->failed(), 0);
}

}  // namespace
}  // namespace holdfast::testing
