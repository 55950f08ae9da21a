// A round of questions, over real replicas on a simulated network.
#include "failover/view_gatherer.h"

#include <gtest/gtest.h>

#include "tests/replication/replica_fixture.h"

namespace holdfast::failover {
namespace {

using replication::TestNode;

using ViewGathererTest = replication::ReplicaTest;

TEST_F(ViewGathererTest, WhoWasSilentIsNotWaitedForAsLongAgain) {
  for (const char* id : {"p", "a", "b"}) Add(id);
  const auto begun = Init({"a", "b"}, 1);
  ASSERT_TRUE(begun && begun->ok()) << begun.value_or(absl::OkStatus());
  for (const char* id : {"a", "b"}) ASSERT_TRUE(RunUntilShown(id, node("p").store().visible())) << id;
  for (const char* id : {"a", "b"}) {
    network_.Cut("p", id);
    network_.Cut(id, "p");
  }
  TestNode& candidate = node("a");
  ViewGatherer gatherer(&candidate.store(), &candidate.replica(), &candidate.transport());
  const auto took = [&](const std::set<std::string>& silent) {
    std::optional<v1::ClusterView> view;
    const absl::Duration began = time_.now();
    candidate.strand().Post(
        [&] { gatherer.Gather({}, silent, [&](v1::ClusterView gathered) { view = std::move(gathered); }); });
    EXPECT_TRUE(time_.RunUntil([&] { return view.has_value(); }, absl::Seconds(5)));
    return time_.now() - began;
  };
  EXPECT_GT(took({}), absl::Milliseconds(700));
  EXPECT_LT(took({"p"}), absl::Milliseconds(300));
}

}  // namespace
}  // namespace holdfast::failover
