#include "tests/sim/mutants.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/sim/run.h"

namespace holdfast::sim {

const std::vector<MutantRow>& MutantTable() {
  static const auto* const kTable = new std::vector<MutantRow>{
      {Mutant::kFollowerSkipsSync, "follower-skips-sync", "R12", "acknowledges before its sync"},
      {Mutant::kPrimarySkipsSync, "primary-skips-sync", "R8", "sends before its sync"},
      {Mutant::kAckBeforeAppend, "ack-before-append", "R12", "acknowledges what it is about to append"},
      {Mutant::kPromiseInMemory, "promise-in-memory", "R1", "forgets a promise over a restart"},
      {Mutant::kStreamOutlivesPromise, "stream-outlives-promise", "R11 I7", "takes on from the old stream"},
      {Mutant::kPrimaryIgnoresPromise, "primary-ignores-promise", "R17", "admits after a promise elsewhere"},
      {Mutant::kQuorumOffByOne, "quorum-off-by-one", "R10", "q - 1 voters are enough"},
      {Mutant::kOldEpochCounts, "old-epoch-counts", "R9", "counts records of older epochs"},
      {Mutant::kJointRuleIgnored, "joint-rule-ignored", "R10", "a new rule needs its own quorum alone"},
      {Mutant::kMatchByIndex, "match-by-index", "I3", "takes equal indexes for equal records"},
      {Mutant::kShowPastCommit, "show-past-commit", "R14", "shows what is not committed"},
      {Mutant::kCutOwnEpoch, "cut-own-epoch", "R13", "drops what is not committed, of its own epoch"},
      {Mutant::kShorterStreamCuts, "shorter-stream-cuts", "R13", "is cut to the length of the stream"},
      {Mutant::kSnapshotBelowOwn, "snapshot-below-own", "R15", "goes back by a snapshot"},
      {Mutant::kSnapshotTailShown, "snapshot-tail-shown", "R15 R14", "shows all of a snapshot",
       "replica_test SnapshotTailTest.AVoterOfAnotherBranchBelowWhichAllIsCompactedComesToCommits"},
      {Mutant::kRelayLendsTail, "relay-lends-tail", "R15", "lends what its primary may cut again",
       "replica_test SnapshotTailTest.IsLentByThePrimaryItselfToAFollowerThatAsksForIt"},
      {Mutant::kIncarnationKept, "incarnation-kept", "R16", "keeps its vote after it lost its log"},
      {Mutant::kCompactPastVisible, "compact-past-visible", "R15", "compacts above what it shows"},
      {Mutant::kDigestNotChecked, "digest-not-checked", "I4", "misses deletions and does not compare"},
      {Mutant::kCutWithoutSalvage, "cut-without-salvage", "I6", "drops records unsaved"},
      {Mutant::kVisibleNotWritten, "visible-not-written", "I5", "shows less after a restart"},
      {Mutant::kUnknownIsSuccess, "unknown-is-success", "I1", "answers success for an unknown commit"},
      {Mutant::kRequestIdNotLookedUp, "request-id-not-looked-up", "I1", "commits a retry again"},
      {Mutant::kForgottenIdAdmitted, "forgotten-id-admitted", "I1", "commits a retry again after compaction"},
      {Mutant::kFreshFromReceipt, "fresh-from-receipt", "freshness",
       "takes a late heartbeat for a fresh one"},
      {Mutant::kMinRevisionIgnored, "min-revision-ignored", "I5", "answers with the past"},
      {Mutant::kMaxStalenessIgnored, "max-staleness-ignored", "freshness", "answers with old data"},
      {Mutant::kWatchSkipsChange, "watch-skips-change", "I11", "loses a change for a quiet watch"},
      {Mutant::kWatchResumesLate, "watch-resumes-late", "I11", "resumes one revision too far"},
      {Mutant::kRewindNotTold, "rewind-not-told", "I11", "cuts the history of a watch without a word"},
      {Mutant::kPromiseLowered, "promise-lowered", "R11 I7", "gives a promise up for an older stream"},
      {Mutant::kProxyNeedsPrimary, "proxy-needs-primary", "I12", "answers only once a primary was heard"},
      {Mutant::kWatchShowsAppended, "watch-shows-appended", "I11", "tells of what is not visible yet"},
      {Mutant::kChosenByLength, "chosen-by-length", "R6 F13", "the longest log wins, not the highest",
       "failover_test CounterexampleTest.ALaterEpochIsChosenBeforeALongerLog"},
      {Mutant::kHarvestSkipped, "harvest-skipped", "R6", "goes on with the candidate's own log"},
      {Mutant::kHarvestShown, "harvest-shown", "R14 F18", "shows the harvest before its EPOCH record counts"},
      {Mutant::kPromiseByName, "promise-by-name", "R16 F9", "counts whoever bears a voter's name",
       "failover_test CounterexampleTest.AVoterThatSetItsLogAsideCountsForNothingUntilARecordAdmitsIt"},
      {Mutant::kPromisesOffByOne, "promises-off-by-one", "R4", "a promise less is enough",
       "failover_test InterruptionTest.ANodeThatAnswersAndCannotPromiseCountsForNothing"},
      {Mutant::kSelfAlwaysCounts, "self-always-counts", "R4 F15", "a candidate outside V counts itself",
       "failover_test VerdictTest.ACandidateThatIsNoVoterDoesNotCountItself"},
      {Mutant::kOnlyKnownRule, "only-known-rule", "R5 F11", "asks the rule known committed alone",
       "failover_test CounterexampleTest.ARuleThatIsHarvestedMustBeMetToo"},
      {Mutant::kOnlyNewestRule, "only-newest-rule", "R5 F11", "asks the newest rule alone",
       "failover_test VerdictTest.EveryRuleFromTheKnownCommittedOneOnMustBeMet"},
      {Mutant::kRuleWhenSent, "rule-when-sent", "R10 F10", "judges by the rule before a change"},
      {Mutant::kPlainEpochNumbers, "plain-epoch-numbers", "R3 F2", "numbers epochs 1, 2, 3"},
      {Mutant::kEpochTwice, "epoch-twice", "R7", "writes a second EPOCH record after a crash"},
      {Mutant::kPromisedTwice, "promised-twice", "R2 F14", "promises an epoch to two",
       "replication_test PromiseBookTest.*"},
      {Mutant::kVerdictNotKept, "verdict-not-kept", "R5 F11", "goes on with less than was confirmed",
       "failover_test PromotionTest.PromisesThatProveLessThanThePlanEndItBeforeTheRecord"},
      {Mutant::kWaiverForgotten, "waiver-forgotten", "R20", "waits for the voters that it waives",
       "failover_test PromotionTest.TwoDeadVotersAreRefusedAndCarriedOutUnderTheNamedOverride"},
      {Mutant::kResumedUnasked, "resumed-unasked", "R4", "asks nobody again after a crash",
       "failover_test PromotionTest.AfterAPowerCutAtAnyStepItEndsTheSame"},
      {Mutant::kRestartUnasked, "restart-unasked", "R18 F6", "admits at once (harmless, and against R18)",
       "replica_test ReplicaTest.ARestartedPrimaryAdmitsNothingBeforeItsVotersAnswered"},
      {Mutant::kUndoneBehindRecord, "undone-behind-record", "I8", "calls undone what is in the log"},
      {Mutant::kDoneTooEarly, "done-too-early", "R21 F8", "is done before its voters know it",
       "failover_test CounterexampleTest.APromotionIsNotDoneBeforeItsVotersKnowThatTheyAreVoters"},
      {Mutant::kHandOverUnfrozen, "hand-over-unfrozen", "6", "hands over while commits go on",
       "failover_test SwitchoverTest.CommitsAreHeldUpFromTheFreezeUntilTheNewPrimaryIsOpen"},
      {Mutant::kHandOverUndrained, "hand-over-undrained", "6", "does not wait for the last record",
       "failover_test SwitchoverTest.TheDrainWaitsForTheLastRecordThatThePrimaryAdmitted"},
      {Mutant::kRoleNotTakenBack, "role-not-taken-back", "F7 I9", "leaves a failed hand-over without primary",
       "failover_test SwitchoverTest.WithTheCandidateGoneAfterAnyStepCommitsGoOn"},
  };
  return *kTable;
}

#ifdef HOLDFAST_MUTANTS
namespace {

struct Found {
  uint64_t seed = 0;  // 0: not found
  uint64_t runs = 0;
  char violation[200] = "";
};

// Tells of each seed before it runs: the parent knows where a check ended the process.
void Search(Mutant mutant, uint64_t first_seed, uint64_t seeds, int out) {
  PlantMutant(mutant);
  Found found;
  for (uint64_t seed = first_seed; seed < first_seed + seeds; ++seed) {
    found.seed = seed;
    ++found.runs;
    std::snprintf(found.violation, sizeof found.violation, "a check of the code ended the process");
    (void)!write(out, &found, sizeof found);
    const RunResult result = RunSeed(seed, /*verbose=*/false);
    if (result.violations.empty()) continue;
    std::snprintf(found.violation, sizeof found.violation, "%s", result.violations.front().c_str());
    (void)!write(out, &found, sizeof found);
    return;
  }
  found = {0, found.runs, ""};
  (void)!write(out, &found, sizeof found);
}

Found SearchInChild(Mutant mutant, uint64_t first_seed, uint64_t seeds) {
  int ends[2];
  if (pipe(ends) != 0) return {};
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    std::signal(SIGABRT, SIG_DFL);  // the parent tells a failed check by this signal
    if (!std::freopen("/dev/null", "w", stderr)) _exit(2);
    Search(mutant, first_seed, seeds, ends[1]);
    _exit(0);
  }
  close(ends[1]);
  Found found;
  for (Found next; read(ends[0], &next, sizeof next) == static_cast<ssize_t>(sizeof next);) found = next;
  close(ends[0]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  // Checks abort; a child that died of anything else (memory, a fault of the simulator's own) found nothing.
  const bool check_failed = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
  const bool ended_well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (check_failed || ended_well) return found;
  found.seed = 0;
  std::snprintf(found.violation, sizeof found.violation, "the process ended with status %#x",
                static_cast<unsigned>(status));
  return found;
}

// Runs the test with the mutant planted. The program must start and have such a test: a failure to find it is
// no proof, so it is run without the mutant first.
bool TestFinds(const MutantRow& row) {
  const std::string test = row.test;
  const size_t blank = test.find(' ');
  char self[4096];
  const ssize_t size = readlink("/proc/self/exe", self, sizeof self);
  if (size <= 0) return false;
  const std::string bin(self, static_cast<size_t>(size));
  const std::string program =
      bin.substr(0, bin.rfind('/')) + "/../tests-bin/" + test.substr(0, blank) + " --gtest_brief=1";
  const std::string run = program + " '--gtest_filter=" + test.substr(blank + 1) + "' >/dev/null 2>&1";
  const std::string plant = "HOLDFAST_MUTANT=" + std::to_string(static_cast<int>(row.mutant)) + " ";
  return std::system(run.c_str()) == 0 && std::system((plant + run).c_str()) != 0;
}

}  // namespace

int RunMutants(const std::string& name, uint64_t first_seed, uint64_t seeds) {
  int known = 0;
  int missed = 0;
  std::printf("%-26s %-10s %6s %6s  %s\n", "mutant", "breaks", "seed", "runs", "found as");
  for (const MutantRow& row : MutantTable()) {
    if (name != "all" && name != row.name) continue;
    ++known;
    if (row.test != nullptr) {
      const bool is_found = TestFinds(row);
      missed += !is_found;
      std::printf("%-26s %-10s %6s %6s  %s%s\n", row.name, row.rules, "-", "-",
                  is_found ? "" : "NOT FOUND by ", row.test);
      std::fflush(stdout);
      continue;
    }
    const Found found = SearchInChild(row.mutant, first_seed, seeds);
    missed += found.seed == 0;
    std::printf("%-26s %-10s %6lu %6lu  %s%s\n", row.name, row.rules, static_cast<unsigned long>(found.seed),
                static_cast<unsigned long>(found.runs), found.seed == 0 ? "NOT FOUND " : "", found.violation);
    std::fflush(stdout);
  }
  if (known == 0) {
    std::fprintf(stderr, "no mutant is called '%s'\n", name.c_str());
    return 2;
  }
  std::printf("%d of %d mutants found\n", known - missed, known);
  return missed == 0 ? 0 : 1;
}
#else
int RunMutants(const std::string&, uint64_t, uint64_t) {
  std::fprintf(stderr, "this build has no mutants: configure with -DHOLDFAST_MUTANTS=ON\n");
  return 2;
}
#endif

}  // namespace holdfast::sim
