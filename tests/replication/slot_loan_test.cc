#include "replication/slot_loan.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/storage/store_fixture.h"

namespace holdfast::replication {
namespace {

// The proxy x has slot 4; the server a of the inventory is another incarnation than the one that asks.
class SlotLoanTest : public ::testing::Test {
 protected:
  SlotLoanTest() {
    EXPECT_TRUE(lender_.Open().ok());
    EXPECT_TRUE(borrower_.Open().ok());
    EXPECT_TRUE(lender_->node().SetNodeId("x").ok());
    EXPECT_TRUE(borrower_->node().SetNodeId("a").ok());
    for (storage::StoreUnderTest* store : {&lender_, &borrower_})
      EXPECT_TRUE((*store)->node().JoinCluster("c1").ok());
    AddNode("a", v1::NODE_KIND_SERVER, 1, "of the lost disk");
    AddNode("b", v1::NODE_KIND_SERVER, 2, "1b");
    AddNode("x", v1::NODE_KIND_PROXY, 4, lender_->node().identity().incarnation);
  }
  void AddNode(const std::string& id, v1::NodeKind kind, uint32_t slot, const std::string& incarnation) {
    v1::NodeInfo& node = inventory_.nodes.emplace_back();
    node.set_node_id(id);
    node.set_kind(kind);
    node.set_slot(slot);
    node.set_incarnation(incarnation);
  }
  v1::LendSlotRequest Request(const std::string& id = "a") {
    v1::LendSlotRequest request;
    request.set_cluster_id("c1");
    request.set_node_id(id);
    request.set_incarnation(borrower_->node().identity().incarnation);
    return request;
  }
  absl::StatusOr<v1::SlotLoan> Lend(const v1::LendSlotRequest& request) {
    return LendSlot(lender_->node(), inventory_, request);
  }

  storage::StoreUnderTest lender_;
  storage::StoreUnderTest borrower_;
  Inventory inventory_;
};

TEST_F(SlotLoanTest, AServerGetsTheSlotOfAProxyAndKeepsItOverARestart) {
  const auto loan = Lend(Request());
  ASSERT_TRUE(loan.ok()) << loan.status();
  EXPECT_EQ(loan->slot(), 4u);
  ASSERT_EQ(TakeSlot(borrower_->node(), inventory_, *loan), absl::OkStatus());
  borrower_.Reopen();
  const auto held = HeldLoan(borrower_->node(), inventory_);
  ASSERT_TRUE(held.ok() && held->has_value());
  EXPECT_EQ((*held)->slot(), 4u);
}

// R3: two servers with one slot could own the same epoch.
TEST_F(SlotLoanTest, ASlotIsLentOnceForEver) {
  ASSERT_TRUE(Lend(Request()).ok());
  lender_.Reopen();
  EXPECT_TRUE(Lend(Request()).ok()) << "the same one again";
  v1::LendSlotRequest wiped = Request();
  wiped.set_incarnation("another");
  EXPECT_EQ(ReasonOf(Lend(wiped).status()), "CONFLICTING_SETTINGS");
  EXPECT_EQ(ReasonOf(Lend(Request("b")).status()), "CONFLICTING_SETTINGS");
}

TEST_F(SlotLoanTest, OnlyWhatARecordGaveToThisVeryIncarnationIsLent) {
  ASSERT_TRUE(lender_->node().RenewIncarnation("test").ok());
  EXPECT_EQ(ReasonOf(Lend(Request()).status()), "CONFLICTING_SETTINGS");
  inventory_.nodes.pop_back();
  AddNode("x", v1::NODE_KIND_PROXY, 9, lender_->node().identity().incarnation);
  const auto loan = Lend(Request());
  ASSERT_TRUE(loan.ok()) << "a later record gave it another one";
  EXPECT_EQ(loan->slot(), 9u);
}

TEST_F(SlotLoanTest, OnlyAServerOfThisClusterBorrows) {
  EXPECT_EQ(ReasonOf(Lend(Request("nobody")).status()), "NOT_A_MEMBER");
  EXPECT_EQ(ReasonOf(Lend(Request("x")).status()), "CONFLICTING_SETTINGS");
  v1::LendSlotRequest foreign = Request();
  foreign.set_cluster_id("c2");
  EXPECT_EQ(ReasonOf(Lend(foreign).status()), "WRONG_CLUSTER");
}

// R3: the record that gave the slot was cut, and the log that was kept gives it to somebody else.
TEST_F(SlotLoanTest, ALoanOfASlotThatTheLenderDoesNotHaveIsNotHeld) {
  const auto loan = Lend(Request());
  ASSERT_TRUE(loan.ok());
  ASSERT_TRUE(TakeSlot(borrower_->node(), inventory_, *loan).ok());
  const std::string incarnation = lender_->node().identity().incarnation;
  inventory_.nodes.pop_back();
  AddNode("x", v1::NODE_KIND_PROXY, 9, incarnation);
  AddNode("y", v1::NODE_KIND_PROXY, 4, "1y");
  const auto held = HeldLoan(borrower_->node(), inventory_);
  EXPECT_TRUE(held.ok() && !held->has_value());
}

TEST_F(SlotLoanTest, ALoanIsOfNoUseToAnybodyElseNorAfterAnotherWipe) {
  const auto loan = Lend(Request());
  ASSERT_TRUE(loan.ok());
  EXPECT_EQ(ReasonOf(TakeSlot(lender_->node(), inventory_, *loan)), "CONFLICTING_SETTINGS");
  v1::SlotLoan made_up = *loan;
  made_up.set_slot(2);
  EXPECT_EQ(ReasonOf(TakeSlot(borrower_->node(), inventory_, made_up)), "CONFLICTING_SETTINGS");
  ASSERT_TRUE(TakeSlot(borrower_->node(), inventory_, *loan).ok());
  ASSERT_TRUE(borrower_->node().RenewIncarnation("test").ok());
  const auto held = HeldLoan(borrower_->node(), inventory_);
  EXPECT_TRUE(held.ok() && !held->has_value());
}

}  // namespace
}  // namespace holdfast::replication
