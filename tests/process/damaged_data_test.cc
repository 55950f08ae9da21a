// Damaged database files of real nodes: a replica sets them aside, takes a new incarnation and a fresh
// snapshot; a primary refuses to start and says how to go on. No wrong byte is served meanwhile (I13).
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/process/playground.h"
#include "tests/support/files.h"

namespace holdfast::testing {
namespace {

constexpr char kKey[] = "damage/needle";

std::string Value() {
  std::string value;
  for (int i = 0; i < 300; ++i) absl::StrAppend(&value, "needle-", i, ";");
  return value;
}

// Flips one bit inside the value, wherever the node's files hold it. How many places there were.
int DamageValue(const std::string& data_dir) {
  int places = 0;
  for (const char* const name : {"/data.db", "/data.db-wal"}) {
    std::string bytes = ReadWhole(data_dir + name);
    for (size_t at = bytes.find("needle-7;"); at != std::string::npos; at = bytes.find("needle-7;", at + 1)) {
      bytes[at + 3] = static_cast<char>(bytes[at + 3] ^ 4);
      ++places;
    }
    WriteWhole(data_dir + name, bytes);
  }
  return places;
}

// The same in the file of a running node, which another process must not truncate.
int DamageValueInPlace(const std::string& data_dir) {
  const std::string path = data_dir + "/data.db";
  const std::string bytes = ReadWhole(path);
  int places = 0;
  for (size_t at = bytes.find("needle-7;"); at != std::string::npos; at = bytes.find("needle-7;", at + 1)) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(at + 3));
    file.put(static_cast<char>(bytes[at + 3] ^ 4));
    ++places;
  }
  return places;
}

// How many files `name` has been set aside.
int SetAsideCount(const std::string& data_dir, const std::string& name = "data.db") {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(data_dir)) {
    const std::string file = entry.path().filename().string();
    count += absl::StartsWith(file, name + ".damaged-") && !absl::StrContains(file, "-wal") &&
             !absl::StrContains(file, "-shm");
  }
  return count;
}

void FlipByte(const std::string& path, size_t at) {
  std::string bytes = ReadWhole(path);
  ASSERT_GT(bytes.size(), at);
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  WriteWhole(path, bytes);
}

class DamagedDataTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(playground_.ok()) << playground_.error();
    ASSERT_TRUE(playground_.WaitCommitting(kPatience));
    const CommandResult put = playground_.Holdfast({"put", kKey, Value()});
    ASSERT_EQ(put.exit_status, 0) << put.err;
  }

  // What the node says of the key: the value, or "!" and what went wrong.
  std::string Read(const std::string& node_id, const std::string& key = kKey) {
    v1::GetRequest request;
    request.set_key(key);
    const auto answer = playground_.ClientOf({node_id}, absl::Seconds(2))->Get(request);
    if (!answer.ok()) return absl::StrCat("!", answer.status().message());
    return answer->kv().value();
  }

  Playground playground_;
};

TEST_F(DamagedDataTest, AProxyServesTheRightBytesAgainAndNeverAWrongOne) {
  const std::string proxy = playground_.ids("proxy", "dc2")[0];
  ASSERT_TRUE(Eventually(kPatience, [&] { return Read(proxy) == Value(); })) << playground_.Logs();
  // A restart brings the value from the WAL into the file, and what is written then begins the WAL anew: so
  // the flip lies in a page that only a read will meet.
  playground_.Terminate(proxy);
  playground_.Restart(proxy);
  ASSERT_TRUE(playground_.WaitServing(proxy, kPatience)) << playground_.Logs();
  ASSERT_EQ(playground_.Holdfast({"put", "damage/other", "x"}).exit_status, 0);
  ASSERT_TRUE(Eventually(kPatience, [&] { return Read(proxy, "damage/other") == "x"; }));
  playground_.Kill(proxy);
  ASSERT_GT(DamageValue(playground_.node(proxy).data_dir), 0);
  playground_.Restart(proxy);
  EXPECT_TRUE(Eventually(kPatience, [&] {
    const std::string found = Read(proxy);
    EXPECT_TRUE(found == Value() || absl::StartsWith(found, "!")) << found;
    return found == Value();
  })) << playground_.Logs();
  EXPECT_TRUE(Eventually(kPatience, [&] {
    return playground_.Holdfast({"verify", "--wait", "60s"}).exit_status == 0;
  })) << playground_.Logs();
}

