#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "holdfast/v1/operation.pb.h"
#include "tests/sim/sim_cluster.h"

namespace holdfast::sim {

// An operator who promotes a node with the real driver: looks at the plan, adds the overrides that it asks
// for if this operator is one who insists, confirms it, and watches; now and then gives it up in the middle,
// or goes on with one that a crash has interrupted. One thread.
class Promoter : public std::enable_shared_from_this<Promoter> {
 public:
  // `done` hears when there is nothing more to watch.
  // `planned`: hands over, with both sites up.
  Promoter(SimCluster* cluster, std::string candidate, bool may_override, bool planned,
           std::function<void()> done);

  void Begin();

 private:
  void Plan();
  void OnPlan(const absl::StatusOr<v1::PlanOperationResponse>& planned);
  // The overrides that the checks ask for; false if nothing helps.
  bool Insist(const v1::Plan& plan);
  void OnBegun(const absl::StatusOr<v1::StartOperationResponse>& begun);
  void Watch();
  void End(const std::string& why);
  bool IsGone() const;

  SimCluster* const cluster_;
  const std::string candidate_;
  const bool may_override_;
  const bool planned_;
  std::function<void()> done_;
  uint64_t life_ = 0;
  int plans_ = 0;
  int looks_ = 0;
  v1::PlanOperationRequest request_;
  std::string operation_id_;
};

// Operators who act now and then: compaction, changes of voters and of q, promotions. One thread.
class Operators {
 public:
  explicit Operators(SimCluster* cluster) : cluster_(cluster) {}

  void Start();
  void Stop() { stopped_ = true; }

  // After the last fault: finishes what was begun, until one node is primary in the highest epoch that
  // anybody promised, and admits every wiped voter anew. Call it again until Settled.
  void Settle();
  bool Settled() const;

 private:
  void One();
  void Compact();
  void ChangeVoters(bool same_nodes);
  // Former primaries come back as followers; one that has not heard of the new epoch is told.
  void RejoinAll();
  void TellOfEpoch(SimNode& node);
  void CutOffPrimary();
  void PromoteSomebody(bool may_override, bool planned);
  uint64_t HighestEpoch() const;

  SimCluster* const cluster_;
  bool stopped_ = false;
  bool busy_ = false;  // a promotion is under way
};

}  // namespace holdfast::sim
