#include <regex>

#include "gmock/gmock.h"
#include "tests/admin/fake_cluster.h"
#include "tests/support/files.h"

namespace holdfast::admin {
namespace {

using ::testing::HasSubstr;

class CliChangeTest : public FakeClusterTest {
 protected:
  // A folder with `count` documents.
  std::string FolderOf(int count) {
    const std::string folder = TemporaryFolder();
    for (int i = 0; i < count; ++i)
      testing::WriteWhole(folder + "/d" + std::to_string(i), "document " + std::to_string(i));
    return folder;
  }
};

TEST_F(CliChangeTest, PutGoesToThePrimaryByItselfAndSaysTheRevision) {
  EXPECT_EQ(Out({"put", "a", "1"}), "put a at revision 0.3, held by 2 voters\n");
  EXPECT_EQ(Run({"put", "a", "--file", "-"}, "from stdin").code, 0);
  EXPECT_EQ(Out({"get", "a"}), "from stdin");
  EXPECT_EQ(Out({"put", "empty", ""}), "put empty at revision 0.5, held by 2 voters\n");
  EXPECT_EQ(Out({"get", "empty"}), "");
}

TEST_F(CliChangeTest, APreconditionThatFailsIsExitCodeFourAndChangesNothing) {
  Out({"put", "a", "1"});
  EXPECT_EQ(Run({"put", "a", "2", "--if-absent"}).code, 4);
  EXPECT_EQ(Run({"put", "a", "2", "--if-revision", "0.9"}).code, 4);
  EXPECT_EQ(Out({"get", "a"}), "1");
  EXPECT_EQ(Run({"put", "a", "2", "--if-revision", "0.3"}).code, 0);
}

TEST_F(CliChangeTest, DeleteTakesKeysOrAPrefix) {
  Out({"put", "p/a", "1"});
  Out({"put", "p/b", "1"});
  Out({"put", "q", "1"});
  EXPECT_EQ(Out({"delete", "q"}), "deleted q at revision 0.6, held by 2 voters\n");
  EXPECT_EQ(Run({"delete", "q"}).code, 1);
  EXPECT_EQ(Out({"delete", "--prefix", "p/"}), "deleted 2 keys at revision 0.7, held by 2 voters\n");
  EXPECT_EQ(Run({"delete", "--prefix", "p/"}).code, 1);
}

TEST_F(CliChangeTest, CommitReadsADocumentFromStandardInput) {
  const std::string document = R"({"changes": [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}],
                                   "preconditions": [{"key": "a", "absent": true}]})";
  EXPECT_EQ(Run({"commit", "-"}, document).out, "committed 2 changes at revision 0.3, held by 2 voters\n");
  EXPECT_EQ(Run({"commit", "-"}, document).code, 4);
  EXPECT_EQ(Run({"commit", "-"}, "{").code, 4);
}

TEST_F(CliChangeTest, TheSameRequestIdIsCommittedOnce) {
  const std::vector<std::string> put = {"put", "a", "1", "--request-id",
                                        "0193a5b0-7c00-7abc-8def-0123456789ab"};
  Out(put);
  EXPECT_THAT(Out(put), HasSubstr("(it had been committed before)"));
  EXPECT_EQ(store_.commit_count(), 2);
}

TEST_F(CliChangeTest, ImportPutsOneKeyForEachFile) {
  EXPECT_EQ(Out({"import", FolderOf(5), "--prefix", "cc"}),
            "imported 5 documents (50 B) in 1 commit, up to revision 0.3\n");
  EXPECT_EQ(Out({"get", "cc/d3"}), "document 3");
}

TEST_F(CliChangeTest, AnImportWithOneBadKeyCommitsNothingAndNamesIt) {
  const std::string folder = FolderOf(3);
  testing::WriteWhole(folder + "/bad\x01name", "");
  const Outcome outcome = Run({"import", folder, "--prefix", "cc"});
  EXPECT_EQ(outcome.code, 4);
  EXPECT_THAT(outcome.err,
              HasSubstr("nothing was imported:\n  cc/bad\\x01name: the key must not contain control"));
  EXPECT_EQ(store_.commit_count(), 1);
}

