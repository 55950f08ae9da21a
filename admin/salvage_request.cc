#include "admin/salvage_request.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/limits.h"

namespace holdfast::admin {
namespace {

constexpr size_t kIdBytes = 16;
constexpr size_t kTimeBytes = 6;

const v1::Change* FindChange(const LostRecord& record, absl::string_view key) {
  for (const v1::Change& change : record.message.changes()) {
    if (absl::string_view(change.key()) == key) return &change;
  }
  return nullptr;
}

// At most `max` bytes of `text`, and no half of a character.
absl::string_view Cut(absl::string_view text, size_t max) {
  if (text.size() <= max) return text;
  while (max > 0 && (static_cast<uint8_t>(text[max]) & 0xc0) == 0x80) --max;
  return text.substr(0, max);
}

}  // namespace

std::string SalvageRequestId(const LostRecord& record, absl::Time time) {
  std::string id(kIdBytes, '\0');
  const auto millis = static_cast<uint64_t>(absl::ToUnixMillis(time));
  for (size_t i = 0; i < kTimeBytes; ++i) id[i] = static_cast<char>(millis >> (40 - 8 * i));
  for (size_t i = kTimeBytes; i < kIdBytes; ++i)
    id[i] = static_cast<char>(record.position.chain_hash.bytes[i - kTimeBytes]);
  id[6] = static_cast<char>(0x70 | (id[6] & 0x0f));  // version 7
  id[8] = static_cast<char>(0x80 | (id[8] & 0x3f));  // the variant of RFC 9562
  return id;
}

bool IsSalvageRequestId(const LostRecord& record, absl::string_view id) {
  return id.size() == kIdBytes &&
         id.substr(kTimeBytes) ==
             absl::string_view(SalvageRequestId(record, absl::UnixEpoch())).substr(kTimeBytes);
}

absl::Time LostAt(const LostRecord& record) { return absl::FromUnixMicros(record.message.wall_time_us()); }

std::string SalvageMessage(const LostRecord& record, const RecordVerdict& verdict,
                           absl::string_view node_id) {
  const v1::CommitInfo& commit = record.message.commit();
  std::string who = commit.author().empty() ? "author unknown" : commit.author();
  if (!commit.principal().empty() && commit.principal() != who)
    absl::StrAppend(&who, " as ", commit.principal());
  const std::string when = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", LostAt(record), absl::UTCTimeZone());
  std::string message = absl::StrCat("salvaged ", record.position.revision.ToString(), " of ", node_id);
  if (verdict.sort == SalvageSort::kConflicting)
    absl::StrAppend(&message, " over ", verdict.seen == 0 ? "?" : Revision(verdict.seen).ToString());
  absl::StrAppend(&message, " (", who, ", ", when, ")");
  if (!commit.message().empty()) absl::StrAppend(&message, ": ", commit.message());
  return std::string(Cut(message, kMaxMessageBytes));
}

std::optional<v1::CommitRequest> SalvageRequest(const std::vector<LostRecord>& records,
                                                const SalvageFacts& facts, const SalvageStep& step,
                                                const std::vector<int64_t>& committed) {
  const LostRecord& record = records[step.record];
  v1::CommitRequest request;
  request.set_request_id(SalvageRequestId(record, LostAt(record)));
  request.set_import_id(record.message.commit().import_id());
  for (int n = 0; n < record.message.changes_size(); ++n) {
    const v1::Change& change = record.message.changes(n);
    const ChangeVerdict& verdict = step.verdict->changes[static_cast<size_t>(n)];
    v1::Precondition& condition = *request.add_preconditions();
    condition.set_key(change.key());
    int64_t must_be = 0;  // 0: the key must not exist
    if (verdict.after_record >= 0) {
      const auto before = static_cast<size_t>(verdict.after_record);
      if (committed[before] == 0) return std::nullopt;
      const v1::Change* const left = FindChange(records[before], change.key());
      HF_CHECK(left != nullptr, "the record before changes the same key");
      if (left->has_value()) must_be = committed[before];
    } else {
      const auto known = facts.keys.find(change.key());
      HF_CHECK(known != facts.keys.end(), "facts of every key were gathered");
      if (known->second.current) must_be = known->second.current->mod_revision();
    }
    if (must_be != 0) {
      condition.set_mod_revision(must_be);
    } else {
      condition.set_absent(true);
    }
    if (verdict.sort == SalvageSort::kPresent) continue;
    v1::Mutation& mutation = *request.add_mutations();
    mutation.set_key(change.key());
    if (change.has_value()) {
      mutation.set_put(change.value());
    } else {
      mutation.set_delete_(true);
    }
  }
  return request;
}

}  // namespace holdfast::admin
