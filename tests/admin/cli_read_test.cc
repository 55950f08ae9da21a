#include "gmock/gmock.h"
#include "tests/admin/fake_cluster.h"
#include "tests/support/files.h"

namespace holdfast::admin {
namespace {

using ::testing::HasSubstr;

class CliReadTest : public FakeClusterTest {
 protected:
  CliReadTest() {
    Out({"put", "cc/a.toml", "x = 1\ny = 2\n", "-m", "first"});
    Out({"put", "cc/b.bin", std::string("\x01\xff", 2)});
    Out({"put", "cc/a.toml", "x = 1\ny = 3\n", "-m", "second"});
    Out({"put", "other", "1"});
  }
};

TEST_F(CliReadTest, GetWritesTheBareBytes) {
  EXPECT_EQ(Out({"get", "cc/a.toml"}), "x = 1\ny = 3\n");
  EXPECT_EQ(Out({"get", "cc/b.bin"}), std::string("\x01\xff", 2));
  EXPECT_EQ(Out({"get", "cc/a.toml", "--at", "0.3"}), "x = 1\ny = 2\n");
}

TEST_F(CliReadTest, AMissingKeyIsExitCodeOne) {
  const Outcome outcome = Run({"get", "nothing"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr("[KEY_NOT_FOUND]"));
}

TEST_F(CliReadTest, JsonBringsFailuresAsADocumentToo) {
  const Outcome outcome = Run({"get", "nothing", "-o", "json"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("\"reason\": \"KEY_NOT_FOUND\""));
  EXPECT_EQ(outcome.err, "");
}

TEST_F(CliReadTest, NobodyToAskIsExitCodeThree) {
  const Outcome outcome = Run({"get", "cc/a.toml", "--endpoints", "127.0.0.1:1"});
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.err, HasSubstr("127.0.0.1:1"));
}

TEST_F(CliReadTest, ListIsATable) {
  EXPECT_EQ(Out({"list", "cc/"}),
            "KEY        REVISION  VERSION  SIZE\n"
            "cc/a.toml  0.5             2  12 B\n"
            "cc/b.bin   0.4             1   2 B\n"
            "2 keys at revision 0.6\n");
  EXPECT_EQ(Out({"list", "cc/", "--values"}),
            "KEY        REVISION  VALUE\n"
            "cc/a.toml  0.5       x = 1 …\n"
            "cc/b.bin   0.4       (2 bytes)\n"
            "2 keys at revision 0.6\n");
}

TEST_F(CliReadTest, ListGoesThroughAllPages) {
  EXPECT_EQ(Out({"list", "--keys-only"}),
            "_holdfast/cluster\n_holdfast/nodes/dc1-a\n_holdfast/nodes/dc2-a\n_holdfast/nodes/dc2-p1\n"
            "cc/a.toml\ncc/b.bin\nother\n");
  EXPECT_EQ(Out({"list", "cc/", "--count"}), "2\n");
  EXPECT_THAT(Out({"list", "cc/", "--limit", "1"}), HasSubstr("1 key shown"));
}

TEST_F(CliReadTest, ListReadsNoFurtherThanItsLimit) {
  const int before = store_.list_count();
  EXPECT_EQ(Out({"list", "--keys-only", "--limit", "2"}), "_holdfast/cluster\n_holdfast/nodes/dc1-a\n");
  EXPECT_EQ(store_.list_count(), before + 1);
  EXPECT_THAT(Out({"list", "--limit", "2", "-o", "json"}), HasSubstr("\"complete\": false"));
  EXPECT_THAT(Out({"list", "cc/", "--limit", "2", "-o", "json"}), HasSubstr("\"complete\": true"));
}

TEST_F(CliReadTest, NothingFoundIsStillOneJsonDocument) {
  const Outcome deletion = Run({"delete", "--prefix", "nowhere/", "-o", "json"});
  EXPECT_EQ(deletion.code, 1);
  EXPECT_THAT(deletion.out, HasSubstr("\"changed\": false"));
  const Outcome document = Run({"export", "nowhere", "--json"});
  EXPECT_EQ(document.code, 1);
  EXPECT_EQ(document.out, "{}\n");
  const std::string folder = TemporaryFolder() + "/new";
  const Outcome tree = Run({"export", "nowhere", "--to", folder, "-o", "json"});
  EXPECT_EQ(tree.code, 1);
  EXPECT_THAT(tree.out, HasSubstr("\"documents\": 0"));
}

TEST_F(CliReadTest, ListAsJson) {
  EXPECT_EQ(Out({"list", "cc/b", "-o", "json"}),
            "{\n  \"kvs\": [\n    {\n      \"key\": \"cc/b.bin\",\n      \"value_base64\": \"Af8=\",\n"
            "      \"create_revision\": 4,\n      \"mod_revision\": 4,\n      \"version\": 1\n    }\n  ],\n"
            "  \"revision\": 6,\n  \"complete\": true\n}\n");
}

TEST_F(CliReadTest, HistoryIsNewestFirst) {
  const std::string text = Out({"history", "cc/a.toml"});
  EXPECT_THAT(text, ::testing::MatchesRegex("REVISION  TIME +AUTHOR +CHANGE  MESSAGE\n"
                                            "0.5 .* olga@desk  put +second\n"
                                            "0.3 .* olga@desk  put +first\n"));
  EXPECT_THAT(Out({"history", "cc/", "--prefix", "-o", "json"}), HasSubstr("\"message\": \"second\""));
  EXPECT_EQ(Run({"history", "nothing"}).code, 1);
}

TEST_F(CliReadTest, DiffBetweenRevisionsSaysWhatChangedAndExitsWithOne) {
  Outcome outcome = Run({"diff", "0.3", "now", "cc"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.out, "~ cc/a.toml  (12 B -> 12 B)\n+ cc/b.bin  (2 B)\n");
  outcome = Run({"diff", "0.3", "0.5", "cc", "--text"});
  EXPECT_THAT(outcome.out, HasSubstr("    -y = 2\n    +y = 3\n"));
  EXPECT_THAT(outcome.out, HasSubstr("    (not text)\n"));
  EXPECT_EQ(Run({"diff", "0.6", "now"}).code, 0);
}

TEST_F(CliReadTest, WatchShowsEachChangeOfThePrefix) {
  EXPECT_EQ(
      Out({"watch", "cc/", "--from", "3", "--count", "3"}),
      "0.3  put     cc/a.toml  x = 1 …\n0.4  put     cc/b.bin  (2 bytes)\n0.5  put     cc/a.toml  x = 1 …\n");
  EXPECT_THAT(Out({"watch", "cc/a", "--from", "5", "--count", "1", "-o", "json"}),
              HasSubstr("{\"type\": \"put\", \"key\": \"cc/a.toml\", \"revision\": 5"));
}

TEST_F(CliReadTest, ExportAndImportAreEachOthersReverse) {
  const std::string folder = TemporaryFolder();
  EXPECT_EQ(Out({"export", "cc", "--to", folder + "/tree"}),
            "exported 2 documents of revision 0.6 to " + folder + "/tree\n");
  EXPECT_EQ(testing::ReadWhole(folder + "/tree/b.bin"), std::string("\x01\xff", 2));
  EXPECT_EQ(Run({"diff", folder + "/tree", "now", "cc"}).code, 0);
  Out({"import", folder + "/tree", "--prefix", "copy"});
  EXPECT_EQ(Out({"get", "copy/a.toml"}), "x = 1\ny = 3\n");
  Out({"export", "cc", "--json", "--to", folder + "/cc.json"});
  Out({"import", folder + "/cc.json", "--json", "--prefix", "third/"});
  EXPECT_EQ(Out({"get", "third/b.bin"}), std::string("\x01\xff", 2));
  EXPECT_EQ(Run({"export", "nothing", "--json"}).code, 1);
  EXPECT_EQ(Run({"export", "cc", "--to", folder + "/tree"}).code, 4);  // not empty any more
}

}  // namespace
}  // namespace holdfast::admin
