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
  kMutantCount,  // none of them: always the last
};

#ifdef HOLDFAST_MUTANTS
bool MutantActive(Mutant mutant);
// Plants `mutant` and takes out the one that was planted before. Not while other threads run.
void PlantMutant(Mutant mutant);
#else
constexpr bool MutantActive(Mutant) { return false; }
#endif

}  // namespace holdfast
