#include "tests/drill/outcome_json.h"

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

void WriteTexts(JsonWriter& json, const char* name, const std::vector<std::string>& texts) {
  json.Key(name).BeginArray();
  for (const std::string& text : texts) json.String(text);
  json.EndArray();
}

void WriteSwitchovers(JsonWriter& json, const Outcome& outcome) {
  json.Key("switchovers").BeginArray();
  for (const Switchover& one : outcome.switchovers) {
    json.BeginObject().Member("to", one.to).Key("pause_seconds").Number(one.pause_seconds);
    WriteTime(json, "client_pause_seconds", one.client_pause_seconds);
    WriteTime(json, "reported_pause_seconds", one.reported_pause_seconds);
    json.Member("looks_at_plan", one.looks_at_plan);
    WriteMap(json, "step_ms", one.step_ms);
    json.Member("drained", one.drained).EndObject();
  }
  json.EndArray();
}

void WriteTimes(JsonWriter& json, const Outcome& outcome) {
  json.Key("max_read_gap_ms").Number(outcome.max_read_gap_ms());
  WriteTime(json, "promote_seconds", outcome.promote_seconds);
  WriteTime(json, "commit_outage_seconds", outcome.commit_outage_seconds);
  WriteTime(json, "client_outage_seconds", outcome.client_outage_seconds);
  WriteTime(json, "slowest_commit_failure_seconds", outcome.slowest_commit_failure_seconds);
  WriteTime(json, "slowest_proxy_seconds", outcome.slowest_proxy_seconds);
  WriteTime(json, "fence_seconds", outcome.fence_seconds);
  WriteTime(json, "switchover_pause_seconds", outcome.switchover_pause_seconds());
  WriteTime(json, "longest_switchover_pause_seconds", outcome.longest_switchover_pause_seconds());
}

}  // namespace

void WriteCounts(JsonWriter& json, const Outcome& sum) {
  json.Member("reads", sum.reads).Member("read_errors", sum.read_errors);
  json.Member("reads_wrong", sum.reads_wrong);
  json.Member("reads_on_fresh_connections", sum.reads_on_fresh_connections);
  json.Member("reads_beyond_cut", sum.reads_beyond_cut);
  json.Key("least_reads_per_second").Number(sum.least_reads_per_second);
  json.Member("commits_acknowledged", sum.commits_acknowledged);
  json.Member("commits_unknown", sum.commits_unknown).Member("commits_lost", sum.commits_lost);
  json.Member("commits_wrong", sum.commits_wrong);
  json.Member("commits_after_promises", sum.commits_after_promises);
  json.Key("commit_failures").BeginObject();
  for (const auto& [reason, count] : sum.commit_failures) json.Member(reason, count);
  json.EndObject();
  json.Member("orphans", sum.orphans).Member("orphans_missing", sum.orphans_missing);
  json.Member("salvaged_records", sum.salvaged_records).Member("watch_events", sum.watch_events);
  json.Member("watch_events_missing", sum.watch_events_missing);
  json.Member("watch_events_repeated", sum.watch_events_repeated);
  json.Member("watch_events_wrong", sum.watch_events_wrong).Member("watch_rewinds", sum.watch_rewinds);
  json.Member("watch_streams_ended", sum.watch_streams_ended);
  json.Member("digests_equal", sum.digests_equal).Member("rejoined", sum.rejoined);
  json.Member("failed_back", sum.failed_back);
}

void WriteOutcome(JsonWriter& json, const Outcome& outcome) {
  json.BeginObject().Member("passed", outcome.passed()).Member("loss", outcome.loss);
  json.Member("lost", outcome.lost).Member("lost_way", outcome.lost_way);
  json.Member("seed", static_cast<int64_t>(outcome.seed)).Member("keys", outcome.keys);
  json.Member("proxies", outcome.proxies).Member("verdict", outcome.verdict);
  WriteCounts(json, outcome);
  WriteTimes(json, outcome);
  json.Member("looks_at_plan", outcome.looks_at_plan);
  WriteMap(json, "read_gap_ms", outcome.read_gap_ms);
  WriteMap(json, "arrival_ms", outcome.arrival_ms);
  WriteMap(json, "step_ms", outcome.step_ms);
  WriteSwitchovers(json, outcome);
  json.Member("directory", outcome.directory);
  WriteTexts(json, "look_at", outcome.look_at);
  json.Member("error", outcome.error);
  WriteTexts(json, "findings", outcome.findings);
  json.EndObject();
}

std::string ToJson(const Outcome& outcome) {
  JsonWriter json(/*one_line=*/true);
  WriteOutcome(json, outcome);
  return json.text();
}

}  // namespace holdfast::drill
