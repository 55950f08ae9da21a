#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "base/revision.h"
#include "holdfast/v1/config.pb.h"
#include "serving/range.h"
#include "storage/record_codec.h"

namespace holdfast::serving {

// The changes of one record as they travel to watchers: each change is one `WatchResponse.events` field (tag,
// length and WatchEvent), one after another in key order, so that any run of them can be put into a message
// as it is. Encoded once, immutable, shared by all streams; any thread.
class EncodedCommit {
 public:
  // The state of a key before a change; nullopt leaves it out.
  using PreviousLookup =
      absl::FunctionRef<std::optional<v1::KeyValue>(absl::string_view key, Revision changed_at)>;

  // All changes, for the shared ring.
  static std::shared_ptr<const EncodedCommit> Of(const storage::LogRecord& record);
  // Only those in `range`, with the version before each, for one stream.
  static std::shared_ptr<const EncodedCommit> Of(const storage::LogRecord& record, const KeyRange& range);
  static std::shared_ptr<const EncodedCommit> WithPrevious(const storage::LogRecord& record,
                                                           const KeyRange& range, PreviousLookup previous);

  Revision revision() const { return revision_; }

  // Events are numbered as the record's changes are: from begin_index() to end_index().
  size_t begin_index() const { return begin_index_; }
  size_t end_index() const { return begin_index_ + events_.size(); }
  absl::string_view key(size_t index) const;
  bool deleted(size_t index) const { return events_[index - begin_index_].deleted; }

  // The encoded events [begin, end).
  absl::string_view bytes(size_t begin, size_t end) const;

  // The events whose keys are in `range`: two binary searches.
  std::pair<size_t, size_t> Matching(const KeyRange& range) const;

  // What keeping this costs.
  size_t memory_bytes() const {
    return sizeof(*this) + bytes_.capacity() + events_.capacity() * sizeof(Event);
  }

 private:
  struct Event {
    uint32_t begin = 0;      // in bytes_
    uint32_t key_begin = 0;  // in bytes_
    uint16_t key_size = 0;
    bool deleted = false;
  };

  static std::shared_ptr<const EncodedCommit> Make(const storage::LogRecord& record, size_t begin, size_t end,
                                                   const PreviousLookup* previous);
  void Append(const v1::Change& change, const storage::ChangeEffect& effect, const v1::KeyValue* previous);
  size_t OffsetOf(size_t index) const;

  Revision revision_;
  size_t begin_index_ = 0;
  std::string bytes_;
  std::vector<Event> events_;
};
using EncodedCommitPtr = std::shared_ptr<const EncodedCommit>;

}  // namespace holdfast::serving
