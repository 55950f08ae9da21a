#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/drill/findings.h"

namespace holdfast::drill {

// What one disaster came to. A plain value. Times are seconds unless the name says otherwise; none: it did
// not come to that.
struct Outcome {
  // What was done.
  uint64_t seed = 0;
  std::string loss;  // kill, cut
  int keys = 0;
  int proxies = 0;  // in both sites
  bool fail_back = true;

  // Reads. An error is a failed attempt; a wrong one was answered with what cannot have been.
  int64_t reads = 0;
  int64_t read_errors = 0;
  int64_t reads_wrong = 0;
  int64_t reads_on_fresh_connections = 0;
  double least_reads_per_second = 0;  // of the proxies that are left, from the loss until all had converged
  std::map<std::string, double> read_gap_ms;  // the longest silence of each proxy that is left

  // Commits, by the clients' own journals.
  int64_t commits_acknowledged = 0;
  int64_t commits_unknown = 0;
  int64_t commits_lost = 0;
  int64_t commits_wrong = 0;  // torn, twice, invented, refused, or listed otherwise than their history says

  // The promotion.
  std::string verdict;
  int looks_at_plan = 0;
  std::optional<double> promote_seconds;        // start of the command to the first acknowledged commit
  std::optional<double> commit_outage_seconds;  // the loss to the first acknowledged commit
  std::optional<double> client_outage_seconds;  // the same for a client of the library
  std::optional<double> slowest_proxy_seconds;  // the EPOCH record to the last proxy of the site that is left
  std::map<std::string, double> step_ms;        // of the operation, by its own word
  std::map<std::string, double> arrival_ms;     // the EPOCH record to each proxy that is left

  // Watches.
  int64_t watch_events = 0;
  int64_t watch_events_missing = 0;
  int64_t watch_events_repeated = 0;
  int64_t watch_events_wrong = 0;   // out of order, or of no history
  int64_t watch_rewinds = 0;        // none is right where nothing was lost
  int64_t watch_streams_ended = 0;  // at proxies that are left

  // What became of the site.
  bool rejoined = false;
  bool failed_back = false;
  std::optional<double> switchover_pause_seconds;  // between the last commit there and the first one here
  bool digests_equal = false;

  std::string error;  // where the drill had to stop
  std::vector<std::string> findings;

  double max_read_gap_ms() const;
  // Nothing was lost, failed, missing or repeated, and all was done that was asked for.
  bool passed() const;
  void Note(const Findings& more);
};

// One JSON object on one line.
std::string ToJson(const Outcome& outcome);
// For people, at most 100 places wide.
std::string ToText(const Outcome& outcome);

// Several runs: counts are sums; times as medians and maxima.
std::string SummaryJson(const std::vector<Outcome>& outcomes);
std::string SummaryText(const std::vector<Outcome>& outcomes);

}  // namespace holdfast::drill
