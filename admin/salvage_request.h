#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "admin/salvage_sort.h"
#include "holdfast/v1/config.pb.h"

// How a lost record is committed again. Pure; any thread.
namespace holdfast::admin {

// The request id of a lost record's second commit: made of the record's chain hash, so that every run and
// every copy of the record gives the same, and bearing `time` as every UUIDv7 does.
std::string SalvageRequestId(const LostRecord& record, absl::Time time);

// Whether `id` was made so of this record, whatever time it bears.
bool IsSalvageRequestId(const LostRecord& record, absl::string_view id);

// When the record was committed first, by its primary's clock.
absl::Time LostAt(const LostRecord& record);

// "salvaged 0.14 of dc1-a (alice, 2026-11-22T21:00:12Z): raise the limit": who had committed it and when, and
// the message that it had; "salvaged 0.14 of dc1-a over 1.20 (..." for one that overwrites what it conflicts
// with. At most kMaxMessageBytes.
std::string SalvageMessage(const LostRecord& record, const RecordVerdict& verdict, absl::string_view node_id);

// What salvage does with one record. Plain values.
struct SalvageStep {
  size_t record = 0;
  const RecordVerdict* verdict = nullptr;
};

// The commit that does it: changes that are not present already, each key of the record bound to what was
// seen of it. Author and principal are those of whoever applies. `committed` has the revision of each record
// of the file that was committed again before, else 0. nullopt if it goes on from a record that was not.
std::optional<v1::CommitRequest> SalvageRequest(const std::vector<LostRecord>& records,
                                                const SalvageFacts& facts, const SalvageStep& step,
                                                const std::vector<int64_t>& committed);

}  // namespace holdfast::admin
