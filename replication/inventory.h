#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "holdfast/v1/record.pb.h"
#include "holdfast/v1/salvage.pb.h"

// What the cluster knows of itself, in the replicated data below `_holdfast/`, so that every replica has it
// when the primary is gone (DESIGN 3). Values are JSON, so that `holdfast get` shows them to people.
namespace holdfast::replication {

inline constexpr absl::string_view kClusterKey = "_holdfast/cluster";
inline constexpr absl::string_view kNodesPrefix = "_holdfast/nodes/";
inline constexpr absl::string_view kNodesEnd = "_holdfast/nodes0";  // '0' follows '/'

inline constexpr absl::string_view kSalvagePrefix = "_holdfast/salvage/";
inline constexpr absl::string_view kUnsettledPrefix = "_holdfast/unsettled/";
inline constexpr absl::string_view kUnsettledEnd = "_holdfast/unsettled0";

std::string NodeKey(absl::string_view node_id);
// Where a salvage file is registered: `_holdfast/salvage/<node_id>/<file>`.
std::string SalvageKey(absl::string_view node_id, absl::string_view file);
// Where a break-glass epoch stands until it is settled (R20).
std::string UnsettledKey(uint64_t epoch);

// Members in node id order. A plain value.
struct Inventory {
  v1::ClusterInfo cluster;
  std::vector<v1::NodeInfo> nodes;
  std::vector<v1::UnsettledEpoch> unsettled;  // oldest first

  const v1::NodeInfo* Find(absl::string_view node_id) const;  // nullptr if it is no member
};

std::string ToJson(const v1::ClusterInfo& cluster);
std::string ToJson(const v1::NodeInfo& node);
std::string ToJson(const v1::SalvageFileSummary& file);
std::string ToJson(const v1::UnsettledEpoch& epoch);
// DATA_DAMAGED if the value is not what we write; unknown fields (a newer release's) are passed over.
absl::StatusOr<v1::ClusterInfo> ClusterFromJson(absl::string_view json);
absl::StatusOr<v1::NodeInfo> NodeFromJson(absl::string_view json);
absl::StatusOr<v1::UnsettledEpoch> UnsettledFromJson(absl::string_view json);

// Is this incarnation of the node a voter of the rule (R16)?
bool IsVoter(const v1::DurabilityRule& rule, absl::string_view node_id, absl::string_view incarnation);

// "dc2-a, dc2-b, dc2-p1".
std::string NamesOf(const google::protobuf::RepeatedPtrField<v1::Voter>& voters);
// "2 of {dc2-a, dc2-b, dc2-p1}"; "local (q = 0)".
std::string ToString(const v1::DurabilityRule& rule);

}  // namespace holdfast::replication
