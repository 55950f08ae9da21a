#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "holdfast/v1/replication.pb.h"
#include "tests/sim/sim_cluster.h"

namespace holdfast::sim {

// A promotion by hand, step by step, as the failover driver will do it: the candidate promises itself, asks
// the others, judges the answers by R4 to R6, and appends its EPOCH record. Where the promises do not prove
// it, an operator may insist (R20). Every step may be met by a crash. This is the seam where `failover/`
// comes in. One thread.
class TakeOver : public std::enable_shared_from_this<TakeOver> {
 public:
  // `done` hears whether the candidate has its EPOCH record.
  TakeOver(SimCluster* cluster, std::string candidate, bool may_override, std::function<void(bool)> done);

  void Begin();

 private:
  void Ask();
  void Judge();
  // The rules whose promises are needed (R5), from the candidate's log.
  std::vector<const v1::DurabilityRule*> Rules() const;
  bool IsProven() const;
  void AppendEpoch(bool overriding);
  storage::RecordDraft Draft(bool overriding) const;
  v1::DurabilityRule NewRule() const;
  void End(bool taken, const std::string& why);

  SimCluster* const cluster_;
  const std::string candidate_;
  const bool may_override_;
  std::function<void(bool)> done_;
  uint64_t life_ = 0;
  v1::EpochPromise promise_;
  std::map<std::string, v1::PromiseResponse> answers_;  // of those that promised, itself included
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
  void PromoteSomebody(bool may_override);
  uint64_t HighestEpoch() const;

  SimCluster* const cluster_;
  bool stopped_ = false;
  bool busy_ = false;  // a promotion is under way
};

}  // namespace holdfast::sim