TEST_F(CliChangeTest, AnInterruptedImportIsIncompleteAndItsOwnLineGoesOnWithIt) {
  const std::string folder = FolderOf(10);
  store_.RefuseAfter(3);  // the inventory, and two batches
  const Outcome stopped = Run({"import", folder, "--prefix", "cc", "--batch-keys", "3"});
  EXPECT_EQ(stopped.code, 6);
  EXPECT_THAT(stopped.err, HasSubstr("INCOMPLETE: 6 of 10 documents are imported, 4 are left"));
  std::smatch id;
  ASSERT_TRUE(std::regex_search(stopped.err, id, std::regex("--resume ([0-9a-f-]{36})")));
  store_.RefuseAfter(100);
  EXPECT_EQ(Out({"import", folder, "--prefix", "cc", "--batch-keys", "3", "--resume", id[1]}),
            "imported 10 documents (100 B) in 4 commits, up to revision 0.6; 2 of them had been committed "
            "before\n");
  EXPECT_EQ(store_.commit_count(), 5);
}

TEST_F(CliChangeTest, TheLineThatResumesAnImportSaysWhoAndWhy) {
  const std::string folder = FolderOf(10);
  store_.RefuseAfter(3);
  const Outcome stopped =
      Run({"import", folder, "--prefix", "cc", "--batch-keys", "3", "-m", "Olga's move", "--author", "olga"});
  EXPECT_THAT(stopped.err, HasSubstr("holdfast import '" + folder + "' --prefix 'cc' --resume "));
  EXPECT_THAT(stopped.err, HasSubstr(" --batch-keys 3 -m 'Olga'\\''s move' --author 'olga'\n"));
}

TEST_F(CliChangeTest, TheSameImportAgainGoesOnAndCommitsNothingTwice) {
  const std::string folder = FolderOf(10);
  const std::vector<std::string> import = {"import", folder, "--prefix", "cc", "--batch-keys", "3"};
  store_.RefuseAfter(3);  // the inventory, and two batches
  EXPECT_EQ(Run(import).code, 6);
  EXPECT_THAT(Run(import).err, HasSubstr("INCOMPLETE: 6 of 10 documents are imported, 4 are left"));
  store_.RefuseAfter(100);
  EXPECT_EQ(Out(import),
            "imported 4 documents (40 B) in 2 commits, up to revision 0.6; 6 more were there already\n");
  EXPECT_EQ(Out(import), "all 10 documents were there already; nothing was committed\n");
  EXPECT_EQ(store_.commit_count(), 5);
}

TEST_F(CliChangeTest, AnImportCommitsOnlyWhatDiffers) {
  const std::string folder = FolderOf(30);
  Out({"import", folder, "--prefix", "cc"});
  Out({"put", "cc/d17", "somebody else's"});
  Out({"delete", "cc/d8"});
  Out({"put", "cc/d17x", "between two documents"});
  EXPECT_THAT(Out({"import", folder, "--prefix", "cc"}),
              HasSubstr("imported 2 documents (21 B) in 1 commit"));
  EXPECT_EQ(Out({"get", "cc/d17"}), "document 17");
  EXPECT_EQ(Out({"get", "cc/d8"}), "document 8");
  EXPECT_EQ(Out({"get", "cc/d17x"}), "between two documents");
}

TEST_F(CliChangeTest, AnImportThatCannotBeginIsRefusedNotIncomplete) {
  store_.RefuseAfter(1);
  const Outcome outcome = Run({"import", FolderOf(2), "--prefix", "cc"});
  EXPECT_EQ(outcome.code, 4);
  EXPECT_THAT(outcome.err, HasSubstr("nothing was imported"));
}

TEST_F(CliChangeTest, RollbackRestoresAPrefixInOneCommit) {
  Out({"put", "p/a", "1"});
  Out({"put", "p/b", "1"});
  Out({"put", "p/a", "2"});
  Out({"delete", "p/b"});
  Out({"put", "p/new", "1"});
  EXPECT_EQ(Out({"rollback", "p/", "--to", "0.4", "--dry-run"}),
            "~ p/a  (1 B -> 1 B)\n+ p/b  (1 B)\n- p/new  (1 B)\n");
  EXPECT_EQ(Out({"rollback", "p/", "--to", "0.4"}),
            "rolled back 3 keys to 0.4 at revision 0.8, held by 2 voters\n");
  EXPECT_EQ(Out({"get", "p/a"}), "1");
  EXPECT_EQ(Run({"get", "p/new"}).code, 1);
  EXPECT_EQ(Out({"rollback", "p/", "--to", "0.4"}), "nothing differs from revision 0.4\n");
}

}  // namespace
}  // namespace holdfast::admin
