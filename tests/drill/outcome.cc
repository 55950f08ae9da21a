#include "tests/drill/outcome.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "admin/json_writer.h"
#include "admin/table.h"
#include "tests/drill/spread.h"

namespace holdfast::drill {
namespace {

using admin::JsonWriter;

void WriteTime(JsonWriter& json, const char* name, const std::optional<double>& seconds) {
  json.Key(name);
  seconds ? json.Number(*seconds) : json.Null();
}

void WriteMap(JsonWriter& json, const char* name, const std::map<std::string, double>& figures) {
  json.Key(name).BeginObject();
  for (const auto& [key, figure] : figures) json.Key(key).Number(figure);
  json.EndObject();
}

// The members that mean the same of one run and of several.
void WriteCounts(JsonWriter& json, const Outcome& sum) {
  json.Member("reads", sum.reads).Member("read_errors", sum.read_errors);
  json.Member("reads_wrong", sum.reads_wrong);
  json.Member("reads_on_fresh_connections", sum.reads_on_fresh_connections);
  json.Key("least_reads_per_second").Number(sum.least_reads_per_second);
  json.Member("commits_acknowledged", sum.commits_acknowledged);
  json.Member("commits_unknown", sum.commits_unknown).Member("commits_lost", sum.commits_lost);
  json.Member("commits_wrong", sum.commits_wrong).Member("watch_events", sum.watch_events);
  json.Member("watch_events_missing", sum.watch_events_missing);
  json.Member("watch_events_repeated", sum.watch_events_repeated);
  json.Member("watch_events_wrong", sum.watch_events_wrong).Member("watch_rewinds", sum.watch_rewinds);
  json.Member("watch_streams_ended", sum.watch_streams_ended);
  json.Member("digests_equal", sum.digests_equal).Member("rejoined", sum.rejoined);
  json.Member("failed_back", sum.failed_back);
}

std::string Show(const std::optional<double>& seconds) {
  return seconds ? absl::StrFormat("%.2f s", *seconds) : "-";
}

// The figures of which medians are of interest.
struct Figure {
  const char* name;
  std::optional<double> (*of)(const Outcome&);
};
constexpr Figure kFigures[] = {
    {"promote_seconds", [](const Outcome& one) { return one.promote_seconds; }},
    {"commit_outage_seconds", [](const Outcome& one) { return one.commit_outage_seconds; }},
    {"client_outage_seconds", [](const Outcome& one) { return one.client_outage_seconds; }},
    {"slowest_proxy_seconds", [](const Outcome& one) { return one.slowest_proxy_seconds; }},
    {"switchover_pause_seconds", [](const Outcome& one) { return one.switchover_pause_seconds; }},
    {"max_read_gap_ms", [](const Outcome& one) { return std::optional<double>(one.max_read_gap_ms()); }},
};

Spread SpreadOfFigure(const std::vector<Outcome>& outcomes, const Figure& figure) {
  std::vector<double> figures;
  for (const Outcome& one : outcomes) {
    if (const std::optional<double> known = figure.of(one)) figures.push_back(*known);
  }
  return SpreadOf(std::move(figures));
}

Outcome Sum(const std::vector<Outcome>& outcomes) {
  Outcome sum;
  sum.digests_equal = sum.rejoined = sum.failed_back = !outcomes.empty();
  sum.least_reads_per_second = outcomes.empty() ? 0 : outcomes.front().least_reads_per_second;
  for (const Outcome& one : outcomes) {
    sum.reads += one.reads;
    sum.read_errors += one.read_errors;
    sum.reads_wrong += one.reads_wrong;
    sum.reads_on_fresh_connections += one.reads_on_fresh_connections;
    sum.least_reads_per_second = std::min(sum.least_reads_per_second, one.least_reads_per_second);
    sum.commits_acknowledged += one.commits_acknowledged;
    sum.commits_unknown += one.commits_unknown;
    sum.commits_lost += one.commits_lost;
    sum.commits_wrong += one.commits_wrong;
    sum.watch_events += one.watch_events;
    sum.watch_events_missing += one.watch_events_missing;
    sum.watch_events_repeated += one.watch_events_repeated;
    sum.watch_events_wrong += one.watch_events_wrong;
    sum.watch_rewinds += one.watch_rewinds;
    sum.watch_streams_ended += one.watch_streams_ended;
    sum.digests_equal &= one.digests_equal;
    sum.rejoined &= one.rejoined;
    sum.failed_back &= one.failed_back;
  }
  return sum;
}

int64_t CountPassed(const std::vector<Outcome>& outcomes) {
  return std::count_if(outcomes.begin(), outcomes.end(), [](const Outcome& one) { return one.passed(); });
}

}  // namespace

double Outcome::max_read_gap_ms() const {
  double longest = 0;
  for (const auto& [node_id, gap] : read_gap_ms) longest = std::max(longest, gap);
  return longest;
}

bool Outcome::passed() const {
  const int64_t faults = read_errors + reads_wrong + commits_lost + commits_wrong + watch_events_missing +
                         watch_events_repeated + watch_events_wrong + watch_rewinds;
  return error.empty() && faults == 0 && findings.empty() && digests_equal && rejoined &&
         (failed_back || !fail_back);
}

void Outcome::Note(const Findings& more) {
  findings.insert(findings.end(), more.shown().begin(), more.shown().end());
}

std::string ToJson(const Outcome& outcome) {
  JsonWriter json(/*one_line=*/true);
  json.BeginObject().Member("passed", outcome.passed()).Member("loss", outcome.loss);
  json.Member("seed", static_cast<int64_t>(outcome.seed)).Member("keys", outcome.keys);
  json.Member("proxies", outcome.proxies).Member("verdict", outcome.verdict);
  WriteCounts(json, outcome);
  json.Key("max_read_gap_ms").Number(outcome.max_read_gap_ms());
  WriteTime(json, "promote_seconds", outcome.promote_seconds);
  WriteTime(json, "commit_outage_seconds", outcome.commit_outage_seconds);
  WriteTime(json, "client_outage_seconds", outcome.client_outage_seconds);
  WriteTime(json, "slowest_proxy_seconds", outcome.slowest_proxy_seconds);
  WriteTime(json, "switchover_pause_seconds", outcome.switchover_pause_seconds);
  json.Member("looks_at_plan", outcome.looks_at_plan);
  WriteMap(json, "read_gap_ms", outcome.read_gap_ms);
  WriteMap(json, "arrival_ms", outcome.arrival_ms);
  WriteMap(json, "step_ms", outcome.step_ms);
  json.Member("error", outcome.error).Key("findings").BeginArray();
  for (const std::string& finding : outcome.findings) json.String(finding);
  return json.EndArray().EndObject().text();
}

std::string ToText(const Outcome& outcome) {
  std::string text =
      absl::StrFormat("%s  loss %s, seed %d, %d keys, %d proxies; verdict %s\n",
                      outcome.passed() ? "PASSED" : "FAILED", outcome.loss, outcome.seed, outcome.keys,
                      outcome.proxies, outcome.verdict.empty() ? "-" : outcome.verdict);
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
  absl::StrAppendFormat(&text,
                        "  promote  %s to the first commit; no commits for %s (the library's client %s);\n"
                        "           the slowest proxy came %s after the EPOCH record; %d looks at the plan\n",
                        Show(outcome.promote_seconds), Show(outcome.commit_outage_seconds),
                        Show(outcome.client_outage_seconds), Show(outcome.slowest_proxy_seconds),
                        outcome.looks_at_plan);
  absl::StrAppendFormat(
      &text, "  after    %s, %s, digests %s\n", outcome.rejoined ? "rejoined" : "NOT rejoined",
      outcome.failed_back ? "failed back" : "not failed back", outcome.digests_equal ? "equal" : "NOT EQUAL");
  for (const std::string& finding : outcome.findings)
    absl::StrAppend(&text, "  ", admin::Shorten(finding, admin::kOutputWidth - 2), "\n");
  if (!outcome.error.empty()) absl::StrAppend(&text, "  stopped: ", outcome.error, "\n");
  return text;
}

std::string SummaryJson(const std::vector<Outcome>& outcomes) {
  JsonWriter json(/*one_line=*/true);
  const int64_t passed = CountPassed(outcomes);
  json.BeginObject().Member("runs", static_cast<int64_t>(outcomes.size())).Member("runs_passed", passed);
  json.Member("passed", passed == static_cast<int64_t>(outcomes.size()));
  WriteCounts(json, Sum(outcomes));
  for (const bool median : {true, false}) {
    json.Key(median ? "medians" : "maxima").BeginObject();
    for (const Figure& figure : kFigures) {
      const Spread spread = SpreadOfFigure(outcomes, figure);
      json.Key(figure.name).Number(median ? spread.median : spread.maximum);
    }
    json.EndObject();
  }
  return json.EndObject().text();
}

std::string SummaryText(const std::vector<Outcome>& outcomes) {
  const Outcome sum = Sum(outcomes);
  std::string text = absl::StrFormat(
      "%d of %d runs passed: %d reads, %d failed, %d wrong; %d commits acknowledged, %d lost;\n"
      "%d watch events, %d missing, %d repeated\n\n",
      CountPassed(outcomes), outcomes.size(), sum.reads, sum.read_errors, sum.reads_wrong,
      sum.commits_acknowledged, sum.commits_lost, sum.watch_events, sum.watch_events_missing,
      sum.watch_events_repeated);
  admin::Table table({{"FIGURE"}, {"MEDIAN", admin::Align::kRight}, {"WORST", admin::Align::kRight}});
  for (const Figure& figure : kFigures) {
    const Spread spread = SpreadOfFigure(outcomes, figure);
    table.Add({figure.name, absl::StrFormat("%.2f", spread.median), absl::StrFormat("%.2f", spread.maximum)});
  }
  return absl::StrCat(text, table.ToString());
}

}  // namespace holdfast::drill
