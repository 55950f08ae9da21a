#include <string>

#include "base/status_macros.h"
#include "tests/drill/drills.h"
#include "tests/drill/judge_run.h"

namespace holdfast::drill {

absl::Status SwitchThereAndBack(Scene& scene) {
  const std::string& home = scene.old_primary();
  const std::string away = scene.cluster().ids("standby", scene.left()).front();
  scene.Linger();
  const absl::Duration began = scene.Now();
  for (int i = 0; i < scene.options().switchovers; ++i) {
    HF_RETURN_IF_ERROR(scene.SwitchOver(home, away));
    scene.Linger();
    HF_RETURN_IF_ERROR(scene.SwitchOver(away, home));
    scene.Linger();
  }
  NoteRates(scene.load(), scene.cluster().ids("proxy"), began, scene.Now(), &scene.outcome());
  return scene.Settle(home);
}

}  // namespace holdfast::drill
