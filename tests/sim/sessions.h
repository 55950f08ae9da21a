#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/sim/sim_cluster.h"

namespace holdfast::sim {

// Clients that read now here, now there, and remember the highest revision they have seen: with it as
// `min_revision` none of them ever sees the past (I5), and what is served under `max_staleness` is no older.
// Through the real serving/reader.h. One thread.
class Sessions {
 public:
  explicit Sessions(SimCluster* cluster) : cluster_(cluster), seen_(kSessions, nullptr) {}

  void Start();
  void Stop() { stopped_ = true; }

 private:
  static constexpr size_t kSessions = 3;
  struct Read;

  void ReadOnce();
  void OnAnswer(Read& read, const absl::Status& status);
  void OnLost(Read& read);

  SimCluster* const cluster_;
  std::vector<const Entry*> seen_;  // by session: the newest record that it was shown
  bool stopped_ = false;
};

}  // namespace holdfast::sim
