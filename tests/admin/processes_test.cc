#include "admin/processes.h"

#include <algorithm>
#include <set>
#include <vector>

#include "admin/files.h"
#include "admin/free_ports.h"
#include "base/error.h"
#include "base/poll.h"
#include "gtest/gtest.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::admin {
namespace {

class ProcessesTest : public ::testing::Test {
 protected:
  testing::TemporaryDirectory directory_;
  const std::string log_ = directory_ / "log";
};

TEST_F(ProcessesTest, AProgramIsKnownByItsArgumentAndEndsWhenAsked) {
  const auto pid = StartProgram("/bin/sleep", {"1000"}, log_);
  ASSERT_TRUE(pid.ok()) << pid.status();
  ASSERT_TRUE(PollUntil(*RealClock(), absl::Seconds(10), [&] { return IsRunning(*pid, "1000"); }));
  EXPECT_FALSE(IsRunning(*pid, "another"));
  EXPECT_EQ(EndPrograms({{*pid, "1000"}}, absl::Seconds(10)), 0);
  EXPECT_FALSE(IsRunning(*pid, "1000"));
}

TEST_F(ProcessesTest, AProcessThatIsNotOursIsLeftAlone) {
  const auto pid = StartProgram("/bin/sleep", {"1000"}, log_);
  ASSERT_TRUE(pid.ok()) << pid.status();
  ASSERT_TRUE(PollUntil(*RealClock(), absl::Seconds(10), [&] { return IsRunning(*pid, "1000"); }));
  EXPECT_EQ(EndPrograms({{*pid, "/d/dc1-a.toml"}}, absl::Seconds(10)), 0);
  EXPECT_TRUE(IsRunning(*pid, "1000"));
  EndPrograms({{*pid, "1000"}}, absl::Seconds(10));
}

TEST_F(ProcessesTest, AProgramThatDoesNotEndIsKilledAndCounted) {
  const auto pid = StartProgram("/bin/sh", {"-c", "trap '' TERM; exec sleep 1000"}, log_);
  ASSERT_TRUE(pid.ok()) << pid.status();
  ASSERT_TRUE(PollUntil(*RealClock(), absl::Seconds(10), [&] { return IsRunning(*pid, "1000"); }));
  EXPECT_EQ(EndPrograms({{*pid, "1000"}}, absl::Milliseconds(50)), 1);
  EXPECT_FALSE(IsRunning(*pid, "1000"));
}

TEST_F(ProcessesTest, WhatAProgramPrintsGoesToItsLog) {
  const auto pid = StartProgram("/bin/sh", {"-c", "echo out; echo err >&2"}, log_);
  ASSERT_TRUE(pid.ok()) << pid.status();
  EXPECT_TRUE(PollUntil(*RealClock(), absl::Seconds(10), [&] {
    const auto text = ReadWholeFile(log_);
    return text.ok() && *text == "out\nerr\n";
  }));
}

TEST_F(ProcessesTest, ProcessesThatEndWhileTheyAreLookedAtDoNoHarm) {
  for (int round = 0; round < 50; ++round) {
    const auto pid = StartProgram("/bin/true", {}, log_);
    ASSERT_TRUE(pid.ok()) << pid.status();
    EXPECT_EQ(FindRunning("--config", "/nobody.toml"), 0);
    EndPrograms({{*pid, "/bin/true"}}, absl::ZeroDuration());
  }
}

TEST_F(ProcessesTest, AProgramThatIsNotThereIsNamed) {
  const absl::Status status = StartProgram("/nonexistent/holdfast-primary", {}, log_).status();
  EXPECT_EQ(ReasonOf(status), "IO_ERROR");
  EXPECT_EQ(DetailOf(status, "path"), "/nonexistent/holdfast-primary");
}

TEST(FreePortsTest, AreDifferentAndBelowThoseOfOutgoingConnections) {
  PortHolds holds;
  const auto ports = FindFreePorts(40, *SystemRandom(), holds);
  ASSERT_TRUE(ports.ok()) << ports.status();
  EXPECT_EQ(std::set<int>(ports->begin(), ports->end()).size(), 40u);
  for (const int port : *ports) {
    EXPECT_GT(port, 1024);
    EXPECT_LT(port, 32768);
  }
}

// Whoever looks with the same numbers finds the same ports first.
TEST(FreePortsTest, AreNobodyElsesWhileTheyAreHeld) {
  constexpr uint64_t kSeed = 5;
  std::vector<int> first;
  {
    PortHolds holds;
    const auto ports = FindFreePorts(8, *SeededRandom(kSeed), holds);
    ASSERT_TRUE(ports.ok()) << ports.status();
    first = *ports;
    EXPECT_FALSE(holds.Hold(first.front()));
    PortHolds others;
    const auto theirs = FindFreePorts(8, *SeededRandom(kSeed), others);
    ASSERT_TRUE(theirs.ok()) << theirs.status();
    for (const int port : *theirs) EXPECT_EQ(std::count(first.begin(), first.end(), port), 0) << port;
  }
  PortHolds holds;
  const auto again = FindFreePorts(8, *SeededRandom(kSeed), holds);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, first);
}

}  // namespace
}  // namespace holdfast::admin
