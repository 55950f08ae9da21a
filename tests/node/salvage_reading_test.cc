#include "node/salvage_reading.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/digest.h"
#include "base/error.h"
#include "storage/memory_disk.h"
#include "storage/memory_file_system.h"

namespace holdfast::node {
namespace {

using storage::SalvageRecord;

constexpr char kDir[] = "/d";

class SalvageReadingTest : public ::testing::Test {
 protected:
  SalvageReadingTest() { EXPECT_TRUE(files_.MakeDirectories(kDir).ok()); }

  // A file whose records have so many bytes each. Returns its name.
  std::string Write(const std::vector<size_t>& sizes, int64_t first = 7) {
    storage::SalvageHeader header;
    header.cluster_id = "c0ffee";
    header.node_id = "dc1-a";
    header.incarnation = "one";
    header.reason = "for the test";
    header.made_at = absl::FromUnixSeconds(1'700'000'000);
    header.ancestor.revision = Revision(first - 1);
    std::vector<SalvageRecord> records;
    ChainHash previous = header.ancestor.chain_hash;
    for (const size_t size : sizes) {
      SalvageRecord record;
      record.bytes = std::string(size, 'r');
      previous = NextChainHash(previous, record.bytes);
      record.position = {Revision(first + static_cast<int64_t>(records.size())), previous};
      record.was_visible = records.empty();
      records.push_back(std::move(record));
    }
    header.first_lost = {records[0].position};
    auto writer = storage::SalvageWriter::Create(&files_, kDir, header);
    EXPECT_TRUE(writer.ok()) << writer.status();
    for (const SalvageRecord& record : records)
      EXPECT_TRUE((*writer)->Add(record.position, record.bytes, record.was_visible).ok());
    const auto path = (*writer)->Finish();
    EXPECT_TRUE(path.ok()) << path.status();
    return path->substr(path->rfind('/') + 1);
  }
  void Damage(const std::string& file) {
    const std::string path = storage::SalvageDirectory(kDir) + "/" + file;
    std::string bytes = *files_.ReadFile(path, 1 << 20);
    bytes[bytes.size() / 2] ^= 1;
    ASSERT_TRUE(files_.Remove(path).ok());
    ASSERT_TRUE(files_.WriteNewFile(path, bytes).ok());
  }

  storage::MemoryDisk disk_;
  storage::MemoryFileSystem files_{&disk_};
};

TEST_F(SalvageReadingTest, ListsWhatEachFileHolds) {
  const std::string first = Write({10, 20, 30});
  const std::string second = Write({5}, 9);
  SalvageListing listing(&files_, kDir, "dc1-a");
  const auto one = listing.Next();
  ASSERT_TRUE(one.ok() && one->has_value()) << one.status();
  EXPECT_EQ((*one)->file(), first);
  EXPECT_EQ((*one)->node_id(), "dc1-a");
  EXPECT_EQ((*one)->cluster_id(), "c0ffee");
  EXPECT_EQ((*one)->ancestor().revision(), 6);
  EXPECT_EQ((*one)->first_lost().revision(), 7);
  EXPECT_EQ((*one)->last_lost().revision(), 9);
  EXPECT_EQ((*one)->record_count(), 3);
  EXPECT_EQ((*one)->visible_count(), 1);
  EXPECT_EQ((*one)->reason(), "for the test");
  EXPECT_EQ((*one)->damage(), "");
  EXPECT_EQ((*one)->size_bytes(), *files_.Size(storage::SalvageDirectory(kDir) + "/" + first));
  const auto two = listing.Next();
  ASSERT_TRUE(two.ok() && two->has_value());
  EXPECT_EQ((*two)->file(), second);
  EXPECT_FALSE(listing.Next()->has_value());
}

TEST_F(SalvageReadingTest, WithoutAnyFileTheListIsEmpty) {
  SalvageListing listing(&files_, kDir, "dc1-a");
  const auto none = listing.Next();
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_FALSE(none->has_value());
}

TEST_F(SalvageReadingTest, ADamagedFileIsListedWithItsDamage) {
  const std::string file = Write({1000});
  Damage(file);
  SalvageListing listing(&files_, kDir, "dc1-a");
  const auto one = listing.Next();
  ASSERT_TRUE(one.ok() && one->has_value()) << one.status();
  EXPECT_EQ((*one)->file(), file);
  EXPECT_NE((*one)->damage(), "");
}

TEST_F(SalvageReadingTest, AFileComesInPartsThatEndWithItsProof) {
  const std::string file = Write({600'000, 600'000, 10, 3'000'000, 10});
  SalvageContent content(&files_, kDir, "dc1-a", file);
  std::vector<int> counts;
  int64_t revision = 7;
  bool complete = false;
  while (true) {
    const auto part = content.Next();
    ASSERT_TRUE(part.ok()) << part.status();
    if (!part->has_value()) break;
    EXPECT_FALSE(complete) << "nothing follows the end";
    EXPECT_EQ((*part)->has_header(), counts.empty());
    for (const v1::SalvageFileRecord& record : (*part)->records())
      EXPECT_EQ(record.position().revision(), revision++);
    counts.push_back((*part)->records_size());
    complete = (*part)->complete();
  }
  EXPECT_TRUE(complete);
  EXPECT_EQ(revision, 12);
  EXPECT_EQ(counts, (std::vector<int>{1, 2, 1, 1}));
}

TEST_F(SalvageReadingTest, ADamagedFileEndsInAnError) {
  const std::string file = Write({1000});
  Damage(file);
  SalvageContent content(&files_, kDir, "dc1-a", file);
  absl::Status status;
  bool complete = false;
  for (int parts = 0; parts < 10 && status.ok() && !complete; ++parts) {
    const auto part = content.Next();
    status = part.status();
    complete = part.ok() && part->has_value() && (*part)->complete();
  }
  EXPECT_FALSE(complete);
  EXPECT_EQ(ReasonOf(status), "DATA_DAMAGED");
}

TEST_F(SalvageReadingTest, OnlyNamesOfSalvageFilesAreRead) {
  Write({10});
  ASSERT_TRUE(files_.WriteNewFile("/d/salvage-secret.hfsalvage", "beside the folder").ok());
  for (const char* name : {"", "node.db", "../salvage-secret.hfsalvage", "salvage-../x.hfsalvage",
                           "salvage-0.8-20231114T221320Z-1.hfsalvage"}) {
    SalvageContent content(&files_, kDir, "dc1-a", name);
    const auto part = content.Next();
    EXPECT_EQ(ReasonOf(part.status()), "SALVAGE_NOT_FOUND") << name;
  }
}

}  // namespace
}  // namespace holdfast::node
