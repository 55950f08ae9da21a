#pragma once

#include <string>

#include "tests/sim/sim_cluster.h"

namespace holdfast::sim {

// Everything that goes wrong, drawn from the seed. One thread.
class Faults {
 public:
  explicit Faults(SimCluster* cluster) : cluster_(cluster) {}

  // One misfortune now and then, until EndAll.
  void Start();
  // The last fault is over: the network is whole, disks have room, everything runs.
  void EndAll();

 private:
  void One();
  storage::CrashMode AnyMode();
  void CrashSoon(SimNode& node);
  void Partition();
  void FillDisk(SimNode& node);
  void FailDisk(SimNode& node);
  void SlowDisk(SimNode& node);
  void Pause(SimNode& node);
  void PromiseTwice(SimNode& node);
  void WipeFollower(SimNode& node);
  absl::Duration Short() const;

  SimCluster* const cluster_;
  bool ended_ = false;
};

}  // namespace holdfast::sim
