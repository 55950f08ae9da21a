#include "storage/verified_pages.h"

#include "gtest/gtest.h"

namespace holdfast::storage {
namespace {

TEST(VerifiedPagesTest, HoldsWhatWasAddedUntilItIsRemoved) {
  VerifiedPages pages;
  for (const uint32_t page : {1u, 63u, 64u, 65u, 300'000u}) pages.Add(page);
  EXPECT_TRUE(pages.Contains(64) && pages.Contains(300'000));
  EXPECT_FALSE(pages.Contains(2));
  pages.Remove(63);
  EXPECT_FALSE(pages.Contains(63));
  pages.RemoveFrom(65);
  EXPECT_TRUE(pages.Contains(1) && pages.Contains(64));
  EXPECT_FALSE(pages.Contains(65) || pages.Contains(300'000));
}

TEST(VerifiedPagesTest, TheLastPagesOfTheFormatAreSimplyNeverVerified) {
  VerifiedPages pages;
  pages.Add(0xfffffffeu);
  EXPECT_FALSE(pages.Contains(0xfffffffeu));
  pages.RemoveFrom(0xfffffffeu);
}

TEST(VerifiedPagesTest, AWriteUnderWayIsNotQuiet) {
  VerifiedPages pages;
  const uint64_t before = pages.Now();
  EXPECT_TRUE(pages.WasQuietSince(before));
  pages.BeginWrite();
  EXPECT_FALSE(pages.WasQuietSince(before));
  EXPECT_FALSE(pages.WasQuietSince(pages.Now()));
  pages.EndWrite();
  EXPECT_FALSE(pages.WasQuietSince(before));
  EXPECT_TRUE(pages.WasQuietSince(pages.Now()));
}

}  // namespace
}  // namespace holdfast::storage
