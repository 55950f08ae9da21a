#pragma once

#include "absl/status/status.h"
#include "tests/drill/scene.h"

// The drills: each takes a prepared scene through one disaster, to a cluster that is as it was. The error is
// why it could not go on; what it came to is in the scene's outcome. One thread.
namespace holdfast::drill {

// The primary's site is lost: a standby of the other is promoted, the site comes back, its primary rejoins
// and, if asked for, takes over again. lose_primary.cc
absl::Status LosePrimarySite(Scene& scene);

// The voters' site is lost: the primary goes on in place, the site comes back and votes again.
// lose_voters.cc
absl::Status LoseVotersSite(Scene& scene);

// Nothing is lost: the primary is handed over and back. switch_over.cc
absl::Status SwitchThereAndBack(Scene& scene);

}  // namespace holdfast::drill
