#include "primary/salvage_register.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/storage/store_fixture.h"

namespace holdfast::primary {
namespace {

class SalvageRegisterTest : public ::testing::Test {
 protected:
  SalvageRegisterTest() {
    EXPECT_TRUE(store_.Open().ok());
    store_.Show(store_.Append(storage::EpochDraft("dc2-a")));
    inventory_.cluster.set_cluster_id("c0ffee");
    for (const char* node_id : {"dc1-a", "dc1-p1"}) inventory_.nodes.emplace_back().set_node_id(node_id);
    request_.set_cluster_id("c0ffee");
  }

  v1::SalvageFileSummary& Add(const std::string& node_id, const std::string& file) {
    v1::SalvageFileSummary& summary = *request_.add_files();
    summary.set_node_id(node_id);
    summary.set_file(file);
    summary.set_record_count(3);
    return summary;
  }
  absl::StatusOr<std::optional<storage::RecordDraft>> Draft() {
    const auto batch = store_->BeginBatch();
    EXPECT_TRUE(batch.ok()) << batch.status();
    return SalvageDraft(**batch, inventory_, request_);
  }

  storage::StoreUnderTest store_;
  replication::Inventory inventory_;
  v1::RegisterSalvageRequest request_;
};

TEST_F(SalvageRegisterTest, MakesOneSettingsRecordWithAKeyForEachFile) {
  Add("dc1-p1", "salvage-0.4-x-1.hfsalvage");
  Add("dc1-a", "salvage-0.4-x-1.hfsalvage");
  const auto draft = Draft();
  ASSERT_TRUE(draft.ok() && draft->has_value()) << draft.status();
  EXPECT_EQ((*draft)->kind, v1::RECORD_KIND_SETTINGS);
  EXPECT_FALSE((*draft)->rule.has_value());
  ASSERT_EQ((*draft)->changes.size(), 2u);
  EXPECT_EQ((*draft)->changes[0].key(), "_holdfast/salvage/dc1-a/salvage-0.4-x-1.hfsalvage");
  EXPECT_EQ((*draft)->changes[1].key(), "_holdfast/salvage/dc1-p1/salvage-0.4-x-1.hfsalvage");
  EXPECT_THAT((*draft)->changes[0].value(), ::testing::HasSubstr("\"record_count\":\"3\""));
}

TEST_F(SalvageRegisterTest, WhatIsKnownMakesNoRecord) {
  Add("dc1-a", "salvage-0.4-x-1.hfsalvage");
  auto draft = Draft();
  ASSERT_TRUE(draft.ok() && draft->has_value());
  store_.Show(store_.Append(**draft));
  EXPECT_FALSE(Draft()->has_value());
  Add("dc1-a", "salvage-0.5-x-1.hfsalvage");
  draft = Draft();
  ASSERT_TRUE(draft.ok() && draft->has_value());
  EXPECT_EQ((*draft)->changes.size(), 1u) << "only what is new";
}

TEST_F(SalvageRegisterTest, RefusesWhatIsNotOfThisCluster) {
  Add("dc1-a", "salvage-0.4-x-1.hfsalvage");
  request_.set_cluster_id("decaf");
  EXPECT_EQ(ReasonOf(Draft().status()), "WRONG_CLUSTER");
  request_.set_cluster_id("c0ffee");
  Add("nobody", "salvage-0.4-x-1.hfsalvage");
  EXPECT_EQ(ReasonOf(Draft().status()), "NOT_A_MEMBER");
}

TEST_F(SalvageRegisterTest, RefusesNamesThatAreNoneAndTooMany) {
  v1::SalvageFileSummary& file = Add("dc1-a", "../../cluster");
  EXPECT_EQ(ReasonOf(Draft().status()), "INVALID_REQUEST");
  file.set_file("salvage-a/b.hfsalvage");
  EXPECT_EQ(ReasonOf(Draft().status()), "INVALID_REQUEST");
  file.set_file("salvage-a.hfsalvage");
  EXPECT_TRUE(Draft().ok());
  for (int i = 0; i < kMaxSalvageFilesPerRequest; ++i) Add("dc1-a", "salvage-a.hfsalvage");
  EXPECT_EQ(ReasonOf(Draft().status()), "INVALID_REQUEST");
}

}  // namespace
}  // namespace holdfast::primary
