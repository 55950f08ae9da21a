#include "serving/encoded_commit.h"

#include <algorithm>

#include "base/check.h"
#include "serving/wire_format.h"

namespace holdfast::serving {
namespace {

using v1::KeyValue;
using v1::WatchEvent;
using v1::WatchResponse;

// The record's changes in [begin, end) of the range: they are in strict key order.
std::pair<size_t, size_t> ChangesIn(const v1::Record& record, const KeyRange& range) {
  const auto& changes = record.changes();
  const auto begin = std::partition_point(changes.begin(), changes.end(), [&range](const v1::Change& change) {
    return change.key() < range.begin();
  });
  const auto end = range.unbounded()
                       ? changes.end()
                       : std::partition_point(begin, changes.end(), [&range](const v1::Change& change) {
                           return change.key() < range.end();
                         });
  return {static_cast<size_t>(begin - changes.begin()), static_cast<size_t>(end - changes.begin())};
}

}  // namespace

EncodedCommitPtr EncodedCommit::Of(const storage::LogRecord& record) {
  return Make(record, 0, static_cast<size_t>(record.message.changes_size()), nullptr);
}

EncodedCommitPtr EncodedCommit::Of(const storage::LogRecord& record, const KeyRange& range) {
  const auto [begin, end] = ChangesIn(record.message, range);
  return Make(record, begin, end, nullptr);
}

EncodedCommitPtr EncodedCommit::WithPrevious(const storage::LogRecord& record, const KeyRange& range,
                                             PreviousLookup previous) {
  const auto [begin, end] = ChangesIn(record.message, range);
  return Make(record, begin, end, &previous);
}

EncodedCommitPtr EncodedCommit::Make(const storage::LogRecord& record, size_t begin, size_t end,
                                     const PreviousLookup* previous) {
  HF_CHECK(record.effects.size() == static_cast<size_t>(record.message.changes_size()),
           "one effect for each change");
  auto commit = std::make_shared<EncodedCommit>();
  commit->revision_ = record.position.revision;
  commit->begin_index_ = begin;
  commit->events_.reserve(end - begin);
  for (size_t i = begin; i < end; ++i) {
    const v1::Change& change = record.message.changes(static_cast<int>(i));
    std::optional<KeyValue> before;
    if (previous != nullptr && record.effects[i].previous_revision > 0)
      before = (*previous)(change.key(), commit->revision_);
    commit->Append(change, record.effects[i], before ? &*before : nullptr);
  }
  return commit;
}

void EncodedCommit::Append(const v1::Change& change, const storage::ChangeEffect& effect,
                           const KeyValue* previous) {
  const bool deleted = !change.has_value();
  const uint64_t mod_revision = static_cast<uint64_t>(revision_.number());
  const uint64_t created = deleted ? 0 : static_cast<uint64_t>(effect.create_revision);
  const uint64_t version = deleted ? 0 : static_cast<uint64_t>(effect.version);
  const bool has_value = !deleted && !change.value().empty();
  const size_t kv_size =
      wire::BytesSize(change.key().size()) + (has_value ? wire::BytesSize(change.value().size()) : 0) +
      wire::NumberSize(created) + wire::NumberSize(mod_revision) + wire::NumberSize(version);
  const size_t previous_size = previous == nullptr ? 0 : previous->ByteSizeLong();
  const size_t event_size = wire::BytesSize(kv_size) + (deleted ? 2 : 0) +
                            (previous == nullptr ? 0 : wire::BytesSize(previous_size));

  Event event;
  event.begin = static_cast<uint32_t>(bytes_.size());
  event.deleted = deleted;
  wire::AppendLengthTag(bytes_, WatchResponse::kEventsFieldNumber, event_size);
  wire::AppendLengthTag(bytes_, WatchEvent::kKvFieldNumber, kv_size);
  wire::AppendBytes(bytes_, KeyValue::kKeyFieldNumber, change.key());
  event.key_begin = static_cast<uint32_t>(bytes_.size() - change.key().size());
  event.key_size = static_cast<uint16_t>(change.key().size());
  if (has_value) wire::AppendBytes(bytes_, KeyValue::kValueFieldNumber, change.value());
  wire::AppendNumber(bytes_, KeyValue::kCreateRevisionFieldNumber, created);
  wire::AppendNumber(bytes_, KeyValue::kModRevisionFieldNumber, mod_revision);
  wire::AppendNumber(bytes_, KeyValue::kVersionFieldNumber, version);
  if (deleted) wire::AppendNumber(bytes_, WatchEvent::kDeletedFieldNumber, 1);
  if (previous != nullptr) {
    wire::AppendLengthTag(bytes_, WatchEvent::kPreviousFieldNumber, previous_size);
    previous->AppendToString(&bytes_);
  }
  events_.push_back(event);
}

absl::string_view EncodedCommit::key(size_t index) const {
  const Event& event = events_[index - begin_index_];
  return absl::string_view(bytes_).substr(event.key_begin, event.key_size);
}

size_t EncodedCommit::OffsetOf(size_t index) const {
  return index == end_index() ? bytes_.size() : events_[index - begin_index_].begin;
}

absl::string_view EncodedCommit::bytes(size_t begin, size_t end) const {
  const size_t offset = OffsetOf(begin);
  return absl::string_view(bytes_).substr(offset, OffsetOf(end) - offset);
}

std::pair<size_t, size_t> EncodedCommit::Matching(const KeyRange& range) const {
  const auto key_of = [this](const Event& event) {
    return absl::string_view(bytes_).substr(event.key_begin, event.key_size);
  };
  const auto begin = std::partition_point(events_.begin(), events_.end(),
                                          [&](const Event& event) { return key_of(event) < range.begin(); });
  const auto end =
      range.unbounded() ? events_.end() : std::partition_point(begin, events_.end(), [&](const Event& event) {
        return key_of(event) < range.end();
      });
  return {begin_index_ + static_cast<size_t>(begin - events_.begin()),
          begin_index_ + static_cast<size_t>(end - events_.begin())};
}

}  // namespace holdfast::serving
