#pragma once

#include <functional>
#include <string>

#include "failover/plan.h"
#include "holdfast/v1/operation.pb.h"

// What the checks of a plan are made of. Pure.
namespace holdfast::failover {

v1::Check Passed(const std::string& name, const std::string& seen);
// One that did not pass: `next_command` can be typed as it stands; empty where nothing has to be done.
v1::Check Not(v1::CheckOutcome outcome, const std::string& name, const std::string& node_id,
              const std::string& seen, const std::string& needed, const std::string& next_command);

// nullptr if it is no member.
const v1::NodeInfo* Member(const v1::ClusterView& view, const std::string& node_id);
bool IsAssertedDown(const v1::Overrides& overrides, const v1::NodeInfo* member);

// The same command with other overrides, all of them: it can be typed as it stands.
std::string Again(const PlanInput& input, const std::function<void(v1::Overrides*)>& change);

}  // namespace holdfast::failover