TEST_F(DamagedDataTest, AProxyRepairsItselfWheneverDamageComesBackAndKeepsEachFile) {
  const std::string proxy = playground_.ids("proxy", "dc2")[0];
  const std::string data_dir = playground_.node(proxy).data_dir;
  ASSERT_TRUE(Eventually(kPatience, [&] { return Read(proxy) == Value(); })) << playground_.Logs();
  playground_.Terminate(proxy);
  playground_.Restart(proxy);
  ASSERT_TRUE(playground_.WaitServing(proxy, kPatience)) << playground_.Logs();
  for (int round = 1; round <= 2; ++round) {
    // What was written last is in the file and not in the WAL, after a start as after a repair.
    ASSERT_GT(DamageValueInPlace(data_dir), 0);
    EXPECT_TRUE(Eventually(kPatience, [&] {
      const std::string found = Read(proxy);
      EXPECT_TRUE(found == Value() || absl::StartsWith(found, "!")) << found;
      return found == Value() && SetAsideCount(data_dir) == round;
    })) << playground_.Logs();
  }
  EXPECT_TRUE(absl::StrContains(playground_.Logs(), "damaged data was set aside")) << playground_.Logs();
}

TEST_F(DamagedDataTest, AReplicaWhoseNodeFileIsDamagedComesBackUnderANewIncarnation) {
  for (const char* const role : {"proxy", "standby"}) {
    // No more than one voter of three.
    const std::string node_id = playground_.ids(role, std::string(role) == "proxy" ? "dc1" : "dc2")[0];
    const std::string data_dir = playground_.node(node_id).data_dir;
    playground_.Kill(node_id);
    FlipByte(data_dir + "/node.db", 200);  // the first page: the others are in the WAL
    playground_.Restart(node_id);
    EXPECT_TRUE(Eventually(kPatience, [&] { return SetAsideCount(data_dir, "node.db") == 1; }))
        << role << playground_.Logs();
    EXPECT_TRUE(Eventually(kPatience,
                           [&] {
                             const CommandResult status = playground_.Holdfast({"put", "damage/after", role});
                             return status.exit_status == 0;
                           }))
        << role << playground_.Logs();
  }
  const std::string proxy = playground_.ids("proxy", "dc1")[0];
  EXPECT_TRUE(Eventually(kPatience, [&] { return Read(proxy, "damage/after") == "standby"; }))
      << playground_.Logs();
}

TEST_F(DamagedDataTest, APrimaryWhoseNodeFileIsDamagedRefusesToStartAndSaysHowToGoOn) {
  const Playground::Node primary = playground_.primary();
  playground_.Kill(primary.node_id);
  FlipByte(primary.data_dir + "/node.db", 200);  // the first page: the others are in the WAL
  const std::string bytes = ReadWhole(primary.data_dir + "/node.db");
  playground_.Restart(primary.node_id);
  EXPECT_TRUE(Eventually(kPatience, [&] {
    return absl::StrContains(playground_.Logs(), "If this node was the primary, restore a snapshot");
  })) << playground_.Logs();
  EXPECT_EQ(SetAsideCount(primary.data_dir, "node.db"), 0);
  EXPECT_EQ(ReadWhole(primary.data_dir + "/node.db"), bytes);
}

TEST_F(DamagedDataTest, AProxyWhoseFileWasCutShortServesAgain) {
  const std::string proxy = playground_.ids("proxy", "dc2")[0];
  const std::string data_dir = playground_.node(proxy).data_dir;
  playground_.Kill(proxy);
  std::filesystem::resize_file(data_dir + "/data.db", 5000);
  playground_.Restart(proxy);
  EXPECT_TRUE(Eventually(kPatience, [&] { return Read(proxy) == Value(); })) << playground_.Logs();
}

TEST_F(DamagedDataTest, APrimaryRefusesToStartAndChangesNothing) {
  const Playground::Node primary = playground_.primary();
  playground_.Kill(primary.node_id);
  std::string bytes = ReadWhole(primary.data_dir + "/data.db-wal");
  ASSERT_GT(bytes.size(), 200u);
  bytes[10] = static_cast<char>(bytes[10] ^ 1);  // the header of the WAL
  WriteWhole(primary.data_dir + "/data.db-wal", bytes);
  playground_.Restart(primary.node_id);
  EXPECT_TRUE(Eventually(kPatience, [&] {
    return absl::StrContains(playground_.Logs(), "holdfast snapshot restore");
  })) << playground_.Logs();
  EXPECT_EQ(SetAsideCount(primary.data_dir), 0);
  EXPECT_EQ(ReadWhole(primary.data_dir + "/data.db-wal"), bytes);
}

}  // namespace
}  // namespace holdfast::testing
