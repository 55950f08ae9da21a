#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/time/time.h"
#include "tests/sim/run.h"
#include "tests/sim/story.h"

namespace holdfast::sim {

struct CampaignOptions {
  uint64_t first_seed = 1;
  uint64_t seeds = 1;
  int jobs = 1;           // processes at work; 0: one for each core
  uint64_t give_up = 20;  // failed seeds after which no more are begun
  std::function<void(uint64_t seed)> before_seed = [](uint64_t) {};  // called in the seed's process
  // Hears of each seed that failed, and of every one with how many are done. Called by the caller's thread.
  std::function<void(const RunResult&)> on_failed = [](const RunResult&) {};
  std::function<void(uint64_t done)> on_done = [](uint64_t) {};
};

// What many seeds came to.
struct CampaignResult {
  uint64_t seeds = 0;   // that were run
  uint64_t failed = 0;  // with a violation, or by ending their process
  absl::Duration virtual_time;
  double cpu_seconds = 0;  // of all processes, by the operating system
  Coverage coverage;
  // One number a seed, in no order.
  std::vector<int64_t> acknowledged;
  std::vector<int64_t> faults;
  uint64_t with_promotion = 0;  // seeds in which an epoch was begun after the first

  static int64_t Median(std::vector<int64_t> numbers);
  double PromotionShare() const;  // 0 to 1
};

// Runs seeds in processes of their own: the simulator is not reentrant, and a check of the code under test
// may end the process, which then counts as that seed's violation. Every seed runs as it would alone.
CampaignResult RunCampaign(const CampaignOptions& options);

// One line: seeds, virtual hours, crashes, acknowledged commits, promotions, rewinds, snapshots ...
std::string Summary(const CampaignResult& result);

}  // namespace holdfast::sim
