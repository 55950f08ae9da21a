#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "tests/drill/drills.h"
#include "tests/drill/judge_run.h"

namespace holdfast::drill {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(60);

// The library's client was told at least once why its commit has no outcome: the operator knows that
// something has to be done.
absl::Status AwaitFailedCommit(Scene& scene) {
  return scene.Await(
      [&] {
        const auto failures = scene.journal().failures();
        return std::any_of(failures.begin(), failures.end(), [&](const FailedAttempt& failure) {
          return failure.writer == Load::kLibrary && failure.at > scene.lost_at();
        });
      },
      "a commit without voters ends with a reason");
}

absl::StatusOr<Acknowledgement> PromoteInPlace(Scene& scene) {
  const std::string& primary = scene.old_primary();
  HF_ASSIGN_OR_RETURN(const Console::Carried carried,
                      scene.console().CarryOut({"promote", primary, "--in-place",
                                                absl::StrCat("--assert-site-down=", scene.lost()), "--reason",
                                                absl::StrCat("drill: ", scene.lost(), " is lost")},
                                               kPatience));
  scene.outcome().looks_at_plan = carried.looks;
  NotePromotion(carried.operation, scene.cluster().ids("proxy", scene.left()), &scene.outcome());
  scene.Say(absl::StrCat("a new epoch in place: ", scene.outcome().verdict));
  HF_RETURN_IF_ERROR(
      scene.Await([&] { return scene.journal().FirstOf(primary, carried.began, Load::kDirect).has_value(); },
                  "the primary commits again"));
  const Acknowledgement first = *scene.journal().FirstOf(primary, carried.began);
  scene.outcome().promote_seconds = absl::ToDoubleSeconds(first.at - carried.began);
  const auto last = scene.journal().LastOf(primary, carried.began);
  scene.outcome().commit_outage_seconds =
      absl::ToDoubleSeconds(first.at - (last ? std::max(last->at, scene.lost_at()) : scene.lost_at()));
  return first;
}

// Its nodes come by themselves; that they vote again is an operator's word.
absl::Status VoteAgain(Scene& scene, int64_t revision) {
  for (const std::string& id : scene.cluster().IdsOf(scene.lost()))
    HF_RETURN_IF_ERROR(scene.AwaitFollowing(id, revision));
  std::vector<std::string> voters = scene.cluster().ids("standby", scene.lost());
  voters.push_back(scene.cluster().ids("proxy", scene.lost()).front());
  return scene.TypeUntilDone({"nodes", "set", "--voters", absl::StrJoin(voters, ","), "--q", "2"});
}

}  // namespace

absl::Status LoseVotersSite(Scene& scene) {
  HF_RETURN_IF_ERROR(scene.LoseSite());
  HF_RETURN_IF_ERROR(AwaitFailedCommit(scene));
  HF_ASSIGN_OR_RETURN(const Acknowledgement first, PromoteInPlace(scene));
  HF_RETURN_IF_ERROR(scene.AwaitConvergence(first));
  HF_RETURN_IF_ERROR(scene.BringSiteBack());
  HF_RETURN_IF_ERROR(VoteAgain(scene, first.revision));
  scene.outcome().rejoined = true;
  HF_RETURN_IF_ERROR(scene.ResumeReaders(first.revision));
  scene.Say(absl::StrCat("every node of ", scene.lost(), " follows, and its voters vote"));
  scene.Linger();
  return scene.Settle(scene.old_primary());
}

}  // namespace holdfast::drill
