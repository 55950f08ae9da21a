#include "tests/drill/summary.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "admin/json_writer.h"
#include "admin/table.h"
#include "tests/drill/outcome_json.h"
#include "tests/drill/spread.h"

namespace holdfast::drill {
namespace {

using admin::JsonWriter;
using Outcomes = std::vector<Outcome>;

// The figures of which medians are of interest. Some are promised to stay below a bound.
struct Figure {
  const char* name;
  std::optional<double> (*of)(const Outcome&);
  double below = 0;
};
constexpr Figure kFigures[] = {
    {"promote_seconds", [](const Outcome& one) { return one.promote_seconds; }, 3},
    {"commit_outage_seconds", [](const Outcome& one) { return one.commit_outage_seconds; }},
    {"client_outage_seconds", [](const Outcome& one) { return one.client_outage_seconds; }},
    {"slowest_proxy_seconds", [](const Outcome& one) { return one.slowest_proxy_seconds; }},
    {"fence_seconds", [](const Outcome& one) { return one.fence_seconds; }},
    {"switchover_pause_seconds", [](const Outcome& one) { return one.switchover_pause_seconds(); }, 1},
    {"longest_switchover_pause_seconds",
     [](const Outcome& one) { return one.longest_switchover_pause_seconds(); }},
    {"max_read_gap_ms", [](const Outcome& one) { return std::optional<double>(one.max_read_gap_ms()); }},
};

std::vector<double> Known(const Outcomes& outcomes, const Figure& figure) {
  std::vector<double> figures;
  for (const Outcome& one : outcomes) {
    if (const std::optional<double> known = figure.of(one)) figures.push_back(*known);
  }
  return figures;
}

Outcome Sum(const Outcomes& outcomes) {
  Outcome sum;
  sum.digests_equal = sum.rejoined = sum.failed_back = !outcomes.empty();
  sum.least_reads_per_second = outcomes.empty() ? 0 : outcomes.front().least_reads_per_second;
  for (const Outcome& one : outcomes) {
    for (int64_t Outcome::*const count :
         {&Outcome::reads, &Outcome::read_errors, &Outcome::reads_wrong, &Outcome::reads_on_fresh_connections,
          &Outcome::reads_beyond_cut, &Outcome::commits_acknowledged, &Outcome::commits_unknown,
          &Outcome::commits_lost, &Outcome::commits_wrong, &Outcome::commits_after_promises,
          &Outcome::orphans, &Outcome::orphans_missing, &Outcome::salvaged_records, &Outcome::watch_events,
          &Outcome::watch_events_missing, &Outcome::watch_events_repeated, &Outcome::watch_events_wrong,
          &Outcome::watch_rewinds, &Outcome::watch_streams_ended})
      sum.*count += one.*count;
    for (const auto& [reason, count] : one.commit_failures) sum.commit_failures[reason] += count;
    sum.least_reads_per_second = std::min(sum.least_reads_per_second, one.least_reads_per_second);
    sum.digests_equal &= one.digests_equal;
    sum.rejoined &= one.rejoined || one.lost.empty();
    sum.failed_back &= one.failed_back || !one.fail_back;
  }
  return sum;
}

std::string Show(const std::vector<double>& figures, double figure) {
  return figures.empty() ? "-" : absl::StrFormat("%.2f", figure);
}

}  // namespace

Summary::Summary(std::vector<Outcome> outcomes, bool timed) : outcomes_(std::move(outcomes)) {
  for (const Figure& figure : kFigures) {
    const std::vector<double> known = Known(outcomes_, figure);
    if (timed && figure.below > 0 && !known.empty())
      targets_.push_back({figure.name, SpreadOf(known).median, figure.below});
  }
}

int64_t Summary::passed_count() const {
  return std::count_if(outcomes_.begin(), outcomes_.end(), [](const Outcome& one) { return one.passed(); });
}

bool Summary::passed() const {
  return passed_count() == static_cast<int64_t>(outcomes_.size()) &&
         std::all_of(targets_.begin(), targets_.end(), [](const Target& target) { return target.met(); });
}

std::string Summary::ToJson() const {
  JsonWriter json(/*one_line=*/true);
  json.BeginObject().Member("passed", passed());
  json.Member("runs", static_cast<int64_t>(outcomes_.size())).Member("runs_passed", passed_count());
  WriteCounts(json, Sum(outcomes_));
  for (const bool median : {true, false}) {
    json.Key(median ? "medians" : "maxima").BeginObject();
    for (const Figure& figure : kFigures) {
      const std::vector<double> known = Known(outcomes_, figure);
      const Spread spread = SpreadOf(known);
      json.Key(figure.name);
      known.empty() ? json.Null() : json.Number(median ? spread.median : spread.maximum);
    }
    json.EndObject();
  }
  json.Key("targets").BeginArray();
  for (const Target& target : targets_) {
    json.BeginObject().Member("figure", target.figure).Key("median").Number(target.median);
    json.Key("below").Number(target.below).Member("met", target.met()).EndObject();
  }
  json.EndArray().Key("each").BeginArray();
  for (const Outcome& one : outcomes_) WriteOutcome(json, one);
  return json.EndArray().EndObject().text();
}

std::string Summary::ToText() const {
  const Outcome sum = Sum(outcomes_);
  std::string text = absl::StrFormat(
      "%d of %d runs passed: %d reads, %d failed, %d wrong; %d commits acknowledged, %d lost;\n"
      "%d watch events, %d missing, %d repeated; %d orphans, %d missing in salvage\n\n",
      passed_count(), outcomes_.size(), sum.reads, sum.read_errors, sum.reads_wrong, sum.commits_acknowledged,
      sum.commits_lost, sum.watch_events, sum.watch_events_missing, sum.watch_events_repeated, sum.orphans,
      sum.orphans_missing);
  admin::Table table(
      {{"FIGURE"}, {"MEDIAN", admin::Align::kRight}, {"WORST", admin::Align::kRight}, {"PROMISED"}});
  for (const Figure& figure : kFigures) {
    const std::vector<double> known = Known(outcomes_, figure);
    std::string promised;
    for (const Target& target : targets_) {
      if (target.figure == figure.name)
        promised = absl::StrFormat("median below %g: %s", target.below, target.met() ? "met" : "NOT met");
    }
    table.Add(
        {figure.name, Show(known, SpreadOf(known).median), Show(known, SpreadOf(known).maximum), promised});
  }
  return absl::StrCat(text, table.ToString());
}

}  // namespace holdfast::drill
