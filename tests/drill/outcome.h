#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/drill/findings.h"

namespace holdfast::drill {

// One hand-over of the primary while both sites were up. A plain value.
struct Switchover {
  std::string to;
  double pause_seconds = 0;  // between the last commit that the old one acknowledged and the first here
  std::optional<double> client_pause_seconds;    // the same for a client of the library
  std::optional<double> reported_pause_seconds;  // by the operation's own word
  int looks_at_plan = 0;
  std::map<std::string, double> step_ms;
  std::string drained;  // by the operation's own word: who was waited for
};

// What one drill came to. A plain value. Times are seconds unless the name says otherwise; none: it did not
// come to that.
struct Outcome {
  // What was done.
  uint64_t seed = 0;
  std::string loss;      // kill, cut, partition, one-way; none: switchovers only
  std::string lost;      // the site; empty with none
  std::string lost_way;  // of one-way: "dc1 to dc2", what was sent so did not arrive
  int keys = 0;
  int proxies = 0;  // in both sites
  bool fail_back = true;
  bool cut_off = false;              // the lost site lived on behind the cut
  int switchovers_asked = 0;         // there and back counts as two
  std::string directory;             // data and logs, if the run has failed
  std::vector<std::string> look_at;  // files in it, the most telling first

  // Reads. An error is a failed attempt; a wrong one was answered with what cannot have been.
  int64_t reads = 0;
  int64_t read_errors = 0;
  int64_t reads_wrong = 0;
  int64_t reads_on_fresh_connections = 0;
  int64_t reads_beyond_cut = 0;       // in the lost site, from the loss until it was back
  double least_reads_per_second = 0;  // of the proxies that are left, from the loss until all had converged
  std::map<std::string, double> read_gap_ms;  // the longest silence of each proxy that is left

  // Commits, by the clients' own journals.
  int64_t commits_acknowledged = 0;
  int64_t commits_unknown = 0;
  int64_t commits_lost = 0;
  int64_t commits_wrong = 0;  // torn, twice, invented, refused, or listed otherwise than their history says
  int64_t commits_after_promises = 0;  // acknowledged by the old primary behind the first of the new one
  // What the library's client was told between the loss and its first commit afterwards, by reason.
  std::map<std::string, int64_t> commit_failures;
  std::optional<double> slowest_commit_failure_seconds;
  // Commits that a node said were in its log, that were never acknowledged and are in no history: each must
  // be in a salvage file.
  int64_t orphans = 0;
  int64_t orphans_missing = 0;
  int64_t salvaged_records = 0;

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
  std::optional<double> fence_seconds;  // it was back, until the old primary had stopped being one
  bool rejoined = false;
  bool failed_back = false;
  std::vector<Switchover> switchovers;  // the failback is the last
  bool digests_equal = false;

  // A fault of the machine shows at every reader; the first of them tell enough.
  static constexpr size_t kMaxFindings = 20;
  std::string error;  // where the drill had to stop
  std::vector<std::string> findings;

  double max_read_gap_ms() const;
  // The middle of the switchovers' pauses, and the longest.
  std::optional<double> switchover_pause_seconds() const;
  std::optional<double> longest_switchover_pause_seconds() const;
  // Nothing was lost, failed, missing or repeated, and all was done that was asked for.
  bool passed() const;
  void Note(const Findings& more);
};

// One JSON object on one line.
std::string ToJson(const Outcome& outcome);
// For people, at most 100 places wide.
std::string ToText(const Outcome& outcome);

}  // namespace holdfast::drill
