#include "client/endpoints.h"

#include "gmock/gmock.h"

namespace holdfast::client {
namespace {

using ::testing::ElementsAre;

TEST(EndpointsTest, AsksInTheOrderGivenUntilOneFails) {
  Endpoints endpoints({"a", "b", "c"});
  EXPECT_THAT(endpoints.ReadOrder(), ElementsAre("a", "b", "c"));
  endpoints.Failed("a");
  EXPECT_THAT(endpoints.ReadOrder(), ElementsAre("b", "c", "a"));
  endpoints.Failed("a");  // not the current one: no further move
  EXPECT_THAT(endpoints.ReadOrder(), ElementsAre("b", "c", "a"));
  endpoints.Answered("c");
  EXPECT_THAT(endpoints.ReadOrder(), ElementsAre("c", "a", "b"));
}

TEST(EndpointsTest, AHintComesFirstOnce) {
  Endpoints endpoints({"a", "b"});
  endpoints.Hint("x");
  EXPECT_THAT(endpoints.ReadOrder(), ElementsAre("x", "a", "b"));
  EXPECT_THAT(endpoints.ReadOrder(), ElementsAre("a", "b"));
}

TEST(EndpointsTest, ThePrimaryComesFirstForCommitsUntilItFails) {
  Endpoints endpoints({"a", "b"});
  endpoints.LearnPrimary("b");
  EXPECT_THAT(endpoints.CommitOrder(), ElementsAre("b", "a"));
  EXPECT_THAT(endpoints.ReadOrder(), ElementsAre("a", "b"));
  endpoints.Failed("b");
  EXPECT_THAT(endpoints.CommitOrder(), ElementsAre("a", "b"));
}

}  // namespace
}  // namespace holdfast::client
