#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/sim_cluster.h"

namespace holdfast::sim {

// Clients that read now here, now there, keys and whole ranges, and remember the highest revision that an
// answer has named: with it as `min_revision` none of them ever sees the past (I5), what is served under
// `max_staleness` is no older, and nobody is refused for another reason than what he demands (I12). Through
// the real serving/reader.h. One thread.
class Sessions {
 public:
  explicit Sessions(SimCluster* cluster) : cluster_(cluster), seen_(kSessions, nullptr) {}

  void Start();
  void Stop() { stopped_ = true; }

 private:
  static constexpr size_t kSessions = 3;
  struct Read;

  void ReadOnce();
  static bool MayRefuse(const Read& read, const std::string& reason);
  void OnAnswer(Read& read, const absl::Status& status);
  const Entry* AnsweredAt(const Read& read, const absl::Status& status) const;
  void CheckHeader(const Read& read, const absl::Status& status, Revision at);
  static std::map<std::string, ModelRow> RowsOf(const Read& read, const absl::Status& status);
  void OnLost(Read& read);

  SimCluster* const cluster_;
  std::vector<const Entry*> seen_;  // by session: the newest record that it was shown
  bool stopped_ = false;
};

}  // namespace holdfast::sim
