#include "tests/drill/judge_run.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/drill/commit_call.h"
#include "tests/drill/read_gap.h"
#include "tests/drill/salvage_judge.h"
#include "tests/drill/write_judge.h"

namespace holdfast::drill {
namespace {

// Every proxy is on the new primary within this of the EPOCH record.
constexpr double kSlowestProxySeconds = 2;
// One command, where the voters' site is lost.
constexpr double kInPlaceSeconds = 2;
// How much later than its deadline a commit may be answered: the client's own threads want a turn.
constexpr double kLateSeconds = 0.5;

double FigureOf(const admin::JsonValue& value, const std::string& name) {
  const admin::JsonValue* const member = admin::Member(value, name);
  return member == nullptr ? 0 : member->number_value();
}

std::map<std::string, double> StepsOf(const admin::JsonValue& operation) {
  std::map<std::string, double> steps_ms;
  if (const admin::JsonValue* const steps = admin::Member(operation, "steps")) {
    for (const admin::JsonValue& step : steps->list_value().values())
      steps_ms[admin::TextOf(step, "name")] += FigureOf(step, "took_ms");
  }
  return steps_ms;
}

}  // namespace

void NotePromotion(const admin::JsonValue& operation, const std::vector<std::string>& proxies,
                   Outcome* outcome) {
  if (const admin::JsonValue* const verdict = admin::Member(operation, "verdict"))
    outcome->verdict = admin::TextOf(*verdict, "kind");
  outcome->step_ms = StepsOf(operation);
  std::vector<std::string> lacking = proxies;
  double slowest_ms = 0;
  if (const admin::JsonValue* const arrivals = admin::Member(operation, "arrivals")) {
    for (const admin::JsonValue& arrival : arrivals->list_value().values()) {
      const auto it = std::find(lacking.begin(), lacking.end(), admin::TextOf(arrival, "node_id"));
      const admin::JsonValue* const arrived = admin::Member(arrival, "arrived");
      if (it == lacking.end() || arrived == nullptr || !arrived->bool_value()) continue;
      const double after_ms = FigureOf(arrival, "after_ms");
      outcome->arrival_ms[*it] = after_ms;
      slowest_ms = std::max(slowest_ms, after_ms);
      lacking.erase(it);
    }
  }
  if (lacking.empty()) outcome->slowest_proxy_seconds = slowest_ms / 1000;
  for (const std::string& node_id : lacking)
    outcome->findings.push_back(absl::StrCat("'", node_id, "' did not come while the operation ran"));
}

void NoteSwitchover(const admin::JsonValue& operation, Switchover* switchover) {
  switchover->step_ms = StepsOf(operation);
  if (const admin::JsonValue* const steps = admin::Member(operation, "steps")) {
    for (const admin::JsonValue& step : steps->list_value().values()) {
      if (admin::TextOf(step, "name") == "drain") switchover->drained = admin::TextOf(step, "detail");
    }
  }
  if (admin::Member(operation, "commit_pause_ms") != nullptr)
    switchover->reported_pause_seconds = FigureOf(operation, "commit_pause_ms") / 1000;
}

void NoteCommitFailures(const Journal& journal, absl::Duration from, absl::Duration to, Outcome* outcome) {
  for (const FailedAttempt& failure : journal.failures()) {
    if (failure.writer != Load::kLibrary || failure.at <= from || failure.at > to) continue;
    ++outcome->commit_failures[failure.reason];
    outcome->slowest_commit_failure_seconds =
        std::max(outcome->slowest_commit_failure_seconds.value_or(0), absl::ToDoubleSeconds(failure.took));
    if (failure.reason.empty()) outcome->findings.push_back("a commit failed without a reason");
  }
}

void NoteReadsBeyondCut(const Load& load, const std::string& site, absl::Duration from, absl::Duration to,
                        Outcome* outcome) {
  for (const auto& [node_id, readers] : load.readers()) {
    if (!absl::StartsWith(node_id, site)) continue;
    int64_t count = 0;
    for (const auto& reader : readers) {
      for (const Observation& seen : reader->results().answered) count += seen.at > from && seen.at <= to;
    }
    outcome->reads_beyond_cut += count;
    if (count == 0) outcome->findings.push_back(absl::StrCat("'", node_id, "' was not read behind the cut"));
  }
}

void NoteSalvage(const Journal& journal, const ToldHistory& told, const ToldSalvage& salvage,
                 Outcome* outcome) {
  const SalvageVerdict verdict = JudgeSalvage(journal.writes(), told.history, salvage.writes);
  outcome->orphans = verdict.orphans;
  outcome->orphans_missing = verdict.missing;
  outcome->salvaged_records = salvage.record_count;
  outcome->Note(verdict.findings);
}

void JudgeTimes(double least_reads_per_second, Outcome* outcome) {
  const auto judge = [&](const char* what, const std::optional<double>& seconds, double bound) {
    if (seconds && *seconds > bound)
      outcome->findings.push_back(
          absl::StrFormat("%s took %.2f s, and %.1f s are promised", what, *seconds, bound));
  };
  judge("the last proxy after the EPOCH record", outcome->slowest_proxy_seconds, kSlowestProxySeconds);
  if (outcome->lost == "dc2") judge("the promotion in place", outcome->promote_seconds, kInPlaceSeconds);
  judge("the answer to a commit that had 2 s", outcome->slowest_commit_failure_seconds,
        absl::ToDoubleSeconds(kLibraryTimeout) + kLateSeconds);
  if (outcome->least_reads_per_second > 0 && outcome->least_reads_per_second < least_reads_per_second) {
    outcome->findings.push_back(absl::StrFormat("a proxy was read %.0f times a second only, %.0f are wanted",
                                                outcome->least_reads_per_second, least_reads_per_second));
  }
}

void NameWhatToLookAt(const testing::LocalCluster& cluster, Outcome* outcome) {
  const auto is_named = [&](const std::string& node_id) {
    const auto names = [&](const std::string& text) { return absl::StrContains(text, node_id); };
    return names(outcome->error) || std::any_of(outcome->findings.begin(), outcome->findings.end(), names);
  };
  std::vector<std::string> servers;
  for (const auto& [id, node] : cluster.nodes()) {
    for (const char* const suffix : {".log", ".restarted.log"}) {
      const std::string path = absl::StrCat(cluster.directory(), "/", id, suffix);
      if (!std::filesystem::exists(path)) continue;
      if (is_named(id)) outcome->look_at.push_back(path);
      if (node.role != "proxy") servers.push_back(path);
    }
  }
  if (outcome->look_at.empty()) outcome->look_at = servers;
}

void NoteRates(const Load& load, const std::vector<std::string>& proxies, absl::Duration from,
               absl::Duration to, Outcome* outcome) {
  const double seconds = absl::ToDoubleSeconds(to - from);
  double least = std::numeric_limits<double>::max();
  for (const std::string& node_id : proxies) {
    int64_t count = 0;
    for (const auto& reader : load.readers().at(node_id)) {
      for (const Observation& seen : reader->results().answered) count += seen.at >= from && seen.at <= to;
    }
    least = std::min(least, static_cast<double>(count) / seconds);
  }
  outcome->least_reads_per_second = least;
}

void JudgeLoad(const Load& load, const std::string& left, Outcome* outcome) {
  for (const auto& [node_id, readers] : load.readers()) {
    std::vector<absl::Duration> answered;
    absl::Duration until;
    for (const auto& reader : readers) {
      const ProxyReader::Results results = reader->results();
      outcome->reads += static_cast<int64_t>(results.answered.size() + results.failed.size());
      outcome->read_errors += static_cast<int64_t>(results.failed.size());
      outcome->reads_on_fresh_connections += results.fresh_connections;
      outcome->Note(results.failures);
      for (const Observation& seen : results.answered) answered.push_back(seen.at);
      until = std::max(until, results.until);
    }
    if (absl::StartsWith(node_id, left))
      outcome->read_gap_ms[node_id] = absl::ToDoubleMilliseconds(LongestGap(std::move(answered), until));
  }
  for (const auto& [node_id, watcher] : load.watchers()) {
    if (absl::StartsWith(node_id, left)) outcome->watch_streams_ended += watcher->ended_count();
  }
  for (const auto& writer : load.writers()) {
    outcome->commits_wrong += writer->refused_count();
    outcome->Note(writer->refusals());
  }
}

void JudgeHistory(const Load& load, const Journal& journal, const ToldHistory& told, int64_t base,
                  int key_count, Outcome* outcome) {
  const WriteVerdict writes = JudgeWrites(journal.writes(), told.history);
  outcome->commits_acknowledged = writes.acknowledged;
  outcome->commits_unknown = writes.unknown;
  outcome->commits_lost = writes.lost;
  outcome->commits_wrong += writes.torn + writes.twice + writes.invented;
  outcome->Note(writes.findings);
  if (const int64_t rows = CountDisagreements(told.history, key_count, told.listing)) {
    outcome->commits_wrong += rows;
    outcome->findings.push_back(absl::StrCat(rows, " keys are not what their history says"));
  }
  for (const auto& [node_id, readers] : load.readers()) {
    for (const auto& reader : readers) {
      const ReadVerdict reads = JudgeReads(node_id, reader->results().answered, told.history);
      outcome->reads_wrong += reads.wrong;
      outcome->Note(reads.findings);
    }
  }
  for (const auto& [node_id, watcher] : load.watchers()) {
    const WatchLog log = watcher->log();
    const WatchVerdict watch = JudgeWatch(node_id, log, told.history, base, told.history.last_revision());
    outcome->watch_events += watch.events;
    outcome->watch_events_missing += watch.missing;
    outcome->watch_events_repeated += watch.repeated;
    outcome->watch_events_wrong += watch.disordered + watch.invented;
    outcome->watch_rewinds += log.rewinds();
    outcome->Note(watch.findings);
  }
}

}  // namespace holdfast::drill
