#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

// Points in production code at which a test ends a real process, lets it stand still, or makes what comes
// next fail: before and after each durable step. They exist in the programs of tests/failpoints only; in all
// others nothing of them is left, not even the name. A name is `<what>.before-<step>` or
// `<what>.after-<step>`, and says which durable write lies on which side of it. A file that gets its first
// one is added to tests/failpoints/CMakeLists.txt (a test sees to it). Any thread.
namespace holdfast {

// Counts the hit and does what was armed for it (tests/failpoints/failpoints.h). An error is returned only if
// one was armed.
absl::Status HitFailpoint(absl::string_view name);

}  // namespace holdfast

#ifdef HOLDFAST_FAILPOINTS
// For places that cannot fail: an armed error changes nothing there.
#define HOLDFAST_FAILPOINT(name) ::holdfast::HitFailpoint(name).IgnoreError()
// The armed error, or OK. The caller treats it as a failure of the step that follows.
#define HOLDFAST_FAILPOINT_STATUS(name) ::holdfast::HitFailpoint(name)
#else
#define HOLDFAST_FAILPOINT(name) static_cast<void>(0)
#define HOLDFAST_FAILPOINT_STATUS(name) ::absl::OkStatus()
#endif
