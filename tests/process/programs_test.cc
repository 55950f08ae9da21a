// What whoever starts a program may rely on, however slowly the machine gets to it.
#include "tests/process/programs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <string>
#include <vector>

#include "admin/processes.h"
#include "tests/support/files.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::testing {
namespace {

using ::testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(10);

TEST(SpawnTest, TheProgramIsKnownByItsCommandLineAtOnce) {
  const TemporaryDirectory root;
  const std::vector<std::string> sleep = {"/bin/sleep", "1000"};
  for (int i = 0; i < 50; ++i) {
    const pid_t pid = Spawn(sleep, root.path() + "/log");
    EXPECT_TRUE(admin::IsRunning(pid, "1000"));
    int died_of = 0;
    EXPECT_TRUE(EndProcess(pid, SIGKILL, kPatience, &died_of));
  }
}

TEST(SpawnTest, AProgramThatCannotBeginSaysWhyInItsLog) {
  const TemporaryDirectory root;
  const std::string log = root.path() + "/log";
  const pid_t pid = Spawn({root.path() + "/nothing"}, log);
  EXPECT_TRUE(admin::HasEnded(pid));
  EXPECT_THAT(ReadWhole(log), HasSubstr("nothing: No such file or directory"));
}

}  // namespace
}  // namespace holdfast::testing
