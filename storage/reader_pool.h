#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/position.h"

namespace holdfast::storage {

// A version of a key. Views are valid until the next call on the same ReadLease.
struct KeyVersion {
  absl::string_view key;
  absl::string_view value;
  int64_t create_revision = 0;
  int64_t mod_revision = 0;
  int64_t version = 0;
};

// A pooled read connection with a held snapshot, borrowed by one thread. Short-lived: at most
// kMaxRowsPerLease rows a call, so that checkpoints can go on (DESIGN 7): they wait for calls, not for
// leases (but for those of TryAcquire). Reads at one revision are consistent across calls and leases; once a
// rewind has taken the revision back, they fail. Every row is checked against its row hash (I13):
// DATA_DAMAGED with the key.
class ReadLease {
 public:
  virtual ~ReadLease() = default;

  // The key as it was at `at` (<= visible, >= floor; COMPACTED, FUTURE_REVISION otherwise; REWOUND for a
  // revision of a lost history). nullopt: it did not exist.
  virtual absl::StatusOr<std::optional<KeyVersion>> Get(absl::string_view key, Revision at) = 0;

  // Rows of [key, range_end) in key order that existed at `at`; `range_end` empty: the one key; "\0": no end.
  // Calls `row`, which must not wait, for each until it returns false or `max_scanned` rows (dead ones
  // included) were looked at. Returns the key to go on from, or nullopt when the range is done.
  virtual absl::StatusOr<std::optional<std::string>> Scan(absl::string_view key, absl::string_view range_end,
                                                          Revision at, int max_scanned, bool keys_only,
                                                          absl::FunctionRef<bool(const KeyVersion&)> row) = 0;
};

// Owns the read connections. Any thread.
class ReaderPool {
 public:
  virtual ~ReaderPool() = default;

  // A reader whose snapshot holds at least the visible revision of now. Waits for a free one (bounded:
  // RESOURCE_EXHAUSTED after 1 s).
  virtual absl::StatusOr<std::unique_ptr<ReadLease>> Acquire() = 0;

  // The same for callback threads: neither it nor its lease ever waits. nullptr if all readers are busy. A
  // checkpoint waits until the lease is given back, so it is for one read now.
  virtual absl::StatusOr<std::unique_ptr<ReadLease>> TryAcquire() = 0;
};

}  // namespace holdfast::storage
