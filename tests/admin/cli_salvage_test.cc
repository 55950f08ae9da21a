#include <gmock/gmock.h>
#include <stdlib.h>

#include "google/protobuf/util/json_util.h"
#include "storage/salvage_file.h"
#include "tests/admin/fake_cluster.h"
#include "tests/admin/golden.h"
#include "tests/admin/salvage_sample.h"

namespace holdfast::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kName[] = "dc1-a/salvage-0.4-20231114T222000Z-1";

// Both histories share 0.3. Then dc1-a alone had 0.4 to 0.7, while the present history has 0.4 and 0.5.
class CliSalvageTest : public FakeClusterTest {
 protected:
  CliSalvageTest() {
    EXPECT_EQ(setenv("TZ", "UTC", 1), 0);
    Commit("bob", "11", {{"cc/limit", "50"}, {"cc/queue", "name = billing\nstrategy = fifo\n"}});
    Commit("dave", "12", {{"cc/queue", "name = billing\nstrategy = fifo\nlimit = 9\n"}});
    Commit("alice", SalvageSample::ClientRequestId(6), {{"cc/again", "v1"}});
    sample_.Commit({{"cc/limit", "100"}}, "raise the limit")
        .Commit({{"cc/queue", "name = billing\nstrategy = lifo\n"}})
        .Commit({{"cc/again", "v1"}})
        .Settings();
    Serve(*primary_);
  }

  void Commit(const std::string& author, const std::string& request_id,
              const SalvageSample::Changes& changes) {
    v1::CommitRequest request;
    request.set_author(author);
    request.set_request_id(request_id);
    for (const auto& [key, value] : changes) {
      v1::Mutation& mutation = *request.add_mutations();
      mutation.set_key(key);
      mutation.set_put(value);
    }
    EXPECT_TRUE(store_.Commit(request).ok());
  }
  void Serve(FakeNode& node) {
    node.salvage_files = {sample_.Summary(node.info().node_id())};
    node.salvage_content[SalvageSample::kFile] = sample_.Messages();
  }
  void Register(const std::string& node_id) {
    std::string json;
    EXPECT_TRUE(google::protobuf::util::MessageToJsonString(sample_.Summary(node_id), &json).ok());
    Commit("", "register " + node_id, {{"_holdfast/salvage/" + node_id + "/" + SalvageSample::kFile, json}});
  }
  std::string Value(const std::string& key) {
    v1::GetRequest request;
    request.set_key(key);
    const auto answer = store_.Get(request);
    return answer.ok() ? answer->kv().value() : "(none)";
  }
  v1::HistoryEntry Newest() {
    v1::HistoryRequest request;
    request.set_key("cc/");
    request.set_range_end("cc0");
    const auto answer = store_.History(request);
    return answer.ok() && answer->entries_size() > 0 ? answer->entries(0) : v1::HistoryEntry();
  }
  // The same records in a file of this machine.
  std::string WriteFile() {
    const std::string folder = TemporaryFolder();
    auto writer = storage::SalvageWriter::Create(storage::PosixFileSystem(), folder, sample_.Header());
    EXPECT_TRUE(writer.ok()) << writer.status();
    for (const storage::SalvageRecord& record : sample_.stored())
      EXPECT_TRUE((*writer)->Add(record.position, record.bytes, record.was_visible).ok());
    const auto path = (*writer)->Finish();
    EXPECT_TRUE(path.ok()) << path.status();
    return *path;
  }

  SalvageSample sample_;
};

TEST_F(CliSalvageTest, ListShowsEachFileAndWhichHoldTheSame) {
  Register("dc1-a");
  Serve(*proxy_);
  const std::string text = Out({"salvage", "list"});
  ExpectGolden("salvage_list", text);
}

TEST_F(CliSalvageTest, ListKnowsWhatIsRegisteredOfANodeThatIsAway) {
  Register("dc1-a");
  primary_->Stop();
  const Outcome outcome = Run({"salvage", "list"});
  EXPECT_EQ(outcome.code, 3);
  EXPECT_THAT(outcome.out, HasSubstr("dc1-a/salvage-0.4-20231114T222000Z-1  0.4        0.3          4     0  "
                                     "registered; node away\n"));
  EXPECT_EQ(outcome.err,
            "holdfast: dc1-a cannot be reached; of its files, only those that are registered are known\n");
  const Outcome diff = Run({"salvage", "diff", kName});
  EXPECT_EQ(diff.code, 3);
  EXPECT_THAT(diff.err, HasSubstr("give its path"));
}

TEST_F(CliSalvageTest, ListTellsANodeThatIsAwayFromAFileThatIsGone) {
  Register("dc1-a");
  primary_->salvage_files.clear();
  EXPECT_THAT(Out({"salvage", "list"}), HasSubstr("  registered; not there\n"));
}

TEST_F(CliSalvageTest, ListSaysThatThereIsNothing) {
  primary_->salvage_files.clear();
  EXPECT_EQ(Out({"salvage", "list"}), "no salvage files\n");
}

