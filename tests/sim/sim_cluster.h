#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/scenario.h"
#include "tests/sim/sim_node.h"

namespace holdfast::sim {

// The machines of a run, and what happens to them without anybody's doing: a supervisor that starts what is
// down. One thread.
class SimCluster {
 public:
  explicit SimCluster(World* world);
  ~SimCluster();

  // The run is over: ends every process.
  void EndAll();

  World& world() { return *world_; }
  std::vector<std::unique_ptr<SimNode>>& nodes() { return nodes_; }
  SimNode& node(const std::string& id);
  SimNode& AnyNode() { return *nodes_[world_->random->Below(nodes_.size())]; }
  // Null if the one drawn is down.
  SimNode* AnyUpNode();
  // Null if the one drawn does not answer clients. A proxy that is up and has data must (I12); one that has
  // its first data, or has just been started with it, needs a turn of its strand for that, which a disk may
  // hold up.
  SimNode* AnyServingNode();

  // Starts all and makes a cluster of them. False if that did not work in time.
  bool Form();

  // Who is to be primary, as the operators have it. It may be down or know better.
  const std::string& primary() const { return primary_; }

  // How long restarts take. Zero: at once.
  void set_mean_down_time(absl::Duration down) { mean_down_ = down; }

  // How an operator describes a machine.
  static v1::NodeSpec SpecOf(const NodePlan& plan);

  // The rule in force, and how many of its voters still have the incarnation that it names.
  const v1::DurabilityRule* RuleNow() const;
  int ValidVoters() const;

  // Would every rule from the committed one on still have its quorums without this node's incarnation? If
  // not, only a break-glass epoch would help. An operation under way counts as a rule that needs everybody.
  bool CanLose(const std::string& node_id) const;
  void NoteOperation() { last_operation_ = world_->time.now(); }
  // A primary may take it for alive until its stream ends, and would make it a voter that nobody has.
  void NoteWipe() { last_wipe_ = world_->time.now(); }
  bool WasWipedLately() const { return last_wipe_ && world_->time.now() < *last_wipe_ + kUntilAllKnow; }

  // Every node has the primary's last record and shows it.
  bool Converged() const;

 private:
  void Supervise();
  void NotePrimary(const std::string& node_id, uint64_t epoch);
  int Valid(const v1::DurabilityRule& rule, const std::string& without) const;
  v1::InitRequest InitRequest() const;

  // A proxy in one of its lives: it has served, or it was first met with data and not serving then.
  struct Serving {
    uint64_t life = 0;
    std::optional<absl::Duration> silent_since;
  };
  static constexpr absl::Duration kMaxUntilServing = absl::Seconds(1);
  static constexpr absl::Duration kUntilAllKnow = absl::Seconds(9);

  World* const world_;
  std::map<std::string, Serving> serving_;
  std::vector<std::unique_ptr<SimNode>> nodes_;
  std::string primary_;
  uint64_t primary_epoch_ = 0;
  std::optional<absl::Duration> last_operation_;
  std::optional<absl::Duration> last_wipe_;
  std::map<std::string, absl::Duration> start_at_;
  absl::Duration mean_down_ = absl::Milliseconds(1500);
};

}  // namespace holdfast::sim
