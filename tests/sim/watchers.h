#pragma once

#include <memory>
#include <vector>

#include "tests/sim/sim_cluster.h"
#include "tests/sim/watch_judge.h"

namespace holdfast::sim {

// Clients that watch: each follows its range over restarts, now at this node, now at that one, and takes its
// messages quickly or slowly. What they hear is judged (I11). One thread.
class Watchers {
 public:
  explicit Watchers(SimCluster* cluster);
  ~Watchers();

  void Start();
  // Nobody changes nodes any more without need.
  void Settle() { settled_ = true; }
  // Everybody was told everything up to `end`.
  bool CaughtUp(const Entry* end) const;

 private:
  struct Watch;
  class Sink;

  v1::WatchRequest MakeRequest();
  void Look();
  void ComeEarly(const std::shared_ptr<Watch>& watch, SimNode* node, uint64_t life, absl::Duration pause,
                 int looks);
  SimNode* NodeToBeCut();
  void Open(const std::shared_ptr<Watch>& watch);
  v1::WatchRequest NextRequest(WatchJudge& judge);
  void OpenAt(const std::shared_ptr<Watch>& watch, SimNode* node, const v1::WatchRequest& request);
  void Leave(Watch& watch);

  SimCluster* const cluster_;
  bool settled_ = false;
  std::vector<std::shared_ptr<Watch>> watches_;  // shared with the streams
};

}  // namespace holdfast::sim
