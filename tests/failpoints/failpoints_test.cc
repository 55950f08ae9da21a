#include "tests/failpoints/failpoints.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "tests/support/files.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::failpoints {
namespace {

TEST(FailpointsTest, ReadsNamesActionsAndCounts) {
  const auto armed = Parse(" a.b=kill; c=pause@2 \n\nd=error");
  ASSERT_TRUE(armed.ok()) << armed.status();
  ASSERT_EQ(armed->size(), 3u);
  EXPECT_EQ((*armed)[0].name, "a.b");
  EXPECT_EQ((*armed)[0].action, Action::kKill);
  EXPECT_EQ((*armed)[1].action, Action::kPause);
  EXPECT_EQ((*armed)[1].nth, 2);
  EXPECT_EQ((*armed)[2].action, Action::kError);
}

TEST(FailpointsTest, RefusesWhatItDoesNotKnow) {
  for (const char* const spec : {"a", "a=", "=kill", "a=explode", "a=kill@0", "a=kill@x", "a=kill@1@2"})
    EXPECT_EQ(ReasonOf(Parse(spec).status()), "INVALID_REQUEST") << spec;
}

TEST(FailpointsTest, AnErrorIsTheStepsOwnAndOnlyAtItsPoint) {
  Failpoints failpoints("", "here=error");
  EXPECT_TRUE(failpoints.Hit("there").ok());
  EXPECT_EQ(ReasonOf(failpoints.Hit("here")), "IO_ERROR");
  EXPECT_EQ(ReasonOf(failpoints.Hit("here")), "IO_ERROR");
}

TEST(FailpointsTest, OnlyTheNthHitIsMeant) {
  Failpoints failpoints("", "here=error@2");
  EXPECT_TRUE(failpoints.Hit("here").ok());
  EXPECT_FALSE(failpoints.Hit("here").ok());
  EXPECT_TRUE(failpoints.Hit("here").ok());
}

TEST(FailpointsTest, AFileArmsTheProcessWhileItIsThereAndBeginsToCountAnew) {
  const testing::TemporaryDirectory directory;
  const std::string file = directory / std::to_string(getpid());
  Failpoints failpoints(directory.path(), "");
  EXPECT_TRUE(failpoints.Hit("here").ok());
  testing::WriteWhole(file, "here=error@1");
  EXPECT_FALSE(failpoints.Hit("here").ok());
  EXPECT_TRUE(failpoints.Hit("here").ok());
  testing::WriteWhole(file, "");
  EXPECT_TRUE(failpoints.Hit("here").ok());
  testing::WriteWhole(file, "here=error@1");
  EXPECT_FALSE(failpoints.Hit("here").ok());
  EXPECT_EQ(testing::ReadWhole(file + ".hits"), "here\nhere\nhere\nhere\nhere\n");
}

TEST(FailpointsTest, KillEndsTheProcessAndPauseStopsItUntilItIsContinued) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    Failpoints failpoints("", "first=pause;second=kill");
    failpoints.Hit("first").IgnoreError();
    failpoints.Hit("second").IgnoreError();
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, WUNTRACED), child);
  EXPECT_TRUE(WIFSTOPPED(status));
  kill(child, SIGCONT);
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

}  // namespace
}  // namespace holdfast::failpoints
