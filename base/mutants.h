#pragma once

namespace holdfast {

// Bugs that can be planted at run time, to prove that the simulator's checker finds each of them (`./dev
// mutants`, tests/sim/mutants.h says what each breaks). They exist in builds with HOLDFAST_MUTANTS only: in
// any other one MutantActive is a constant, and the compiler leaves nothing of what it guards.
enum class Mutant {
  kNone,
  kFollowerSkipsSync,
  kPrimarySkipsSync,
  kAckBeforeAppend,
  kPromiseInMemory,
  kStreamOutlivesPromise,
  kPrimaryIgnoresPromise,
  kQuorumOffByOne,
  kOldEpochCounts,
  kJointRuleIgnored,
  kMatchByIndex,
  kShowPastCommit,
  kCutOwnEpoch,
  kShorterStreamCuts,
  kSnapshotBelowOwn,
  kSnapshotTailShown,
  kRelayLendsTail,
  kIncarnationKept,
  kCompactPastVisible,
  kDigestNotChecked,
  kCutWithoutSalvage,
  kVisibleNotWritten,
  kUnknownIsSuccess,
  kRequestIdNotLookedUp,
  kForgottenIdAdmitted,
  kFreshFromReceipt,
  kMinRevisionIgnored,
  kMaxStalenessIgnored,
  kWatchSkipsChange,
  kWatchResumesLate,
  kRewindNotTold,
  kPromiseLowered,
  kProxyNeedsPrimary,
  kWatchShowsAppended,
  kChosenByLength,
  kHarvestSkipped,
  kHarvestShown,
  kPromiseByName,
  kPromisesOffByOne,
  kSelfAlwaysCounts,
  kOnlyKnownRule,
  kOnlyNewestRule,
  kRuleWhenSent,
  kPlainEpochNumbers,
  kEpochTwice,
  kPromisedTwice,
  kVerdictNotKept,
  kWaiverForgotten,
  kResumedUnasked,
  kRestartUnasked,
  kUndoneBehindRecord,
  kDoneTooEarly,
  kHandOverUnfrozen,
  kHandOverUndrained,
  kRoleNotTakenBack,
  kMutantCount,  // none of them: always the last
};

#ifdef HOLDFAST_MUTANTS
// At the start of a process the one whose number HOLDFAST_MUTANT of the environment says, if it says one: so
// ordinary test programs can be run with a bug.
bool MutantActive(Mutant mutant);
// Plants `mutant` and takes out the one that was planted before. Not while other threads run.
void PlantMutant(Mutant mutant);
#else
constexpr bool MutantActive(Mutant) { return false; }
#endif

}  // namespace holdfast
