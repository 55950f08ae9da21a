#include "base/digest.h"

#include <gtest/gtest.h>

#include <vector>

#include "absl/strings/escaping.h"

namespace holdfast {
namespace {

TEST(Sha256Test, AgreesWithThePublishedVectors) {  // FIPS 180-2, appendix B
  const auto hex = [](absl::string_view text) { return ChainHash{Sha256(text)}.ToHex(); };
  EXPECT_EQ(hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(ChainHashTest, IsTheHashOfThePreviousHashFollowedByTheRecord) {
  const ChainHash first = NextChainHash(ChainHash(), "one");
  EXPECT_EQ(first.bytes, Sha256(std::string(32, '\0') + "one"));
  const ChainHash second = NextChainHash(first, "two");
  EXPECT_EQ(second.bytes, Sha256(std::string(first.view()) + "two"));
}

TEST(ChainHashTest, DependsOnEveryEarlierRecord) {
  const ChainHash one = NextChainHash(NextChainHash(ChainHash(), "a"), "c");
  const ChainHash other = NextChainHash(NextChainHash(ChainHash(), "b"), "c");
  EXPECT_NE(one, other);
}

TEST(ChainHashTest, ReadsBackItsBytesAndRefusesOtherLengths) {
  const ChainHash hash = NextChainHash(ChainHash(), "record");
  EXPECT_EQ(ChainHash::FromBytes(hash.view()), hash);
  EXPECT_EQ(ChainHash::FromBytes(hash.view().substr(1)), std::nullopt);
  EXPECT_EQ(ChainHash::FromBytes(""), std::nullopt);
}

TEST(Digest128Test, CarriesIntoTheHighHalf) {
  Digest128 sum{0, ~uint64_t{0}};
  sum += Digest128{0, 1};
  EXPECT_EQ(sum, (Digest128{1, 0}));
  sum -= Digest128{0, 1};
  EXPECT_EQ(sum, (Digest128{0, ~uint64_t{0}}));
}

TEST(Digest128Test, IsASumModuloTwoToThe128) {
  Digest128 sum{~uint64_t{0}, ~uint64_t{0}};
  sum += Digest128{0, 1};
  EXPECT_EQ(sum, Digest128());
  sum -= Digest128{0, 1};
  EXPECT_EQ(sum, (Digest128{~uint64_t{0}, ~uint64_t{0}}));
}

TEST(Digest128Test, DoesNotDependOnTheOrderOfRows) {
  std::vector<Digest128> rows;
  for (int i = 0; i < 100; ++i) rows.push_back(Hash128(std::string(i, 'x')));
  Digest128 forward;
  Digest128 backward;
  for (size_t i = 0; i < rows.size(); ++i) {
    forward += rows[i];
    backward += rows[rows.size() - 1 - i];
  }
  EXPECT_EQ(forward, backward);
  for (const Digest128& row : rows) forward -= row;
  EXPECT_EQ(forward, Digest128());
}

TEST(Digest128Test, IsSixteenBytesBigEndian) {
  const Digest128 digest{0x0102030405060708, 0x090a0b0c0d0e0f10};
  EXPECT_EQ(digest.ToHex(), "0102030405060708090a0b0c0d0e0f10");
  EXPECT_EQ(Digest128::FromBytes(digest.ToBytes()), digest);
  EXPECT_EQ(Digest128::FromBytes("short"), std::nullopt);
}

// The stored format: a change of these values makes every existing database unreadable.
TEST(RowHashTest, KeepsItsPublishedValue) {
  EXPECT_EQ(RowHash("tenants/acme", 1, 2, 3, "value").ToHex(), "15af65c56152abf665f0e86b028706f3");
}

TEST(RowHashTest, SeesEveryField) {
  const Digest128 hash = RowHash("key", 1, 2, 3, "value");
  EXPECT_NE(hash, RowHash("kez", 1, 2, 3, "value"));
  EXPECT_NE(hash, RowHash("key", 9, 2, 3, "value"));
  EXPECT_NE(hash, RowHash("key", 1, 9, 3, "value"));
  EXPECT_NE(hash, RowHash("key", 1, 2, 9, "value"));
  EXPECT_NE(hash, RowHash("key", 1, 2, 3, "valuf"));
}

TEST(RowHashTest, DoesNotLetFieldsTradeBytes) {
  EXPECT_NE(RowHash("ab", 1, 2, 3, "c"), RowHash("a", 1, 2, 3, "bc"));
  EXPECT_NE(RowHash("a", 1, 2, 3, ""), RowHash("", 1, 2, 3, "a"));
}

}  // namespace
}  // namespace holdfast
