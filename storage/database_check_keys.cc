// The part of DatabaseCheck that looks at `current` and `undo`.
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "storage/database_check.h"
#include "storage/database_check_statements.h"
#include "storage/errors.h"
#include "storage/version_row.h"

namespace holdfast::storage {
namespace {

constexpr int kRowsPerStep = 500;
constexpr int64_t kIdsPerStep = 5000;

}  // namespace

absl::Status DatabaseCheck::CheckRows() {
  const int findings_before = result_.findings_size();
  std::string last;
  bool is_index_readable = true;
  for (bool is_done = false; !is_done && is_index_readable;) {
    HF_RETURN_IF_ERROR(Step("current", kRowsPerStep, [&]() -> absl::Status {
      std::vector<std::string> keys;
      {
        SqliteQuery query = statements_->next_keys.Query(last, kRowsPerStep);
        while (true) {
          const absl::StatusOr<bool> has_row = query.Step();
          is_index_readable = has_row.ok();
          HF_RETURN_IF_ERROR(has_row.status());
          if (!*has_row) break;
          keys.push_back(query.BlobString(0));
        }
      }
      for (const std::string& key : keys) HF_RETURN_IF_ERROR(CheckRow(key));
      is_done = keys.empty();
      if (!is_done) last = keys.back();
      return absl::OkStatus();
    }));
  }
  // Where the index ends too early, the rows themselves are asked, one by one.
  if (!is_index_readable) HF_RETURN_IF_ERROR(CheckRowsById());
  int64_t last_id = 0;
  HF_RETURN_IF_ERROR(Step("current", 0, [&]() -> absl::Status {
    SqliteQuery query = statements_->last_id.Query();
    HF_RETURN_IF_ERROR(query.Step().status());
    last_id = query.Int64(0);
    return absl::OkStatus();
  }));
  HF_RETURN_IF_ERROR(CheckLinks("current", statements_->broken_current_links, last_id));
  // A sum over rows of which some could not be read says nothing.
  return result_.findings_size() == findings_before ? CheckSum() : absl::OkStatus();
}

absl::Status DatabaseCheck::CheckRow(absl::string_view key) {
  const auto found = statements_->versions.Get(key, options_.at.revision);
  HF_RETURN_IF_ERROR(Note("current", key, 0, found.status()));
  if (!found.ok() || !found->has_value()) return absl::OkStatus();
  const KeyVersion& row = **found;
  sum_ += RowHash(row.key, row.create_revision, row.mod_revision, row.version, row.value);
  ++live_count_;
  return absl::OkStatus();
}

absl::Status DatabaseCheck::CheckRowsById() {
  int64_t last_id = 0;
  {
    SqliteQuery query = statements_->last_id.Query();
    const absl::StatusOr<bool> has_row = query.Step();
    HF_RETURN_IF_ERROR(Note("current", "", 0, has_row.status()));
    if (!has_row.ok()) return absl::OkStatus();
    last_id = query.Int64(0);
  }
  for (int64_t from = 0; from < last_id; from += kRowsPerStep) {
    HF_RETURN_IF_ERROR(Step("current", 0, [&]() -> absl::Status {
      for (int64_t id = from + 1; id <= std::min(from + kRowsPerStep, last_id); ++id) {
        std::string key;
        {
          SqliteQuery query = statements_->key_by_id.Query(id);
          const absl::StatusOr<bool> has_row = query.Step();
          HF_RETURN_IF_ERROR(Note("current", "", 0, has_row.status()));
          if (!has_row.ok() || !*has_row) continue;
          key = query.BlobString(2);
        }
        const auto found = statements_->versions.Get(key, options_.at.revision);
        HF_RETURN_IF_ERROR(Note("current", key, 0, found.status()));
      }
      return absl::OkStatus();
    }));
  }
  return absl::OkStatus();
}

absl::Status DatabaseCheck::CheckSum() {
  std::string expected = tail_.state_digest.ToBytes();
  if (options_.at != tail_.position) {
    const absl::StatusOr<std::optional<LogRow>> row = statements_->log.Read(options_.at.revision.index());
    HF_RETURN_IF_ERROR(Note("log", "", options_.at.revision.number(), row.status()));
    if (!row.ok() || !row->has_value()) return absl::OkStatus();  // the log's own check speaks of it
    expected = (*row)->record->message.state_digest();
  } else if (live_count_ != tail_.key_count) {
    AddFinding("digest", "", options_.at.revision.number(),
               absl::StrCat("there are ", live_count_, " live keys, and should be ", tail_.key_count));
  }
  result_.set_state_digest(sum_.ToBytes());
  result_.set_key_count(live_count_);
  if (expected != sum_.ToBytes()) {
    AddFinding("digest", "", options_.at.revision.number(),
               "the rows do not add up to the state digest: one is missing, or one too many is there");
  }
  return absl::OkStatus();
}

absl::Status DatabaseCheck::CheckLinks(absl::string_view table, SqliteStatement& broken_links,
                                       int64_t last_id) {
  for (int64_t from = 0; from < last_id; from += kIdsPerStep) {
    HF_RETURN_IF_ERROR(Step(table, 0, [&]() -> absl::Status {
      HF_ASSIGN_OR_RETURN(const StoreFloor floor, statements_->meta.ReadFloor());
      SqliteQuery query = broken_links.Query(from, from + kIdsPerStep, floor.floor.number());
      while (true) {
        HF_ASSIGN_OR_RETURN(const bool has_row, query.Step());
        if (!has_row) return absl::OkStatus();
        AddFinding(table, query.Blob(0), query.Int64(1),
                   "an older version of this key is missing or another one's");
      }
    }));
  }
  return absl::OkStatus();
}

absl::Status DatabaseCheck::CheckUndo() {
  int64_t last = 0;
  bool was_readable = true;
  for (bool is_done = false; !is_done && last < tail_.next_undo_id;) {
    bool is_readable = false;
    const absl::Status step = Step("undo", 0, [&]() -> absl::Status {
      SqliteQuery query = statements_->next_undo.Query(last, kRowsPerStep);
      for (int count = 0;; ++count) {
        const absl::StatusOr<bool> has_row = query.Step();
        // One finding for a stretch of rows that cannot be read.
        if (!has_row.ok() && IsDamaged(has_row.status()) && !was_readable) return absl::OkStatus();
        HF_RETURN_IF_ERROR(has_row.status());
        is_readable = true;
        if (!*has_row) {
          is_done = count == 0;
          return absl::OkStatus();
        }
        VersionRow row;
        const int64_t superseded = query.Int64(kVersionColumnCount);
        last = query.Int64(kVersionColumnCount + 1);
        const absl::Status read = ReadVersionRow(query, superseded, database_.path(), &row);
        HF_RETURN_IF_ERROR(Note("undo", row.key, row.mod_revision, read));
      }
    });
    HF_RETURN_IF_ERROR(step);
    if (!is_readable) ++last;  // the page of this row cannot be read: is that of the next one?
    was_readable = is_readable;
  }
  return CheckLinks("undo", statements_->broken_undo_links, last);
}

}  // namespace holdfast::storage
