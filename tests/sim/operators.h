#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/promoter.h"
#include "tests/sim/sim_cluster.h"

namespace holdfast::sim {

// Operators who act now and then: compaction, changes of voters and of q, promotions of every kind, two of
// them at once, whatever is left of earlier ones. One thread.
class Operators {
 public:
  explicit Operators(SimCluster* cluster) : cluster_(cluster) {}

  void Start();
  void Stop() { stopped_ = true; }

  // After the last fault: finishes what was begun, until one node is primary in the highest epoch that
  // anybody promised, and admits every wiped voter anew. Call it again until Settled.
  void Settle();
  bool Settled() const;

  // I8, I9: at the end, every operation in a journal has come to what it says, or can still be ended.
  void CheckJournals();

 private:
  void One();
  // operators_settings.cc
  void Compact();
  void ChangeVoters(bool same_nodes);
  // Adds a machine that is no member, or removes one that is.
  void ChangeMembers();
  // False if there is none.
  bool AddMissingMembers();
  std::vector<NodePlan> NoMembers(SimNode& primary) const;
  void ChangeNodes(SimNode& primary, const v1::ChangeNodesRequest& request, const char* what);
  // Former primaries come back as followers; one that has not heard of the new epoch is told.
  void RejoinAll();
  void TellOfEpoch(SimNode& node);
  // The primary alone, or its whole site, is cut off from all others for some seconds, and then `is_back`.
  void CutOff(bool whole_site, const std::function<void()>& is_back);
  void MoveThePrimary();
  void LoseTheSite();
  void LoseTwoInARow();
  // The sites meet again. Who is not primary any more may still have its branch, and somebody wants that one
  // (R20).
  void WantTheOtherBranch();
  void LetServersFallBehind();
  // Resumes or gives up what a crash has interrupted, and goes on with what is incomplete.
  void TidyOperations();
  void TidyOperation(SimNode& node, const v1::Operation& operation);
  // Anybody who may be worth it; null if there is nobody but `but_not`.
  SimNode* SomeCandidate(const std::string& but_not);
  void Promote(SimNode* candidate, bool insists, bool planned);
  uint64_t HighestEpoch() const;
  bool WaitsForRole(SimNode& primary);

  SimCluster* const cluster_;
  bool stopped_ = false;
  std::optional<absl::Duration> waits_since_;  // for a role that is to be taken back
  bool tidied_ = false;                        // what was left of operations when the last fault was over
};

}  // namespace holdfast::sim
