#include "serving/history_entry.h"

namespace holdfast::serving {
namespace {

constexpr int64_t kMicrosPerSecond = 1'000'000;

void FillEvent(const v1::Change& change, const storage::ChangeEffect& effect, int64_t revision,
               bool keys_only, v1::WatchEvent* event) {
  v1::KeyValue* kv = event->mutable_kv();
  kv->set_key(change.key());
  kv->set_mod_revision(revision);
  if (!change.has_value()) {
    event->set_deleted(true);
    return;
  }
  if (!keys_only) kv->set_value(change.value());
  kv->set_create_revision(effect.create_revision);
  kv->set_version(effect.version);
}

void FillOrigin(const v1::Record& record, v1::HistoryEntry* entry) {
  entry->mutable_time()->set_seconds(record.wall_time_us() / kMicrosPerSecond);
  entry->mutable_time()->set_nanos(static_cast<int32_t>(record.wall_time_us() % kMicrosPerSecond * 1000));
  entry->set_origin_node(record.origin_node());
  if (record.has_epoch()) {
    entry->set_author(record.epoch().operator_name());
    entry->set_message(record.epoch().reason());
  }
  if (!record.has_commit()) return;
  entry->set_author(record.commit().author());
  entry->set_principal(record.commit().principal());
  entry->set_message(record.commit().message());
  entry->set_import_id(record.commit().import_id());
  entry->set_request_id(record.commit().request_id());
}

}  // namespace

std::optional<v1::HistoryEntry> MakeHistoryEntry(const storage::LogRecord& record, const KeyRange& range,
                                                 bool keys_only) {
  v1::HistoryEntry entry;
  for (int i = 0; i < record.message.changes_size(); ++i) {
    const v1::Change& change = record.message.changes(i);
    if (!range.Contains(change.key())) continue;
    FillEvent(change, record.effects[static_cast<size_t>(i)], record.position.revision.number(), keys_only,
              entry.add_events());
  }
  if (entry.events().empty()) return std::nullopt;
  entry.set_revision(record.position.revision.number());
  FillOrigin(record.message, &entry);
  return entry;
}

}  // namespace holdfast::serving
