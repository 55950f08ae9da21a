#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "admin/context.h"
#include "holdfast/v1/admin.pb.h"

// How the durability rule is shown: by `durability`, and in short by `status`. One thread.
namespace holdfast::admin {

// "1 h 58 min", "45 s".
std::string ShowSpan(absl::Duration span);

// What the rule means for commits, and for a promotion, in words (docs/durability.md has the table).
std::string WhatCommitsNeed(const v1::DurabilityRule& rule);
std::string WhatPromotionsProve(const v1::DurabilityRule& rule);

// Who knows most of the rule: the primary of the highest epoch that answered, else whoever has the longest
// log; nullptr if nobody answered.
const v1::StatusResponse* BestWitness(const std::vector<absl::StatusOr<v1::StatusResponse>>& answers);

// What an operator should know without having asked: a spell and how long it still lasts, a rule that waits
// for its voters. Each a line; none in ordinary times.
std::vector<std::string> DurabilityWarnings(const v1::StatusResponse& witness);

void PrintWarnings(Context& context, const std::vector<std::string>& warnings);

// The whole, for people or as JSON.
void ShowDurability(Context& context, const v1::StatusResponse& witness);

}  // namespace holdfast::admin
