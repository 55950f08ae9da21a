#include "admin/agreement.h"

#include "gmock/gmock.h"

namespace holdfast::admin {
namespace {

using ::testing::ElementsAre;
using Verdict = Agreement::Verdict;

v1::LogPosition At(int64_t revision, const std::string& hash = "h") {
  v1::LogPosition position;
  position.set_revision(revision);
  position.set_chain_hash(hash);
  return position;
}

TEST(AgreementTest, NodesSeenAlikeAtOneRevisionAgree) {
  Agreement agreement({"a", "b"});
  agreement.Observe("a", At(5), "d");
  EXPECT_EQ(agreement.verdict(), Verdict::kNotCompared);
  agreement.Observe("b", At(5), "d");
  EXPECT_EQ(agreement.verdict(), Verdict::kAgree);
  EXPECT_EQ(agreement.revision(), 5);
}

TEST(AgreementTest, NodesThatMoveAreComparedAtARevisionTheyShare) {
  Agreement agreement({"a", "b"});
  agreement.Observe("a", At(5), "d5");
  agreement.Observe("b", At(4), "d4");
  agreement.Observe("a", At(7), "d7");
  agreement.Observe("b", At(5), "d5");
  EXPECT_EQ(agreement.verdict(), Verdict::kAgree);
  EXPECT_EQ(agreement.revision(), 5);
}

TEST(AgreementTest, AnotherDigestAtTheSameRevisionDiffers) {
  Agreement agreement({"a", "b", "c"});
  agreement.Observe("a", At(5), "d");
  agreement.Observe("b", At(5), "x");
  agreement.Observe("c", At(5), "d");
  EXPECT_EQ(agreement.verdict(), Verdict::kDiffer);
  EXPECT_THAT(agreement.Dissenters(), ElementsAre("b"));
}

TEST(AgreementTest, AnotherHistoryWithTheSameContentsDiffers) {
  Agreement agreement({"a", "b"});
  agreement.Observe("a", At(5, "h1"), "d");
  agreement.Observe("b", At(5, "h2"), "d");
  EXPECT_EQ(agreement.verdict(), Verdict::kDiffer);
}

TEST(AgreementTest, ADifferenceOnceSeenIsNotForgottenWhenNodesAgreeLater) {
  Agreement agreement({"a", "b"});
  agreement.Observe("a", At(5), "d");
  agreement.Observe("b", At(5), "x");
  agreement.Observe("a", At(6), "d6");
  agreement.Observe("b", At(6), "d6");
  EXPECT_EQ(agreement.verdict(), Verdict::kDiffer);
  EXPECT_EQ(agreement.revision(), 5);
}

}  // namespace
}  // namespace holdfast::admin
