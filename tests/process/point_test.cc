// An operator points a proxy at an upstream by hand, drains one, and takes both back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/process/client_calls.h"
#include "tests/process/playground.h"

namespace holdfast::testing {
namespace {

using ::testing::HasSubstr;

class PointTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(playground_.ok()) << playground_.error();
    ASSERT_TRUE(playground_.WaitCommitting(kPatience)) << playground_.Logs();
    // One proxy of dc2 votes, and follows the primary itself.
    const std::string durability = playground_.Holdfast({"durability", "-o", "json"}).out;
    for (const std::string& id : playground_.ids("proxy", "dc2")) {
      (durability.find("\"" + id + "\"") == std::string::npos ? proxy_ : voter_) = id;
    }
    ASSERT_FALSE(proxy_.empty() || voter_.empty()) << durability;
  }
  std::unique_ptr<client::Watch> Watch(const std::vector<std::string>& nodes) {
    v1::WatchRequest request;
    request.set_key("k");
    request.set_start_revision(playground_.ready_revision() + 1);
    clients_.push_back(playground_.ClientOf(nodes));
    return clients_.back()->StartWatch(request);
  }
  void Put(const std::string& value) {
    const CommandResult put = playground_.Holdfast({"put", "k", value});
    ASSERT_EQ(put.exit_status, 0) << put.err << playground_.Logs();
  }
  // The values of the watch's events, in order, up to this one.
  std::string ValuesUpTo(client::Watch& watch, const std::string& last) {
    std::string values;
    for (;;) {
      const auto response = NextWithin(watch, kPatience);
      if (!response.ok()) return values + std::string(response.status().message());
      for (const v1::WatchEvent& event : response->events()) {
        values += event.kv().value() + " ";
        if (event.kv().value() == last) return values;
      }
    }
  }
  CommandResult Point(const std::string& upstream) {
    return playground_.Holdfast({"nodes", "point", proxy_, "--upstream", upstream, "--deadline", "40s"});
  }

  Playground playground_;
  std::string proxy_;
  std::string voter_;
  std::vector<std::unique_ptr<client::Client>> clients_;
};

TEST_F(PointTest, AProxyIsPointedAtAnotherOneChoosesWhileThatIsGoneAndItsWatchesGoOn) {
  const auto watch = Watch({proxy_});
  const CommandResult pointed = Point(voter_);
  ASSERT_EQ(pointed.exit_status, 0) << pointed.out << pointed.err << playground_.Logs();
  EXPECT_THAT(pointed.out, HasSubstr("is fed by " + voter_));
  EXPECT_THAT(playground_.Holdfast({"status"}).out, HasSubstr(voter_ + " (by hand)"));
  Put("1");
  // It is this node's own, and kept.
  playground_.Terminate(proxy_);
  playground_.Restart(proxy_);
  ASSERT_TRUE(playground_.WaitServing(proxy_, kPatience));
  ASSERT_TRUE(Eventually(kPatience, [&] {
    return playground_.Holdfast({"nodes", "point", proxy_}).out.find("is fed by " + voter_) !=
           std::string::npos;
  })) << playground_.Holdfast({"status"}).out;
  Put("2");
  // The chosen one is gone: the node does not wait for it.
  playground_.Kill(voter_);
  Put("3");
  EXPECT_EQ(ValuesUpTo(*watch, "3"), "1 2 3 ");
  const std::string status = playground_.Holdfast({"status"}).out;
  EXPECT_THAT(status, HasSubstr("warning: '" + voter_ + "', chosen by hand, does not feed '" + proxy_ + "'"));
  const CommandResult automatic = Point("auto");
  EXPECT_EQ(automatic.exit_status, 0) << automatic.out << automatic.err;
  EXPECT_THAT(automatic.out, HasSubstr("it chooses by itself"));
}

TEST_F(PointTest, WhatWouldBreakTheProtocolIsRefused) {
  const CommandResult voter = playground_.Holdfast({"nodes", "point", voter_, "--upstream", proxy_});
  EXPECT_EQ(voter.exit_status, 4) << voter.out;
  EXPECT_THAT(voter.err, HasSubstr("a voter follows the primary itself"));
  EXPECT_EQ(playground_.Holdfast({"nodes", "point", proxy_, "--upstream", proxy_}).exit_status, 4);
  EXPECT_EQ(playground_.Holdfast({"nodes", "point", playground_.primary().node_id, "--upstream", proxy_})
                .exit_status,
            4);
}

TEST_F(PointTest, ADrainedNodeIsTakenBackIntoService) {
  const auto watch = Watch({proxy_, voter_});
  Put("1");
  EXPECT_EQ(ValuesUpTo(*watch, "1"), "1 ");
  ASSERT_EQ(playground_.Holdfast({"drain", proxy_}).exit_status, 0);
  EXPECT_THAT(playground_.Holdfast({"status"}).out, HasSubstr("back: holdfast drain " + proxy_ + " --undo"));
  Put("2");
  EXPECT_EQ(ValuesUpTo(*watch, "2"), "2 ") << "it went on at the other one";
  for (int round = 0; round < 2; ++round) {  // again is no error
    const CommandResult undone = playground_.Holdfast({"drain", proxy_, "--undo"});
    EXPECT_EQ(undone.exit_status, 0) << undone.out << undone.err;
  }
  const auto back = Watch({proxy_});
  Put("3");
  EXPECT_EQ(ValuesUpTo(*back, "3"), "1 2 3 ") << "watches are taken again";
}

}  // namespace
}  // namespace holdfast::testing
