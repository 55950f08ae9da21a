#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "admin/context.h"
#include "holdfast/v1/admin.pb.h"

namespace holdfast::admin {

// Makes `primary` the first primary of a new cluster with these members: what `holdfast init` and `holdfast
// up` both do. Without `quorum`, most of the voters (2 of 3); 0 without voters. Errors: INVALID_REQUEST
// (usage), CONFLICTING_SETTINGS if `primary` is no member, those of AdminService.Init.
absl::StatusOr<v1::InitResponse> InitCluster(Context& context, const std::vector<v1::NodeSpec>& nodes,
                                             const std::string& primary, std::optional<uint32_t> quorum);

}  // namespace holdfast::admin
