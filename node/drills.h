#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "holdfast/v1/readiness.pb.h"

namespace holdfast::node {

// Rehearsals of a promotion, as operators ask for them: a server does them (primary/drills.h), a proxy has
// none. Strand.
class NodeDrills {
 public:
  virtual ~NodeDrills() = default;

  // Begins one and answers when that is durable; it goes on by itself. CHECK_FAILED (what is in the way, and
  // what to type next), OPERATION_RUNNING (another one), DRAINING, errors of node.db.
  virtual absl::StatusOr<v1::StartDrillResponse> StartDrill(const v1::StartDrillRequest& request) = 0;
  // The one that runs, or the last one.
  virtual v1::GetDrillResponse GetDrill() = 0;
};

}  // namespace holdfast::node
