#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "admin/commands.h"
#include "admin/context.h"
#include "holdfast/v1/operation.pb.h"

namespace holdfast::admin {

// What an operator wants of a node. A plain value.
struct OperationWish {
  v1::OperationKind kind = v1::OPERATION_KIND_PROMOTE;
  std::string node_id;
  v1::Overrides overrides;
  bool dry_run = false;
  bool yes = false;
  std::string plan_id;
  std::string reason;
};

// The flags that every operation has: --dry-run, --reason, --yes, --plan.
void AddOperationFlags(Command& command, OperationWish* wish);

// What the node would do. Waits a few seconds while it makes somebody else's plan, then RESOURCE_EXHAUSTED;
// errors of the call.
absl::StatusOr<v1::PlanOperationResponse> AskForPlan(Context& context, NodeAdmin& admin,
                                                     const std::string& peer_address,
                                                     const v1::PlanOperationRequest& request);

// Looks from here, has the node plan, shows the plan, has it confirmed, starts the operation and watches it.
// The operation runs in the node: this may end at any time. Errors of the calls; what the plan or the
// operation came to is the exit code.
absl::StatusOr<ExitCode> PlanAndStart(Context& context, const OperationWish& wish);

}  // namespace holdfast::admin
