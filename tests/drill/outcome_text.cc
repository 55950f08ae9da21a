#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "admin/table.h"
#include "tests/drill/outcome.h"

namespace holdfast::drill {
namespace {

std::string Show(const std::optional<double>& seconds) {
  return seconds ? absl::StrFormat("%.2f s", *seconds) : "-";
}

std::string WhatWasDone(const Outcome& outcome) {
  if (outcome.lost.empty()) return absl::StrCat(outcome.switchovers_asked, " switchovers");
  return absl::StrCat(outcome.lost, " lost by ", outcome.loss,
                      outcome.lost_way.empty() ? "" : absl::StrCat(" (", outcome.lost_way, ")"));
}

// What only some drills have.
std::string ShowMore(const Outcome& outcome) {
  std::string text;
  if (!outcome.commit_failures.empty()) {
    absl::StrAppend(&text, "  meanwhile");
    for (const auto& [reason, count] : outcome.commit_failures)
      absl::StrAppend(&text, " ", count, " ", reason);
    absl::StrAppend(&text, "; the slowest answer took ", Show(outcome.slowest_commit_failure_seconds), "\n");
  }
  if (outcome.orphans + outcome.salvaged_records > 0 || outcome.cut_off) {
    absl::StrAppendFormat(
        &text, "  salvage  %d records; %d orphans, %d missing; %d acknowledged after the promises\n",
        outcome.salvaged_records, outcome.orphans, outcome.orphans_missing, outcome.commits_after_promises);
  }
  if (outcome.fence_seconds)
    absl::StrAppend(&text, "  fenced   ", Show(outcome.fence_seconds), " after the site was back\n");
  if (!outcome.switchovers.empty()) {
    absl::StrAppendFormat(&text, "  pause    of commits in %d switchovers: median %s, longest %s\n",
                          outcome.switchovers.size(), Show(outcome.switchover_pause_seconds()),
                          Show(outcome.longest_switchover_pause_seconds()));
  }
  return text;
}

}  // namespace

std::string ToText(const Outcome& outcome) {
  std::string text =
      absl::StrFormat("%s  %s, seed %d, %d keys, %d proxies; verdict %s\n",
                      outcome.passed() ? "PASSED" : "FAILED", WhatWasDone(outcome), outcome.seed,
                      outcome.keys, outcome.proxies, outcome.verdict.empty() ? "-" : outcome.verdict);
  absl::StrAppendFormat(&text,
                        "  reads    %d, %d on connections of their own; %d failed, %d wrong; at least %.0f a "
                        "second\n           at each proxy left; the longest silence of one %.0f ms\n",
                        outcome.reads, outcome.reads_on_fresh_connections, outcome.read_errors,
                        outcome.reads_wrong, outcome.least_reads_per_second, outcome.max_read_gap_ms());
  absl::StrAppendFormat(&text, "  commits  %d acknowledged, %d lost, %d wrong; %d of unknown outcome\n",
                        outcome.commits_acknowledged, outcome.commits_lost, outcome.commits_wrong,
                        outcome.commits_unknown);
  absl::StrAppendFormat(&text, "  watches  %d events, %d missing, %d repeated, %d wrong; %d rewinds\n",
                        outcome.watch_events, outcome.watch_events_missing, outcome.watch_events_repeated,
                        outcome.watch_events_wrong, outcome.watch_rewinds);
  if (!outcome.lost.empty()) {
    absl::StrAppendFormat(
        &text,
        "  promote  %s to the first commit; no commits for %s (the library's client %s);\n"
        "           the slowest proxy came %s after the EPOCH record; %d looks at the plan\n",
        Show(outcome.promote_seconds), Show(outcome.commit_outage_seconds),
        Show(outcome.client_outage_seconds), Show(outcome.slowest_proxy_seconds), outcome.looks_at_plan);
  }
  absl::StrAppend(&text, ShowMore(outcome));
  const char* const rejoined = outcome.lost.empty() ? "" : outcome.rejoined ? "rejoined, " : "NOT rejoined, ";
  absl::StrAppendFormat(&text, "  after    %s%sdigests %s\n", rejoined,
                        !outcome.fail_back    ? ""
                        : outcome.failed_back ? "failed back, "
                                              : "NOT failed back, ",
                        outcome.digests_equal ? "equal" : "NOT EQUAL");
  for (const std::string& finding : outcome.findings)
    absl::StrAppend(&text, "  ", admin::Shorten(finding, admin::kOutputWidth - 2), "\n");
  if (!outcome.error.empty()) absl::StrAppend(&text, "  stopped: ", outcome.error, "\n");
  return text;
}

}  // namespace holdfast::drill
