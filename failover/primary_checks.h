#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "failover/plan.h"
#include "holdfast/v1/operation.pb.h"

// Who acts as primary, and what a plan makes of it. Pure.
namespace holdfast::failover {

// A primary whose word came to a follower so short a time ago is alive, although it may be too busy to answer
// questions: more than a heartbeat (1 s).
inline constexpr absl::Duration kFeedIsFresh = absl::Milliseconds(1500);

// How long ago the primary of this feed showed that it lives; nullopt if nobody knows.
std::optional<absl::Duration> HeardAgo(const v1::Feed& feed);

// The nodes that were met, from anywhere, acting as primary of whatever epoch, each once: those that
// answered, and those that somebody is fed by just now.
struct PrimarySeen {
  std::string node_id;
  uint64_t epoch = 0;             // the highest one that it was met in
  std::vector<std::string> from;  // vantage points, in order
  std::vector<std::string> fed;   // nodes that it feeds, in order
};
std::vector<PrimarySeen> PrimariesSeen(const v1::ClusterView& view);

// A promotion: whoever acts as primary must not be harmed, each with its own line.
std::vector<v1::Check> CheckPrimaryGone(const PlanInput& input, const v1::Plan& plan);
// In place: only the last primary itself, and only if it cannot go on as it is.
v1::Check CheckLastPrimary(const PlanInput& input, const v1::Plan& plan);
// A planned hand-over needs the primary itself.
v1::Check CheckPrimaryHealthy(const PlanInput& input, const v1::Plan& plan);

}  // namespace holdfast::failover
