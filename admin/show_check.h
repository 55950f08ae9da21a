#pragma once

#include <string>
#include <vector>

#include "admin/cluster_check.h"
#include "admin/context.h"

namespace holdfast::admin {

// What was found of one node. A plain value.
struct NodeFindings {
  CheckedNode node;
  std::vector<v1::ReadinessItem> items;
};

// What `holdfast check` prints. A plain value.
struct CheckFindings {
  ClusterView view;
  std::vector<NodeFindings> nodes;
  std::vector<v1::ReadinessItem> cluster;  // empty if only some nodes were asked for

  v1::ReadinessLevel worst() const;
};

// "OK", "WARN", "FAIL", "UNKNOWN".
std::string ShowLevel(v1::ReadinessLevel level);

// For people, at most kOutputWidth columns: each node with its items; what is not OK says what is needed and
// what to type next. One thread.
void PrintCheck(Context& context, const CheckFindings& findings);
// For scripts.
void WriteCheck(Context& context, const CheckFindings& findings);

}  // namespace holdfast::admin
