// What `status` says of sites as they are, as an operator finds them.
#include "tests/admin/golden.h"
#include "tests/admin/sites_fixture.h"

namespace holdfast::admin {
namespace {

class CliStatusTest : public CliSitesTest {};

TEST_F(CliStatusTest, Healthy) { ExpectGolden("status", Type("status")); }

TEST_F(CliStatusTest, WithThePrimarysSiteGoneItSaysSoAndWhatToType) {
  LoseSite("dc1");
  ExpectGolden("status_primary_gone", Type("status"));
}

TEST_F(CliStatusTest, AFormerPrimaryIsFencedAndWaitsToBeBroughtBack) {
  sites_.Lose("dc1-a");
  ASSERT_TRUE(sites_.BeginBy(sites_.PlanBy("dc2-a", v1::OPERATION_KIND_PROMOTE)).ok());
  ASSERT_EQ(sites_.EndOf("dc2-a").state(), v1::OPERATION_STATE_DONE);
  sites_.Restart("dc1-a");
  ExpectGolden("status_fenced", Type("status"));
}

TEST_F(CliStatusTest, APrimaryThatWasOnlyCutOffHasStopped) {
  sites_.CutOff({"dc1-a", "dc1-p1"}, {"dc2-a", "dc2-b", "dc2-p1", "dc2-p2"});
  ASSERT_TRUE(sites_.BeginBy(sites_.PlanBy("dc2-a", v1::OPERATION_KIND_PROMOTE)).ok());
  ASSERT_EQ(sites_.EndOf("dc2-a").state(), v1::OPERATION_STATE_DONE);
  sites_.HealAll();
  ExpectGolden("status_suspended", Type("status"));
}

TEST_F(CliStatusTest, AnEpochByAnOverrideIsUnsettledUntilItsVotersHaveCome) {
  LoseSite("dc2");
  v1::Overrides overrides;
  overrides.add_assert_sites_down("dc2");
  ASSERT_TRUE(sites_.BeginBy(sites_.PlanBy("dc1-a", v1::OPERATION_KIND_PROMOTE_IN_PLACE, overrides)).ok());
  ASSERT_EQ(sites_.EndOf("dc1-a").state(), v1::OPERATION_STATE_DONE);
  ExpectGolden("status_unsettled", Type("status"));
}

TEST_F(CliStatusTest, ASpellOfLocalIsShownWithWhatIsLeftOfIt) {
  sites_.BeginSpell();
  ExpectGolden("status_spell", Type("status"));
}

TEST_F(CliStatusTest, WithItsVotersGoneThePrimarySaysThatCommitsWait) {
  LoseSite("dc2");
  sites_.RunFor(absl::Seconds(20));
  ExpectGolden("status_voters_gone", Type("status"));
}

}  // namespace
}  // namespace holdfast::admin
