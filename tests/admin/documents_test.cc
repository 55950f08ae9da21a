#include "admin/documents.h"

#include "admin/changes.h"
#include "admin/files.h"
#include "admin/line_diff.h"
#include "base/error.h"
#include "gmock/gmock.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::admin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

class DocumentsTest : public ::testing::Test {
 protected:
  testing::TemporaryDirectory folder_;
};
class DocumentTreeTest : public DocumentsTest {};
class JsonDocumentsTest : public DocumentsTest {};

TEST_F(DocumentTreeTest, WhatIsWrittenIsReadBackByteForByte) {
  const Documents documents = {{"a.json", "{}"}, {"b/c.bin", std::string("\0\xff\n", 3)}, {"b/empty", ""}};
  const std::string folder = folder_ / "tree";
  ASSERT_TRUE(WriteTree(folder, documents).ok());
  EXPECT_EQ(*ReadTree(folder), documents);
}

TEST_F(DocumentTreeTest, ASingleFileIsOneDocument) {
  const std::string path = folder_ / "x.toml";
  ASSERT_TRUE(WriteWholeFile(path, "x = 1").ok());
  EXPECT_THAT(*ReadTree(path), ElementsAre(Pair("x.toml", "x = 1")));
}

TEST_F(DocumentTreeTest, RefusesKeysThatCannotBePathsBeforeItWritesAnything) {
  for (const Documents& documents : {Documents{{"ok", ""}, {"a//b", ""}}, Documents{{"/a", ""}},
                                     Documents{{"a/", ""}}, Documents{{"a", ""}, {"a/b", ""}}}) {
    EXPECT_EQ(ReasonOf(WriteTree(folder_ / "new", documents)), "INVALID_REQUEST");
    EXPECT_TRUE(ReadTree(folder_.path())->empty());
  }
}

TEST_F(DocumentTreeTest, RefusesAFolderThatIsNotEmpty) {
  ASSERT_TRUE(WriteWholeFile(folder_ / "old", "").ok());
  EXPECT_EQ(ReasonOf(WriteTree(folder_.path(), {{"new", ""}})), "INVALID_REQUEST");
}

TEST_F(DocumentTreeTest, NamesThePathThatCannotBeRead) {
  const absl::Status status = ReadTree("/nonexistent/folder").status();
  EXPECT_EQ(ReasonOf(status), "IO_ERROR");
  EXPECT_EQ(DetailOf(status, "path"), "/nonexistent/folder");
}

TEST_F(JsonDocumentsTest, TextAndBytesComeBackAsTheyWere) {
  const Documents documents = {{"text", "a \"b\"\n\tü"}, {"bytes", std::string("\0\xff", 2)}};
  const std::string path = folder_ / "d.json";
  ASSERT_TRUE(WriteWholeFile(path, WriteJsonDocuments(documents)).ok());
  EXPECT_EQ(*ReadJsonDocuments(path), documents);
}

TEST(FindFaultsTest, NamesEveryKeyAndValueThatAServerWouldRefuse) {
  const Documents documents = {
      {"fine", "x"}, {"a/../b", ""}, {"\xff", ""}, {"large", std::string((1 << 20) + 1, 'x')}};
  const auto faults = FindFaults(documents, "p/", 10);
  ASSERT_EQ(faults.size(), 3u);
  EXPECT_THAT(faults[0], HasSubstr("p/a/../b"));
  EXPECT_THAT(faults[1], HasSubstr("at most 1048576"));
  EXPECT_THAT(faults[2], HasSubstr("UTF-8"));
  EXPECT_EQ(FindFaults(documents, "p/", 1).size(), 1u);
  EXPECT_THAT(FindFaults({{"x", ""}}, "_holdfast/", 1), ElementsAre(HasSubstr("the cluster's own")));
}

TEST(CompareTest, FindsWhatWasAddedRemovedAndChanged) {
  const Documents before = {{"a", "1"}, {"b", "1"}, {"c", "1"}};
  const Documents after = {{"b", "1"}, {"c", "2"}, {"d", "1"}};
  const auto changes = Compare(before, after);
  ASSERT_EQ(changes.size(), 3u);
  EXPECT_EQ(changes[0].key, "a");
  EXPECT_EQ(changes[0].after, nullptr);
  EXPECT_EQ(changes[1].key, "c");
  EXPECT_EQ(changes[2].key, "d");
  EXPECT_EQ(changes[2].before, nullptr);
}

TEST(LineDiffTest, ShowsChangedLinesWithThreeAround) {
  EXPECT_EQ(LineDiff("1\n2\n3\n4\n5\n6\n7\n8\n", "1\n2\n3\n4\nfive\n6\n7\n8\n"),
            "@@ line 2 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
}

TEST(LineDiffTest, ShowsDistantChangesAsGroups) {
  std::string before;
  for (int i = 1; i <= 20; ++i) before += std::to_string(i) + "\n";
  std::string after = before;
  after.replace(after.find("2\n"), 1, "two");
  after.replace(after.find("19\n"), 2, "nineteen");
  EXPECT_EQ(LineDiff(before, after),
            "@@ line 1 @@\n 1\n-2\n+two\n 3\n 4\n 5\n@@ line 16 @@\n 16\n 17\n 18\n-19\n+nineteen\n 20\n");
}

TEST(LineDiffTest, EqualTextsDifferInNothing) { EXPECT_EQ(LineDiff("a\nb\n", "a\nb\n"), ""); }

}  // namespace
}  // namespace holdfast::admin
