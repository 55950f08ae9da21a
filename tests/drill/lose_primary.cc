#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "tests/drill/drills.h"
#include "tests/drill/judge_run.h"

namespace holdfast::drill {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(60);

// Answers with the first commit that the new primary acknowledged.
absl::StatusOr<Acknowledgement> Promote(Scene& scene, const std::string& candidate) {
  HF_ASSIGN_OR_RETURN(
      const Console::Carried carried,
      scene.console().CarryOut({"promote", candidate, "--reason", "drill: dc1 is lost"}, kPatience));
  scene.outcome().looks_at_plan = carried.looks;
  NotePromotion(carried.operation, scene.cluster().ids("proxy", scene.left()), &scene.outcome());
  scene.Say(absl::StrCat("promoted ", candidate, ": ", scene.outcome().verdict, ", ", carried.looks,
                         " looks at the plan"));
  HF_RETURN_IF_ERROR(scene.Await(
      [&] { return scene.journal().FirstOf(candidate, scene.lost_at(), Load::kDirect).has_value(); },
      "the new primary commits"));
  const Acknowledgement first = *scene.journal().FirstOf(candidate, scene.lost_at());
  scene.outcome().promote_seconds = absl::ToDoubleSeconds(first.at - carried.began);
  scene.outcome().commit_outage_seconds = absl::ToDoubleSeconds(first.at - scene.lost_at());
  return first;
}

// As soon as it has stopped being the primary, by itself; what it answers until then is part of the drill.
absl::Status AwaitFence(Scene& scene) {
  const absl::Duration back = scene.Now();
  std::string said;
  HF_RETURN_IF_ERROR(scene.Await(
      [&] {
        const auto status = scene.console().StatusOf(scene.old_primary());
        said = status.ok() ? v1::NodeRole_Name(status->header().role()) : status.status().ToString();
        return status.ok() && (status->header().role() == v1::NODE_ROLE_FENCED ||
                               status->header().role() == v1::NODE_ROLE_SUSPENDED ||
                               status->header().role() == v1::NODE_ROLE_STANDBY);
      },
      [&] { return absl::StrCat("'", scene.old_primary(), "' fences itself; it says ", said); }));
  scene.outcome().fence_seconds = absl::ToDoubleSeconds(scene.Now() - back);
  return absl::OkStatus();
}

// Whatever the old primary acknowledged once the new one did has two primaries behind it (I2).
void JudgePromises(Scene& scene, absl::Duration first_of_new) {
  for (const Write& write : scene.journal().writes()) {
    const bool is_late = write.acknowledged && write.acknowledged->node_id == scene.old_primary() &&
                         write.acknowledged->at > first_of_new;
    scene.outcome().commits_after_promises += is_late;
  }
}

}  // namespace

absl::Status LosePrimarySite(Scene& scene) {
  HF_RETURN_IF_ERROR(scene.LoseSite());
  const std::string candidate = scene.cluster().ids("standby", scene.left()).front();
  HF_ASSIGN_OR_RETURN(const Acknowledgement first, Promote(scene, candidate));
  HF_RETURN_IF_ERROR(scene.AwaitConvergence(first));
  HF_RETURN_IF_ERROR(scene.BringSiteBack());
  HF_RETURN_IF_ERROR(AwaitFence(scene));
  HF_RETURN_IF_ERROR(scene.TypeUntilDone({"rejoin", scene.old_primary()}));
  scene.outcome().rejoined = true;
  HF_RETURN_IF_ERROR(scene.ResumeReaders(first.revision));
  scene.Say(absl::StrCat(scene.old_primary(), " has rejoined, and every proxy follows"));
  JudgePromises(scene, first.at);
  scene.Linger();
  if (!scene.options().fail_back) return scene.Settle(candidate);
  HF_RETURN_IF_ERROR(scene.SwitchOver(candidate, scene.old_primary()));
  scene.outcome().failed_back = true;
  return scene.Settle(scene.old_primary());
}

}  // namespace holdfast::drill
