#include "tests/drill/outcome.h"

#include <algorithm>

#include "tests/drill/spread.h"

namespace holdfast::drill {
namespace {

std::vector<double> PausesOf(const Outcome& outcome) {
  std::vector<double> pauses;
  for (const Switchover& one : outcome.switchovers) pauses.push_back(one.pause_seconds);
  return pauses;
}

}  // namespace

double Outcome::max_read_gap_ms() const {
  double longest = 0;
  for (const auto& [node_id, gap] : read_gap_ms) longest = std::max(longest, gap);
  return longest;
}

std::optional<double> Outcome::switchover_pause_seconds() const {
  if (switchovers.empty()) return std::nullopt;
  return SpreadOf(PausesOf(*this)).median;
}

std::optional<double> Outcome::longest_switchover_pause_seconds() const {
  if (switchovers.empty()) return std::nullopt;
  return SpreadOf(PausesOf(*this)).maximum;
}

bool Outcome::passed() const {
  const int64_t faults = read_errors + reads_wrong + commits_lost + commits_wrong + commits_after_promises +
                         orphans_missing + watch_events_missing + watch_events_repeated + watch_events_wrong +
                         watch_rewinds;
  const bool is_back = lost.empty() || rejoined;
  const bool has_shown = !cut_off || orphans > 0;  // a cut that orphans nothing shows nothing
  return error.empty() && faults == 0 && findings.empty() && digests_equal && is_back && has_shown &&
         (failed_back || !fail_back) && static_cast<int>(switchovers.size()) >= switchovers_asked;
}

void Outcome::Note(const Findings& more) {
  for (const std::string& finding : more.shown()) {
    if (findings.size() < kMaxFindings) findings.push_back(finding);
  }
}

}  // namespace holdfast::drill
