#include "absl/strings/str_split.h"
#include "admin/table.h"
#include "gmock/gmock.h"
#include "tests/admin/fake_cluster.h"

namespace holdfast::admin {
namespace {

using ::testing::HasSubstr;

class HelpTest : public FakeClusterTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(HelpTest, ShowsExamplesWithinOneHundredColumns) {
  std::vector<std::string> arguments = absl::StrSplit(GetParam(), ' ');
  arguments.push_back("--help");
  const std::string help = Out(arguments);
  EXPECT_THAT(help, HasSubstr("Examples:"));
  EXPECT_THAT(help, HasSubstr(std::string("holdfast ") + GetParam()));
  for (const absl::string_view line : absl::StrSplit(help, '\n'))
    EXPECT_LE(Places(line), kOutputWidth) << line;
}

INSTANTIATE_TEST_SUITE_P(Commands, HelpTest,
                         ::testing::Values("init", "get", "list", "put", "delete", "commit", "import",
                                           "export", "history", "diff", "rollback", "watch", "status",
                                           "verify", "nodes", "nodes list", "nodes add", "nodes remove",
                                           "nodes set", "nodes point", "nodes seed", "durability",
                                           "durability replicated", "durability local", "drain", "snapshot",
                                           "snapshot save", "snapshot restore", "salvage", "salvage list",
                                           "salvage show", "salvage diff", "salvage apply", "up", "down"));

TEST_F(FakeClusterTest, HelpNamesEveryCommandAndTheExitCodes) {
  const std::string help = Out({"--help"});
  for (const char* word : {"import", "rollback", "verify", "--endpoints", "Exit codes"})
    EXPECT_THAT(help, HasSubstr(word));
  for (const absl::string_view line : absl::StrSplit(help, '\n'))
    EXPECT_LE(Places(line), kOutputWidth) << line;
}

TEST_F(FakeClusterTest, VersionIsOneLine) {
  EXPECT_THAT(Out({"--version"}), ::testing::StartsWith("holdfast 0."));
}

TEST_F(FakeClusterTest, WhatIsNoCommandIsUsage) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{},
                                             {"no-such"},
                                             {"get"},
                                             {"get", "k", "--no-such"},
                                             {"list", "-o", "xml"},
                                             {"get", "k", "--deadline", "soon"},
                                             {"get", "k", "--at", "x"},
                                             {"put", "k"},
                                             {"put", "k", "v", "--file", "f"},
                                             {"export", "cc"},
                                             {"delete"},
                                             {"diff", "nowhere", "now"},
                                             {"import", "x", "--resume", "7"},
                                             {"nodes"},
                                             {"nodes", "set"},
                                             {"salvage"},
                                             {"salvage", "show"},
                                             {"down", "--dir", "/nonexistent"}}) {
    const Outcome outcome = Run(arguments);
    EXPECT_EQ(outcome.code, 2) << ::testing::PrintToString(arguments) << outcome.err;
    EXPECT_NE(outcome.err, "");
    EXPECT_EQ(outcome.out, "");
  }
}

}  // namespace
}  // namespace holdfast::admin
