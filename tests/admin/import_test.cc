#include "admin/import.h"

#include "base/limits.h"
#include "base/uuid.h"
#include "gtest/gtest.h"
#include "holdfast/v1/config.pb.h"

namespace holdfast::admin {
namespace {

TEST(PlanImportTest, WhatFitsIntoOneCommitIsOneBatch) {
  const Documents documents = {{"a", "1"}, {"b", "2"}};
  const ImportPlan plan = PlanImport(documents, "p/", kMaxChangesPerCommit);
  ASSERT_EQ(plan.batches.size(), 1u);
  EXPECT_EQ(plan.batches[0].count, 2u);
}

TEST(PlanImportTest, EveryBatchStaysBelowTheLimitsOfACommitAndNothingIsLeftOut) {
  Documents documents;
  for (int i = 0; i < 40; ++i) documents["k" + std::to_string(i)] = std::string(300'000 + i, 'x');
  const ImportPlan plan = PlanImport(documents, "prefix/", kMaxChangesPerCommit);
  size_t count = 0;
  for (const auto& batch : plan.batches) {
    v1::CommitRequest request;
    for (auto it = batch.begin; it != batch.end; ++it, ++count) {
      v1::Mutation& mutation = *request.add_mutations();
      mutation.set_key("prefix/" + it->first);
      mutation.set_put(it->second);
    }
    EXPECT_LE(request.ByteSizeLong(), kMaxCommitBytes - 4096);
  }
  EXPECT_EQ(count, documents.size());
  EXPECT_GT(plan.batches.size(), 3u);
}

TEST(PlanImportTest, KeysPerBatchCanBeBounded) {
  Documents documents;
  for (int i = 0; i < 25; ++i) documents["k" + std::to_string(i)] = "v";
  EXPECT_EQ(PlanImport(documents, "", 10).batches.size(), 3u);
}

TEST(BatchRequestIdTest, FollowsFromImportAndContentAndKeepsTheTime) {
  const auto random = SeededRandom(3);
  const std::string import_id = NewUuid7(*RealClock(), *random);
  const auto id_of = [](const std::string& import, const Documents& documents) {
    return BatchRequestId(import, PlanImport(documents, "", 10).batches[0]);
  };
  const std::string first = id_of(import_id, {{"a", "1"}, {"b", "2"}});
  EXPECT_TRUE(IsUuid7(first));
  EXPECT_EQ(Uuid7Time(first), Uuid7Time(import_id));
  EXPECT_EQ(first, id_of(import_id, {{"a", "1"}, {"b", "2"}}));
  EXPECT_NE(first, id_of(import_id, {{"a", "1"}, {"b", "3"}}));
  EXPECT_NE(first, id_of(import_id, {{"a", "1"}, {"c", "2"}}));
  EXPECT_NE(first, id_of(import_id, {{"a", "1"}}));
  EXPECT_NE(first, id_of(NewUuid7(*RealClock(), *random), {{"a", "1"}, {"b", "2"}}));
}

}  // namespace
}  // namespace holdfast::admin
