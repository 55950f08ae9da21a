#include "storage/salvage_codec.h"

#include "base/error.h"
#include "gtest/gtest.h"

namespace holdfast::storage {
namespace {

SalvageRecord RecordAfter(const Position& previous, const std::string& bytes) {
  SalvageRecord record;
  record.bytes = bytes;
  record.position = {Revision(0, previous.revision.index() + 1), NextChainHash(previous.chain_hash, bytes)};
  record.was_visible = true;
  return record;
}

TEST(SalvageCodecTest, HeaderAndRecordsComeBackAsTheyWere) {
  SalvageHeader header;
  header.cluster_id = "c0ffee";
  header.node_id = "dc1-a";
  header.incarnation = "one";
  header.reason = "a test";
  header.made_at = absl::FromUnixMicros(1'700'000'000'123'456);
  const SalvageRecord record = RecordAfter(header.ancestor, "bytes");
  header.first_lost = {record.position};
  const auto header_again = FromProto(ToProto(header));
  ASSERT_TRUE(header_again.ok()) << header_again.status();
  EXPECT_EQ(header_again->cluster_id, "c0ffee");
  EXPECT_EQ(header_again->made_at, header.made_at);
  EXPECT_TRUE(header_again->ancestor.revision.is_zero());
  EXPECT_EQ(header_again->first_lost, header.first_lost);
  const auto record_again = FromProto(ToProto(record));
  ASSERT_TRUE(record_again.ok()) << record_again.status();
  EXPECT_EQ(record_again->position, record.position);
  EXPECT_EQ(record_again->bytes, "bytes");
  EXPECT_TRUE(record_again->was_visible);
}

TEST(SalvageCodecTest, PositionsThatAreNoneAreRefused) {
  v1::SalvageFileRecord record;
  record.mutable_position()->set_revision(4);
  record.mutable_position()->set_chain_hash("short");
  EXPECT_EQ(ReasonOf(FromProto(record).status()), "CHAIN_BROKEN");
  EXPECT_EQ(ReasonOf(FromProto(v1::SalvageFileHeader()).status()), "CHAIN_BROKEN") << "nothing is lost in it";
}

TEST(SalvageCodecTest, ANeighbourMustFollowByItsHash) {
  const Position ancestor{Revision(0, 3), NextChainHash({}, "three")};
  SalvageRecord next = RecordAfter(ancestor, "four");
  EXPECT_TRUE(MayFollow(ancestor, next));
  next.bytes = "five";
  EXPECT_FALSE(MayFollow(ancestor, next));
  EXPECT_TRUE(MayFollow(Position{}, next)) << "nobody can tell of what is apart";
}

TEST(SalvageCodecTest, OnlyTheNameOfASalvageFileIsOne) {
  EXPECT_TRUE(IsSalvageFileName("salvage-0.14-20261122T210152Z-1.hfsalvage"));
  for (const char* name : {"", ".hfsalvage", "salvage-0.14", "salvage-a/b.hfsalvage", "other-0.14.hfsalvage",
                           "salvage-0.14.hfsalvage.partial"}) {
    EXPECT_FALSE(IsSalvageFileName(name)) << name;
  }
  EXPECT_FALSE(IsSalvageFileName("salvage-" + std::string(200, 'x') + ".hfsalvage"));
}

}  // namespace
}  // namespace holdfast::storage
