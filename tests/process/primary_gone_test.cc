// With the primary gone, proxies go on answering: reads, ranges, new clients, new watches, also after their
// own restart (I12).
#include <gtest/gtest.h>
#include <signal.h>

#include "base/error.h"
#include "tests/process/client_calls.h"
#include "tests/process/playground.h"

namespace holdfast::testing {
namespace {

class PrimaryGoneTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(playground_.ok()) << playground_.error();
    const auto client = playground_.ClientOf({playground_.primary().node_id});
    for (int i = 0; i < 20; ++i) {
      v1::CommitRequest request;
      v1::Mutation& mutation = *request.add_mutations();
      mutation.set_key("k/" + std::to_string(i));
      mutation.set_put("v");
      const auto answer = client->Commit(request);
      ASSERT_TRUE(answer.ok()) << answer.status();
      revision_ = answer->revision();
    }
    for (const std::string& proxy : playground_.ids("proxy")) ASSERT_TRUE(Reads(proxy).ok());
    playground_.Kill(playground_.primary().node_id);
  }

  // A new client reads one key and the range, at least as new as the last commit, and opens a watch over all
  // of it.
  absl::Status Reads(const std::string& proxy) {
    const auto client = playground_.ClientOf({proxy});
    client->Observe(revision_);
    v1::GetRequest get;
    get.set_key("k/19");
    const auto one = client->Get(get);
    if (!one.ok()) return one.status();
    v1::ListRequest list;
    list.set_key("k/");
    list.set_range_end("k0");
    const auto all = client->List(list);
    if (!all.ok()) return all.status();
    EXPECT_EQ(all->kvs_size(), 20) << proxy;
    v1::WatchRequest request;
    request.set_key("k/");
    request.set_range_end("k0");
    request.set_start_revision(1);
    const auto watch = client->StartWatch(request);
    for (int seen = 0; seen < 20;) {
      const auto next = NextWithin(*watch, kPatience);
      if (!next.ok()) return next.status();
      seen += next->events_size();
    }
    return absl::OkStatus();
  }

  Playground playground_;
  int64_t revision_ = 0;
};

TEST_F(PrimaryGoneTest, EveryProxyAnswersNewClients) {
  for (const std::string& proxy : playground_.ids("proxy")) {
    const absl::Status read = Reads(proxy);
    EXPECT_TRUE(read.ok()) << proxy << ": " << read;
  }
}

TEST_F(PrimaryGoneTest, AProxyThatIsRestartedServesFromItsOwnFile) {
  const std::string proxy = playground_.ids("proxy", "dc2").back();
  playground_.Kill(proxy);
  playground_.Restart(proxy);
  const absl::Status read = Reads(proxy);
  EXPECT_TRUE(read.ok()) << read << playground_.Logs();
}

TEST_F(PrimaryGoneTest, ACommitSaysThatThereIsNoPrimary) {
  const std::string proxy = playground_.ids("proxy", "dc2").front();
  const auto client = playground_.ClientOf({proxy}, absl::Seconds(2));
  v1::CommitRequest request;
  v1::Mutation& mutation = *request.add_mutations();
  mutation.set_key("k/x");
  mutation.set_put("v");
  // Until the silence is noticed, the proxy still names the primary, which cannot be reached.
  EXPECT_TRUE(
      Eventually(kPatience, [&] { return ReasonOf(client->Commit(request).status()) == "NO_PRIMARY"; }));
}

}  // namespace
}  // namespace holdfast::testing
