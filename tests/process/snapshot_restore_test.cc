// `holdfast snapshot save` from a running node, `snapshot restore` into a new data directory, and a node that
// serves from it: what it answers is what the cluster answered, byte for byte, with the cluster gone.
#include <gtest/gtest.h>
#include <signal.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/connect.h"
#include "tests/process/playground.h"
#include "tests/support/files.h"

namespace holdfast::testing {
namespace {

class SnapshotRestoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(playground_.ok()) << playground_.error();
    ASSERT_TRUE(playground_.WaitCommitting(kPatience));
    client_ = playground_.ClientOf({playground_.primary().node_id});
    first_ = Put("documents/one", "first");
    Put("documents/two", std::string(100'000, 'x') + std::string("\0\xff", 2));
    Put("documents/one", "second");
    last_ = Put("documents/empty", "");
  }
  ~SnapshotRestoreTest() override {
    if (restored_pid_ > 0) StopProcess(restored_pid_, SIGKILL, kPatience);
  }

  int64_t Put(const std::string& key, const std::string& value) {
    v1::CommitRequest request;
    v1::Mutation& mutation = *request.add_mutations();
    mutation.set_key(key);
    mutation.set_put(value);
    const auto answer = client_->Commit(request);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? answer->revision() : 0;
  }

  // Every key there is at a revision, the cluster's own included, as the bytes of its messages.
  static std::string Everything(client::Client& client, int64_t at_revision) {
    std::string all;
    v1::ListRequest request;
    request.set_key("");
    request.set_range_end(std::string(1, '\0'));
    request.mutable_options()->set_at_revision(at_revision);
    const auto listed = client.ListAll(request, [&](v1::KeyValue& kv) {
      absl::StrAppend(&all, kv.SerializeAsString(), "\n");
      return absl::OkStatus();
    });
    return listed.ok() ? all : absl::StrCat("!", listed.status().ToString());
  }

  std::string Path(const std::string& name) const { return absl::StrCat(playground_.directory(), "/", name); }

  CommandResult Save(const std::string& file) {
    CommandResult saved;
    // A proxy that has not got that far yet would give an older one.
    const std::string proxy = playground_.ids("proxy", "dc2")[0];
    v1::GetRequest request;
    request.set_key("documents/empty");
    EXPECT_TRUE(Eventually(
        kPatience, [&] { return playground_.ClientOf({proxy}, absl::Seconds(2))->Get(request).ok(); }));
    return playground_.Holdfast({"snapshot", "save", file, "--from", proxy});
  }
  CommandResult Restore(const std::string& file, const std::string& data_dir) {
    return playground_.Holdfast({"snapshot", "restore", file, "--data-dir", data_dir});
  }

  // Starts a proxy of its own on a directory of the cluster's, which knows of nobody else.
  std::unique_ptr<client::Client> Start(const std::string& data_dir) {
    const std::string address = FreeAddresses(1)[0];
    const std::string file = playground_.WriteNodeFile(
        {.name = data_dir, .node_id = "restored", .site = "dc9", .client_address = address});
    restored_pid_ = Spawn({Program("holdfast-proxy"), "--config", file}, Path(data_dir + ".log"));
    client::Options options;
    options.endpoints = {address};
    options.timeout = absl::Seconds(2);
    auto client = client::Connect(std::move(options), playground_.client_tls());
    EXPECT_TRUE(client.ok()) << client.status();
    return *std::move(client);
  }

  Playground playground_;
  std::unique_ptr<client::Client> client_;
  int64_t first_ = 0;
  int64_t last_ = 0;
  pid_t restored_pid_ = 0;
};

TEST_F(SnapshotRestoreTest, ARestoredDirectoryServesTheSameBytesWithTheClusterGone) {
  const CommandResult saved = Save(Path("backup.hfsnap"));
  ASSERT_EQ(saved.exit_status, 0) << saved.out << saved.err << playground_.Logs();
  const std::string now = Everything(*client_, last_);
  const std::string before = Everything(*client_, first_);
  ASSERT_TRUE(absl::StrContains(now, "second") && absl::StrContains(before, "first")) << now.substr(0, 500);
  for (const char* const role : {"primary", "standby", "proxy"}) {
    for (const std::string& node_id : playground_.ids(role)) playground_.Kill(node_id);
  }

  const CommandResult restored = Restore(Path("backup.hfsnap"), Path("restored"));
  ASSERT_EQ(restored.exit_status, 0) << restored.out << restored.err;
  EXPECT_TRUE(absl::StrContains(restored.out, "no voter")) << restored.out;
  const auto client = Start("restored");
  EXPECT_TRUE(Eventually(kPatience, [&] { return Everything(*client, last_) == now; }))
      << Everything(*client, last_).substr(0, 500) << playground_.Logs();
  EXPECT_EQ(Everything(*client, first_), before);
}

TEST_F(SnapshotRestoreTest, RefusesWhatItMustNotTouchOrBelieveAndLeavesNothingBehind) {
  const std::string archive = Path("backup.hfsnap");
  ASSERT_EQ(Save(archive).exit_status, 0) << playground_.Logs();
  const std::string bytes = ReadWhole(archive);
  const auto refuses = [&](const std::string& file, const std::string& data_dir, const std::string& why) {
    const CommandResult refused = Restore(file, data_dir);
    EXPECT_NE(refused.exit_status, 0) << refused.out;
    EXPECT_TRUE(absl::StrContains(refused.out + refused.err, why)) << refused.out << refused.err;
  };

  // A directory that holds a node's data.
  const std::string proxy_dir = playground_.node(playground_.ids("proxy", "dc1")[0]).data_dir;
  refuses(archive, proxy_dir, "not empty");
  // A save does not overwrite either.
  EXPECT_NE(Save(archive).exit_status, 0);
  EXPECT_EQ(ReadWhole(archive), bytes);
  // A flipped bit in the manifest, in the middle and at the end; a file that ends early.
  for (const size_t at : {size_t{40}, bytes.size() / 2, bytes.size() - 1}) {
    std::string altered = bytes;
    altered[at] = static_cast<char>(altered[at] ^ 8);
    WriteWhole(Path("altered.hfsnap"), altered);
    refuses(Path("altered.hfsnap"), Path("fresh"), "altered");
  }
  WriteWhole(Path("short.hfsnap"), bytes.substr(0, bytes.size() - 100));
  refuses(Path("short.hfsnap"), Path("fresh"), "short.hfsnap");
  // Of a release to come.
  std::string newer = bytes;
  newer[8] = static_cast<char>(newer[8] + 1);
  WriteWhole(Path("newer.hfsnap"), newer);
  refuses(Path("newer.hfsnap"), Path("fresh"), "newer release");
  refuses(Path("absent.hfsnap"), Path("fresh"), "absent.hfsnap");
  // Nothing of all this stands in the way of the right file.
  const CommandResult restored = Restore(archive, Path("fresh"));
  EXPECT_EQ(restored.exit_status, 0) << restored.out << restored.err;
}

}  // namespace
}  // namespace holdfast::testing
