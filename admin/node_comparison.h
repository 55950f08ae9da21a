#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "admin/agreement.h"
#include "admin/node_admin.h"

namespace holdfast::admin {

// What one node said of itself.
struct ComparedNode {
  absl::StatusOr<v1::StatusResponse> status = absl::UnknownError("not asked");
  // Where it was compared last, and the digest there.
  v1::LogPosition position;
  std::string state_digest;
};

// Asks nodes, which may move meanwhile, again and again until they can be compared. One that cannot be asked
// is asked once more in each round, but holds up nobody. One thread.
class NodeComparison {
 public:
  // `admin` must outlive this; `deadline` is for each call.
  NodeComparison(NodeAdmin* admin, absl::Duration deadline, std::vector<v1::NodeInfo> members);

  // Asks all nodes once. True when there is a verdict and all show what the newest showed in the first round,
  // or when nobody could be asked.
  bool Round();

  // In the order of the members.
  const std::vector<ComparedNode>& nodes() const { return nodes_; }
  const Agreement& agreement() const { return agreement_; }

 private:
  bool Decided() const { return agreement_.verdict() != Agreement::Verdict::kNotCompared; }
  std::vector<std::string> AskAllNodes();
  void Observe(size_t i, const v1::LogPosition& position, const std::string& state_digest);
  void CompareRecords(int64_t revision);

  NodeAdmin* const admin_;
  const absl::Duration deadline_;
  const std::vector<v1::NodeInfo> members_;
  std::vector<ComparedNode> nodes_;
  std::vector<std::string> reached_;  // in the last round
  Agreement agreement_{{}};           // of those
  int64_t begun_at_ = 0;              // the newest revision that any node showed in the first round
};

}  // namespace holdfast::admin
