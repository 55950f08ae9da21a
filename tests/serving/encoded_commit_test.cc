#include "serving/encoded_commit.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "serving/watch_sink.h"
#include "tests/storage/store_fixture.h"

namespace holdfast::serving {
namespace {

using storage::Delete;
using storage::LogRecord;
using storage::Put;

LogRecord Record() {
  LogRecord record;
  record.position.revision = Revision(3, 1024);
  *record.message.add_changes() = Put("a", "");
  *record.message.add_changes() = Put("b/1", std::string(300, 'v'));
  *record.message.add_changes() = Delete("b/2");
  *record.message.add_changes() = Put("c", std::string("\0\xff", 2));
  record.effects = {{Revision(3, 1024).number(), 1, 0}, {7, 12345678901, 99}, {0, 0, 5}, {1, 2, 1}};
  return record;
}

v1::WatchResponse Parse(absl::string_view bytes) {
  v1::WatchResponse response;
  EXPECT_TRUE(response.ParseFromString(std::string(bytes)));
  return response;
}

TEST(EncodedCommitTest, IsWhatProtobufWouldWrite) {
  const EncodedCommitPtr commit = EncodedCommit::Of(Record());
  const v1::WatchResponse response = Parse(commit->bytes(0, 4));
  EXPECT_EQ(response.SerializeAsString(), commit->bytes(0, 4));
  ASSERT_EQ(response.events_size(), 4);
  EXPECT_EQ(response.events(0).kv().key(), "a");
  EXPECT_EQ(response.events(0).kv().create_revision(), Revision(3, 1024).number());
  EXPECT_EQ(response.events(1).kv().value(), std::string(300, 'v'));
  EXPECT_EQ(response.events(1).kv().version(), 12345678901);
  EXPECT_EQ(response.events(1).kv().mod_revision(), Revision(3, 1024).number());
  EXPECT_TRUE(response.events(2).deleted());
  EXPECT_EQ(response.events(2).kv().create_revision(), 0);
  EXPECT_EQ(response.events(3).kv().value(), std::string("\0\xff", 2));
}

TEST(EncodedCommitTest, AnyRunOfEventsIsAMessageOfItsOwn) {
  const EncodedCommitPtr commit = EncodedCommit::Of(Record());
  for (size_t begin = 0; begin <= 4; ++begin) {
    for (size_t end = begin; end <= 4; ++end)
      EXPECT_EQ(Parse(commit->bytes(begin, end)).events_size(), static_cast<int>(end - begin));
  }
  EXPECT_EQ(commit->key(2), "b/2");
  EXPECT_TRUE(commit->deleted(2));
}

TEST(EncodedCommitTest, FindsTheRunOfARange) {
  const EncodedCommitPtr commit = EncodedCommit::Of(Record());
  EXPECT_EQ(commit->Matching(KeyRange("b/", "b0")), (std::pair<size_t, size_t>(1, 3)));
  EXPECT_EQ(commit->Matching(KeyRange("c", "")), (std::pair<size_t, size_t>(3, 4)));
  EXPECT_EQ(commit->Matching(KeyRange("", std::string(1, '\0'))), (std::pair<size_t, size_t>(0, 4)));
  const auto [begin, end] = commit->Matching(KeyRange("bb", "bc"));
  EXPECT_EQ(begin, end);
}

TEST(EncodedCommitTest, KeepsTheNumbersOfTheChangesWhenFiltered) {
  const KeyRange range("b/", "b0");
  const EncodedCommitPtr part = EncodedCommit::Of(Record(), range);
  EXPECT_EQ(part->begin_index(), 1u);
  EXPECT_EQ(part->end_index(), 3u);
  EXPECT_EQ(part->bytes(1, 3), EncodedCommit::Of(Record())->bytes(1, 3));
  EXPECT_EQ(part->Matching(range), (std::pair<size_t, size_t>(1, 3)));
}

TEST(EncodedCommitTest, PutsThePreviousVersionIn) {
  const auto previous = [](absl::string_view key, Revision at) -> std::optional<v1::KeyValue> {
    EXPECT_EQ(at, Revision(3, 1024));
    if (key == "c") return std::nullopt;  // compacted
    v1::KeyValue kv;
    kv.set_key(std::string(key));
    kv.set_value("before");
    return kv;
  };
  const EncodedCommitPtr commit =
      EncodedCommit::WithPrevious(Record(), KeyRange("", std::string(1, '\0')), previous);
  const v1::WatchResponse response = Parse(commit->bytes(0, 4));
  EXPECT_EQ(response.SerializeAsString(), commit->bytes(0, 4));
  EXPECT_FALSE(response.events(0).has_previous()) << "a was created here";
  EXPECT_EQ(response.events(1).previous().value(), "before");
  EXPECT_EQ(response.events(2).previous().value(), "before");
  EXPECT_FALSE(response.events(3).has_previous());
}

// A stream that is stalled keeps its message for as long as it likes; the commit may be 3 MiB.
TEST(WatchMessageTest, ASmallPartOfALargeCommitIsCopied) {
  auto large = std::make_shared<std::string>(1 << 20, 'x');
  const std::weak_ptr<std::string> kept = large;
  WatchMessage message;
  const absl::string_view part = absl::string_view(*large).substr(0, 600);
  message.AddShared(large, large->size(), part);
  large.reset();
  EXPECT_TRUE(kept.expired());
  EXPECT_EQ(message.Flatten(), std::string(600, 'x'));
}

TEST(WatchMessageTest, ALargePartIsShared) {
  auto large = std::make_shared<std::string>(1 << 20, 'x');
  const std::weak_ptr<std::string> kept = large;
  WatchMessage message;
  message.AddShared(large, large->size(), absl::string_view(*large).substr(0, 1 << 18));
  large.reset();
  EXPECT_FALSE(kept.expired());
  EXPECT_EQ(message.bytes(), size_t{1} << 18);
}

}  // namespace
}  // namespace holdfast::serving
