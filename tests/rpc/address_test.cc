#include "rpc/address.h"

#include "base/error.h"
#include "gtest/gtest.h"

namespace holdfast::rpc {
namespace {

TEST(AddressTest, ReadsNamesIpv4AndBracketedIpv6) {
  for (const char* text : {"127.0.0.1:7400", "cfg-1.dc1.example:1", "[::1]:65535", "0.0.0.0:0"}) {
    const auto address = ParseAddress(text);
    ASSERT_TRUE(address.ok()) << text;
    EXPECT_EQ(address->ToString(), text);
  }
}

TEST(AddressTest, RefusesWhatIsNoAddress) {
  for (const char* text : {"", ":", ":7400", "host", "host:", "host:65536", "host:-1", "host:12a", "::1:7400",
                           "a b:1", "[]:1", "http://h:1", "h:000080"}) {
    EXPECT_EQ(ReasonOf(ParseAddress(text).status()), "INVALID_REQUEST") << text;
  }
}

TEST(AddressTest, KnowsLoopback) {
  EXPECT_TRUE(ParseAddress("127.1.2.3:1")->IsLoopback());
  EXPECT_TRUE(ParseAddress("[::1]:1")->IsLoopback());
  EXPECT_TRUE(ParseAddress("localhost:1")->IsLoopback());
  EXPECT_FALSE(ParseAddress("0.0.0.0:1")->IsLoopback());
  EXPECT_FALSE(ParseAddress("[::]:1")->IsLoopback());
  EXPECT_FALSE(ParseAddress("10.0.0.1:1")->IsLoopback());
}

TEST(AddressTest, AnUnknownHostIsNamed) {
  const absl::Status status = ProbeListen(Address{"no-such-host.invalid", 0});
  EXPECT_EQ(ReasonOf(status), "IO_ERROR");
  EXPECT_EQ(DetailOf(status, "address"), "no-such-host.invalid:0");
}

}  // namespace
}  // namespace holdfast::rpc
