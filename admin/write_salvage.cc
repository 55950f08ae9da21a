// Salvage as JSON.
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "admin/show.h"
#include "admin/show_salvage.h"
#include "base/error.h"
#include "base/uuid.h"

namespace holdfast::admin {
namespace {

void WritePosition(JsonWriter& json, absl::string_view name, const v1::LogPosition& position) {
  json.Key(name).BeginObject().Member("revision", position.revision());
  json.Member("chain_hash", absl::BytesToHexString(position.chain_hash())).EndObject();
}

void WriteSummary(JsonWriter& json, absl::string_view name, const v1::SalvageFileSummary& summary) {
  json.Member("name", name).Member("node_id", summary.node_id()).Member("file", summary.file());
  json.Member("cluster_id", summary.cluster_id()).Member("incarnation", summary.incarnation());
  json.Member("record_count", summary.record_count()).Member("visible_count", summary.visible_count());
  json.Member("made_at", JsonTime(TimestampOf(summary.made_at_us()))).Member("reason", summary.reason());
  WritePosition(json, "ancestor", summary.ancestor());
  WritePosition(json, "first_lost", summary.first_lost());
  WritePosition(json, "last_lost", summary.last_lost());
  if (summary.size_bytes() != 0) json.Member("size_bytes", summary.size_bytes());
  if (!summary.damage().empty()) json.Member("damage", summary.damage());
}

// Who lost what when; the object stays open.
void BeginRecord(JsonWriter& json, const LostRecord& record) {
  json.BeginObject().Member("revision", record.position.revision.number());
  json.Member("chain_hash", record.position.chain_hash.ToHex())
      .Member("kind", ShowKind(record.message.kind()));
  json.Member("time", JsonTime(TimestampOf(record.message.wall_time_us())));
  json.Member("origin_node", record.message.origin_node()).Member("was_visible", record.was_visible);
  if (!record.is_commit()) return;
  const v1::CommitInfo& commit = record.message.commit();
  json.Member("author", commit.author()).Member("principal", commit.principal());
  json.Member("message", commit.message());
  if (commit.request_id().size() == 16) json.Member("request_id", UuidToString(commit.request_id()));
}

void WriteLost(JsonWriter& json, const v1::Change& change) {
  json.Key("lost").BeginObject().Member("deleted", !change.has_value());
  if (change.has_value()) json.Bytes("value", change.value());
  json.EndObject();
}

void WriteRow(JsonWriter& json, absl::string_view name, const std::optional<v1::KeyValue>& row) {
  json.Key(name).BeginObject().Member("exists", row.has_value());
  if (row) json.Bytes("value", row->value()).Member("mod_revision", row->mod_revision());
  json.EndObject();
}

void WriteBase(JsonWriter& json, const KeyFacts& known) {
  if (known.base_state == KeyFacts::Base::kKnown) return WriteRow(json, "base", known.base);
  json.Key("base").BeginObject().Member(
      "unknown", known.base_state == KeyFacts::Base::kCompacted ? "compacted" : "no_common_ancestor");
  json.EndObject();
}

absl::string_view NameOf(SalvageOutcome outcome) {
  switch (outcome) {
    case SalvageOutcome::kPresent:
      return "already_present";
    case SalvageOutcome::kNotConfiguration:
      return "not_configuration";
    case SalvageOutcome::kNotChosen:
      return "not_chosen";
    case SalvageOutcome::kConflicting:
      return "conflicting";
    case SalvageOutcome::kToApply:
      return "would_be_applied";
    case SalvageOutcome::kApplied:
      return "applied";
    case SalvageOutcome::kAppliedBefore:
      return "applied_before";
    case SalvageOutcome::kChanged:
      return "changed_meanwhile";
    case SalvageOutcome::kDependent:
      return "depends_on_unapplied";
    case SalvageOutcome::kRefused:
      return "refused";
    case SalvageOutcome::kUnknown:
      return "unknown";
    case SalvageOutcome::kNotTried:
      return "not_tried";
  }
  return {};
}

std::string JsonSort(SalvageSort sort) { return absl::StrReplaceAll(ShowSort(sort), {{" ", "_"}}); }

void WriteVerdict(JsonWriter& json, const LostRecord& record, const RecordVerdict& verdict,
                  const SalvageFacts& facts) {
  json.Member("sort", JsonSort(verdict.sort));
  if (verdict.present_at != 0) json.Member("present_at", verdict.present_at);
  if (verdict.sort == SalvageSort::kConflicting)
    json.Member("overwrite_newer", ShowOverwrite(record, verdict));
  json.Key("changes").BeginArray();
  for (size_t n = 0; n < verdict.changes.size(); ++n) {
    const v1::Change& change = record.message.changes(static_cast<int>(n));
    const KeyFacts& known = facts.keys.find(change.key())->second;
    json.BeginObject().Bytes("key", change.key()).Member("sort", JsonSort(verdict.changes[n].sort));
    json.Member("why", ShowWhy(verdict.changes[n], known));
    WriteBase(json, known);
    WriteLost(json, change);
    WriteRow(json, "current", known.current);
    json.EndObject();
  }
  json.EndArray();
}

void WriteResult(JsonWriter& json, const SalvageResult& result) {
  json.Member("outcome", NameOf(result.outcome));
  if (result.revision != 0) json.Member("applied_revision", result.revision);
  if (!result.why.empty()) json.Member("because", result.why);
}

}  // namespace

void WriteSalvageFiles(JsonWriter& json, const SalvageFiles& files) {
  json.BeginObject().Key("files").BeginArray();
  for (const SalvageFile& file : files.files) {
    json.BeginObject();
    WriteSummary(json, file.Name(), file.summary);
    json.Member("registered", file.is_registered).Member("held", file.is_held).EndObject();
  }
  json.EndArray().Key("not_asked").BeginArray();
  for (const auto& [node_id, why] : files.not_asked) {
    json.BeginObject().Member("node_id", node_id).Member("reason", ReasonOf(why)).EndObject();
  }
  json.EndArray().EndObject();
}

void WriteSalvage(JsonWriter& json, const Salvage& salvage, const SalvageFacts* facts) {
  json.BeginObject();
  WriteSummary(json, salvage.name, salvage.summary);
  json.Key("records").BeginArray();
  for (const LostRecord& record : salvage.records) {
    BeginRecord(json, record);
    json.Key("changes").BeginArray();
    for (const v1::Change& change : record.message.changes()) {
      json.BeginObject().Bytes("key", change.key());
      WriteLost(json, change);
      if (facts != nullptr && record.is_commit()) WriteBase(json, facts->keys.find(change.key())->second);
      json.EndObject();
    }
    json.EndArray().EndObject();
  }
  json.EndArray().EndObject();
}

void WriteSalvageRun(JsonWriter& json, const Salvage& salvage, const SalvageRun& run, bool with_results) {
  json.BeginObject();
  WriteSummary(json, salvage.name, salvage.summary);
  json.Member("read_revision", run.facts.read_revision).Member("read_at", run.facts.read_at);
  json.Key("records").BeginArray();
  for (size_t i = 0; i < salvage.records.size(); ++i) {
    BeginRecord(json, salvage.records[i]);
    WriteVerdict(json, salvage.records[i], run.verdicts[i], run.facts);
    if (with_results) WriteResult(json, run.results[i]);
    json.EndObject();
  }
  json.EndArray();
  if (!run.stopped.ok()) {
    json.Key("stopped").BeginObject().Member("reason", ReasonOf(run.stopped));
    json.Member("message", run.stopped.message()).EndObject();
  }
  json.EndObject();
}

}  // namespace holdfast::admin
