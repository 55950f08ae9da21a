#include "serving/page_token.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace holdfast::serving {
namespace {

v1::ListRequest Request() {
  v1::ListRequest request;
  request.set_key("a/");
  request.set_range_end("a0");
  return request;
}

TEST(PageTokenTest, ComesBackAsItWas) {
  const PageToken token{Revision(3, 1024), std::string("a/\0x", 4), Revision(2, 7)};
  const auto back = DecodePageToken(EncodePageToken(token, Fingerprint(Request())), Fingerprint(Request()));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->revision, token.revision);
  EXPECT_EQ(back->next_key, token.next_key);
  EXPECT_EQ(back->next, token.next);
}

TEST(PageTokenTest, EveryAlteredBitIsRefused) {
  const std::string encoded = EncodePageToken({Revision(9), "a/b", {}}, Fingerprint(Request()));
  for (size_t bit = 0; bit < encoded.size() * 8; ++bit) {
    std::string altered = encoded;
    altered[bit / 8] = static_cast<char>(altered[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(ReasonOf(DecodePageToken(altered, Fingerprint(Request())).status()), "INVALID_REQUEST") << bit;
  }
  EXPECT_FALSE(DecodePageToken(encoded.substr(1), Fingerprint(Request())).ok());
  EXPECT_FALSE(DecodePageToken("", Fingerprint(Request())).ok());
}

TEST(PageTokenTest, IsRefusedWithAnotherRequest) {
  const std::string encoded = EncodePageToken({Revision(9), "a/b", {}}, Fingerprint(Request()));
  v1::ListRequest other = Request();
  other.set_keys_only(true);
  const auto refused = DecodePageToken(encoded, Fingerprint(other));
  EXPECT_EQ(ReasonOf(refused.status()), "INVALID_REQUEST");
  EXPECT_EQ(DetailOf(refused.status(), "field"), "page_token");
  v1::HistoryRequest history;
  history.set_key("a/");
  history.set_range_end("a0");
  EXPECT_FALSE(DecodePageToken(encoded, Fingerprint(history)).ok());
}

TEST(PageTokenTest, AllowsAnotherPageSizeAndFreshness) {
  const std::string encoded = EncodePageToken({Revision(9), "a/b", {}}, Fingerprint(Request()));
  v1::ListRequest other = Request();
  other.set_page_size(7);
  other.mutable_options()->set_min_revision(9);
  EXPECT_TRUE(DecodePageToken(encoded, Fingerprint(other)).ok());
}

}  // namespace
}  // namespace holdfast::serving