TEST_F(CliSalvageTest, ListNamesADamagedFile) {
  primary_->salvage_files[0].set_damage("record 2 does not match its chain hash");
  const std::string text = Out({"salvage", "list"});
  EXPECT_THAT(text, HasSubstr("DAMAGED\n"));
  EXPECT_THAT(text, HasSubstr(std::string(kName) + "\n  record 2 does not match its chain hash\n"));
}

TEST_F(CliSalvageTest, ShowHasWhatEachRecordDid) {
  const std::string text = Out({"salvage", "show", kName});
  ExpectGolden("salvage_show", text);
}

TEST_F(CliSalvageTest, AFileOfThisMachineNeedsNoNode) {
  const std::string path = WriteFile();
  for (FakeNode* node : {primary_.get(), standby_.get(), proxy_.get()}) node->Stop();
  const std::string text = Out({"salvage", "show", path, "--deadline", "1s"});
  EXPECT_THAT(text, StartsWith(path + "\n4 records that dc1-a held"));
  EXPECT_THAT(text, HasSubstr("  ~ cc/limit: (not known here) -> 100\n"));
}

TEST_F(CliSalvageTest, DiffSortsAndShowsConflictsSideBySide) {
  const Outcome outcome = Run({"salvage", "diff", kName});
  EXPECT_EQ(outcome.code, 1) << outcome.err;
  ExpectGolden("salvage_diff", outcome.out);
}

TEST_F(CliSalvageTest, DiffSaysWhereTheBaseIsCompacted) {
  store_.CompactTo(4);
  const Outcome outcome = Run({"salvage", "diff", kName});
  EXPECT_EQ(outcome.code, 1) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("(compacted: not known)"));
  EXPECT_THAT(outcome.out, HasSubstr("    cc/limit: nobody has changed it since\n"));
}

TEST_F(CliSalvageTest, DiffAsJsonHasAllOfEachValue) {
  const std::string json = Run({"salvage", "diff", kName, "-o", "json"}).out;
  for (const char* part :
       {"\"sort\": \"clean\"", "\"sort\": \"already_present\"", "\"sort\": \"not_configuration\"",
        "\"present_at\": 5", "\"overwrite_newer\": \"0.5=0.4\"", "\"author\": \"alice\"",
        "\"value\": \"name = billing\\nstrategy = fifo\\nlimit = 9\\n\"", "\"read_revision\": 5"}) {
    EXPECT_THAT(json, HasSubstr(part));
  }
}

TEST_F(CliSalvageTest, ApplyCommitsWhatIsCleanAndLeavesConflicts) {
  const Outcome outcome = Run({"salvage", "apply", kName});
  EXPECT_EQ(outcome.code, 6) << outcome.err;
  ExpectGolden("salvage_apply", outcome.out);
  EXPECT_EQ(Value("cc/limit"), "100");
  EXPECT_THAT(Value("cc/queue"), HasSubstr("limit = 9"));
  EXPECT_EQ(Newest().author(), "olga@desk");
  EXPECT_EQ(Newest().message(), "salvaged 0.4 of dc1-a (alice, 2023-11-14T22:13:24Z): raise the limit");
}

TEST_F(CliSalvageTest, ApplyingTwiceDoesNothingTwice) {
  Run({"salvage", "apply", kName});
  Commit("dave", "later", {{"cc/limit", "75"}});  // on purpose, after it
  const int commits = store_.commit_count();
  const Outcome again = Run({"salvage", "apply", kName});
  EXPECT_THAT(again.out, HasSubstr("0.4   alice   cc/limit  already present as 0.6\n"));
  EXPECT_EQ(store_.commit_count(), commits);
  EXPECT_EQ(Value("cc/limit"), "75");
}

TEST_F(CliSalvageTest, ADryRunCommitsNothing) {
  const int commits = store_.commit_count();
  const Outcome outcome = Run({"salvage", "apply", kName, "--dry-run"});
  EXPECT_EQ(outcome.code, 6);
  ExpectGolden("salvage_apply_dry_run", outcome.out);
  EXPECT_EQ(store_.commit_count(), commits);
}

