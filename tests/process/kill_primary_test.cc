// kill -9 of the primary at random points of a stream of commits: nothing acknowledged is missing, no proxy
// ever shows half a commit.
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <set>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/executor.h"
#include "base/mutex.h"
#include "base/random.h"
#include "tests/process/client_calls.h"
#include "tests/process/playground.h"
#include "tests/support/scale.h"

namespace holdfast::testing {
namespace {

constexpr int kKeysPerCommit = 4;

v1::CommitRequest NumberedCommit(client::Client& client, int number) {
  v1::CommitRequest request;
  request.set_request_id(client.NewRequestId());
  for (int i = 0; i < kKeysPerCommit; ++i) {
    v1::Mutation& whole = *request.add_mutations();
    whole.set_key(absl::StrCat("whole/", i));
    whole.set_put(absl::StrCat(number));
    v1::Mutation& kept = *request.add_mutations();
    kept.set_key(absl::StrCat("kept/", number, "/", i));
    kept.set_put(absl::StrCat(number));
  }
  return request;
}

class KillPrimaryTest : public ::testing::Test {
 protected:
  // Commits numbers one after the other until told to stop; a commit whose outcome is unknown is sent again,
  // with its id.
  void Write(client::Client& client) {
    for (int number = 1; !stop_; ++number) {
      const v1::CommitRequest request = NumberedCommit(client, number);
      while (!stop_) {
        const absl::StatusOr<v1::CommitResponse> answer = client.Commit(request);
        if (answer.ok()) {
          acknowledged_.insert(number);
          acknowledged_count_ = number;
          break;
        }
        MutexLock lock(&mu_);
        last_heard_ = answer.status();
      }
    }
  }

  // Looks for half a commit at one proxy until told to stop.
  void Look(client::Client& client) {
    while (!stop_) {
      const auto shown = ListBelow(client, "whole");
      if (!shown.ok()) {
        ++failed_reads_;
        ADD_FAILURE() << shown.status();
        continue;
      }
      ++looks_;
      std::set<std::string> values;
      for (const auto& [key, value] : shown->values) values.insert(value);
      const size_t keys = shown->values.size();
      const bool whole = keys == 0 || (values.size() == 1 && keys == kKeysPerCommit);
      if (!whole) ++halves_;
    }
  }

  std::string LastHeard() {
    MutexLock lock(&mu_);
    return last_heard_.ToString();
  }

  std::atomic<bool> stop_{false};
  std::atomic<int> acknowledged_count_{0};
  std::atomic<int> looks_{0};
  std::atomic<int> halves_{0};
  std::atomic<int> failed_reads_{0};
  std::set<int> acknowledged_;
  Mutex mu_;
  absl::Status last_heard_ ABSL_GUARDED_BY(mu_);  // the writer's last failure
};

TEST_F(KillPrimaryTest, LosesNothingAcknowledgedAndShowsNoHalfCommit) {
  const int kills = Scale("HOLDFAST_KILLS", 4);
  Playground playground;
  ASSERT_TRUE(playground.ok()) << playground.error();
  const std::string primary = playground.primary().node_id;
  const std::vector<std::string> proxies = playground.ids("proxy");
  const auto random = SeededRandom(static_cast<uint64_t>(kills));

  std::vector<std::string> writers_nodes = {primary};
  writers_nodes.insert(writers_nodes.end(), proxies.begin(), proxies.end());
  const auto writer = playground.ClientOf(writers_nodes, absl::Seconds(3));
  std::vector<std::unique_ptr<client::Client>> readers;
  for (const std::string& proxy : proxies) readers.push_back(playground.ClientOf({proxy}));
  ThreadExecutor writing("writing", RealClock());
  std::vector<std::unique_ptr<ThreadExecutor>> looking;
  writing.Post([&] { Write(*writer); });
  for (auto& reader : readers) {
    looking.push_back(std::make_unique<ThreadExecutor>("looking", RealClock()));
    looking.back()->Post([this, client = reader.get()] { Look(*client); });
  }
  const StopAtEnd stopper(&stop_);
  for (int kill = 0; kill < kills; ++kill) {
    const int before = acknowledged_count_;
    const int more = 1 + static_cast<int>(random->Below(40));
    ASSERT_TRUE(Eventually(kPatience, [&] { return acknowledged_count_ >= before + more; }))
        << "no progress before kill " << kill << "; the writer last heard: " << LastHeard() << "\n"
        << playground.Logs();
    playground.Kill(primary);
    playground.Restart(primary);
  }
  const int before = acknowledged_count_;
  EXPECT_TRUE(Eventually(kPatience, [&] { return acknowledged_count_ > before; })) << playground.Logs();
  stop_ = true;
  writing.Shutdown();
  for (auto& one : looking) one->Shutdown();

  const absl::Duration written = Elapsed();
  for (const std::string& proxy : proxies) {
    const auto client = playground.ClientOf({proxy});
    client->Observe(writer->seen_revision());
    absl::StatusOr<Listing> kept;
    // A commit is acknowledged when voters have it; a proxy may find its way back to the primary later.
    EXPECT_TRUE(Eventually(kPatience, [&] { return (kept = ListBelow(*client, "kept")).ok(); }))
        << proxy << ": " << kept.status() << playground.Logs();
    ASSERT_TRUE(kept.ok());
    for (const int number : acknowledged_) {
      for (int i = 0; i < kKeysPerCommit; ++i) {
        EXPECT_EQ(kept->values.count(absl::StrCat(number, "/", i)), 1u)
            << proxy << " lacks commit " << number;
      }
    }
  }
  const absl::Duration all_caught_up = Elapsed() - written;
  EXPECT_EQ(halves_, 0);
  EXPECT_EQ(failed_reads_, 0);
  EXPECT_GT(looks_, 0);
  const CommandResult verify = playground.Holdfast({"verify", "--wait", "60s"});
  EXPECT_EQ(verify.exit_status, 0) << verify.out << verify.err;
  std::printf(
      "kills %d, acknowledged commits %zu, looks %d, halves %d, failed reads %d; all proxies had it all "
      "after %d ms\n",
      kills, acknowledged_.size(), looks_.load(), halves_.load(), failed_reads_.load(),
      static_cast<int>(absl::ToInt64Milliseconds(all_caught_up)));
}

}  // namespace
}  // namespace holdfast::testing
