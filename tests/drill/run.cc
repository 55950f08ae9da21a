#include "tests/drill/run.h"

#include "absl/status/status.h"
#include "base/status_macros.h"
#include "tests/drill/drills.h"

namespace holdfast::drill {
namespace {

absl::Status Play(Scene& scene) {
  HF_RETURN_IF_ERROR(scene.Prepare());
  if (scene.options().switchovers > 0) return SwitchThereAndBack(scene);
  return scene.lost() == "dc1" ? LosePrimarySite(scene) : LoseVotersSite(scene);
}

}  // namespace

const char* NameOf(Loss loss) {
  switch (loss) {
    case Loss::kKill:
      return "kill";
    case Loss::kCut:
      return "cut";
    case Loss::kPartition:
      return "partition";
    case Loss::kOneWay:
      return "one-way";
  }
  return "";
}

Outcome RunDrill(const RunOptions& options, const Halt& halt, Clock* clock, std::ostream& progress) {
  Scene scene(options, halt, clock, progress);
  return scene.Finish(Play(scene));
}

}  // namespace holdfast::drill