TEST_F(CliSalvageTest, OnlyWhatIsNamedIsApplied) {
  const int commits = store_.commit_count();
  Outcome outcome = Run({"salvage", "apply", kName, "--only", "cc/again"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("0.4   alice   cc/limit  not chosen\n"));
  EXPECT_EQ(store_.commit_count(), commits);
  outcome = Run({"salvage", "apply", kName, "--only", "0.4"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(Value("cc/limit"), "100");
  EXPECT_EQ(Run({"salvage", "apply", kName, "--only", "no/such"}).code, 2);
}

TEST_F(CliSalvageTest, AConflictIsOverwrittenOnlyByNameAndAsItWasSeen) {
  Outcome outcome = Run({"salvage", "apply", kName, "--overwrite-newer", "0.5=0.3"});
  EXPECT_EQ(outcome.code, 4);
  EXPECT_THAT(outcome.err, HasSubstr("0.5 would overwrite 0.4, not 0.3"));
  outcome = Run({"salvage", "apply", kName, "--overwrite-newer", "0.4=0.4"});
  EXPECT_EQ(outcome.code, 4);
  EXPECT_THAT(outcome.err, HasSubstr("0.4 is in no conflict"));
  EXPECT_EQ(Run({"salvage", "apply", kName, "--overwrite-newer", "0.5"}).code, 2);
  EXPECT_THAT(Value("cc/queue"), HasSubstr("limit = 9"));
  EXPECT_EQ(Value("cc/limit"), "50");

  outcome = Run({"salvage", "apply", kName, "--overwrite-newer", "0.5=0.4"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  ExpectGolden("salvage_apply_overwritten", outcome.out);
  EXPECT_THAT(Value("cc/queue"), HasSubstr("lifo"));
  EXPECT_THAT(Newest().message(), StartsWith("salvaged 0.5 of dc1-a over 0.4 (alice, "));
}

TEST_F(CliSalvageTest, ARunThatIsStoppedSaysWhatIsLeft) {
  store_.RefuseAfter(store_.commit_count());
  Outcome outcome = Run({"salvage", "apply", kName});
  EXPECT_EQ(outcome.code, 4);
  ExpectGolden("salvage_apply_stopped", outcome.out);
  EXPECT_THAT(outcome.err, HasSubstr("[NO_PRIMARY]; the same command goes on"));
  store_.RefuseAfter(store_.commit_count() + 1);
  outcome = Run({"salvage", "apply", kName, "--overwrite-newer", "0.5=0.4"});
  EXPECT_EQ(outcome.code, 6);
  EXPECT_THAT(outcome.out, HasSubstr("cc/limit  applied as 0.6\n"));
}

TEST_F(CliSalvageTest, ANameWithoutItsNodeWillDoWhereOneNodeHasIt) {
  EXPECT_EQ(Run({"salvage", "diff", "salvage-0.4-20231114T222000Z-1"}).code, 1);
  EXPECT_EQ(Run({"salvage", "diff", SalvageSample::kFile}).code, 1);
  Serve(*proxy_);
  const Outcome outcome = Run({"salvage", "diff", SalvageSample::kFile});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("2 nodes have a file of this name"));
}

TEST_F(CliSalvageTest, WhatIsNoFileIsNotFound) {
  EXPECT_EQ(Run({"salvage", "show", "dc1-a/no-such"}).code, 1);
  EXPECT_EQ(Run({"salvage", "show", "no-such"}).code, 1);
  EXPECT_EQ(Run({"salvage", "show", "no-node/no-such"}).code, 1);
  standby_->Stop();
  const Outcome outcome = Run({"salvage", "show", "no-such"});
  EXPECT_EQ(outcome.code, 3) << "it may be there";
  EXPECT_THAT(outcome.err, HasSubstr("dc2-a could not be asked"));
}

TEST_F(CliSalvageTest, RecordsOfAnotherClusterAreRefused) {
  sample_.header().cluster_id = "decaf";
  Serve(*primary_);
  const Outcome outcome = Run({"salvage", "apply", kName});
  EXPECT_EQ(outcome.code, 4);
  EXPECT_THAT(outcome.err, HasSubstr("[WRONG_CLUSTER]"));
  EXPECT_EQ(Value("cc/limit"), "50");
}

TEST_F(CliSalvageTest, WhatIsDamagedOrCutShortIsRefused) {
  auto& content = primary_->salvage_content[SalvageSample::kFile];
  content.pop_back();  // the end, which proves the whole
  Outcome outcome = Run({"salvage", "apply", kName});
  EXPECT_EQ(outcome.code, 7);
  EXPECT_THAT(outcome.err, HasSubstr("ended before the end of the file"));
  content = sample_.Messages();
  content[2].mutable_records(0)->mutable_record()->append("\x52\x01x");
  outcome = Run({"salvage", "apply", kName});
  EXPECT_EQ(outcome.code, 7);
  EXPECT_THAT(outcome.err, HasSubstr("record 0.5 does not match its chain hash"));
  EXPECT_EQ(Value("cc/limit"), "50");
}

TEST_F(CliSalvageTest, ListAsJsonNamesWhoCouldNotBeAsked) {
  Register("dc1-a");
  standby_->Stop();
  const Outcome outcome = Run({"salvage", "list", "-o", "json"});
  EXPECT_EQ(outcome.code, 3);
  for (const char* part : {"\"name\": \"dc1-a/salvage-0.4-20231114T222000Z-1\"", "\"registered\": true",
                           "\"held\": true", "\"node_id\": \"dc2-a\"", "\"reason\": \"UNREACHABLE\""}) {
    EXPECT_THAT(outcome.out, HasSubstr(part));
  }
  EXPECT_THAT(outcome.out, Not(HasSubstr("damage")));
}

}  // namespace
}  // namespace holdfast::admin
