#pragma once

#include <vector>

#include "failover/branches.h"
#include "failover/plan.h"
#include "holdfast/v1/operation.pb.h"

namespace holdfast::failover {

// The checks of a promotion, each with what was seen and needed. A dead node that safety does not need never
// blocks; a live one that would be harmed always does. Blocking ones first, then overridden ones, warnings,
// and what passed. Pure.
std::vector<v1::Check> CheckPromotion(const PlanInput& input, const Branches& branches, const v1::Plan& plan);

}  // namespace holdfast::failover
