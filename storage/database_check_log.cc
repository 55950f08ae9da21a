// The part of DatabaseCheck that looks at the log and what points into it.
#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "storage/database_check.h"
#include "storage/database_check_statements.h"
#include "storage/errors.h"
#include "storage/milestone_table.h"

namespace holdfast::storage {
namespace {

constexpr uint64_t kRecordsPerStep = 200;

}  // namespace

absl::Status DatabaseCheck::CheckLog() {
  const uint64_t last = tail_.position.revision.index();
  uint64_t next = 0;
  while (next <= last) {
    HF_RETURN_IF_ERROR(Step("log", kRecordsPerStep, [&]() -> absl::Status {
      // Compaction may have taken more of the beginning since the step before.
      HF_ASSIGN_OR_RETURN(const StoreFloor floor, statements_->meta.ReadFloor());
      if (next <= floor.base.revision.index()) {
        next = floor.base.revision.index() + 1;
        previous_ = floor.base;
      }
      const uint64_t end = std::min(next + kRecordsPerStep - 1, last);
      for (; next <= end; ++next) HF_RETURN_IF_ERROR(CheckRecord(next));
      return absl::OkStatus();
    }));
  }
  if (previous_.has_value() && previous_->revision.index() == last && *previous_ != tail_.position) {
    AddFinding("chain", "", tail_.position.revision.number(),
               "the last record is not the one that was written last");
  }
  return absl::OkStatus();
}

absl::Status DatabaseCheck::CheckRecord(uint64_t index) {
  const absl::StatusOr<std::optional<LogRow>> row = statements_->log.Read(index);
  if (!row.ok() || !row->has_value()) {
    previous_.reset();
    const absl::string_view message = "a record is missing from the log";
    const absl::Status damage = row.ok() ? DamagedDatabaseError(database_.path(), message) : row.status();
    return Note("log", absl::StrCat("record ", index), 0, damage);
  }
  const LogRecord& record = *(*row)->record;
  CheckChain(record);
  CheckMilestone(record);
  previous_ = record.position;
  return CheckRequest(record);
}

void DatabaseCheck::CheckChain(const LogRecord& record) {
  const int64_t revision = record.position.revision.number();
  if (previous_.has_value() && previous_->chain_hash != record.previous) {
    AddFinding("chain", "", revision, "this record does not follow the one before it");
  }
  if (previous_.has_value() && previous_->revision >= record.position.revision) {
    AddFinding("chain", "", revision, "its revision does not grow");
  }
  if (NextChainHash(record.previous, record.bytes) != record.position.chain_hash) {
    AddFinding("chain", "", revision, "its bytes do not give its chain hash");
  }
  if (record.message.revision() != revision) AddFinding("log", "", revision, "it says another revision");
}

absl::Status DatabaseCheck::CheckRequest(const LogRecord& record) {
  const std::string& id = record.message.commit().request_id();
  if (id.empty()) return absl::OkStatus();
  const absl::StatusOr<std::optional<uint64_t>> index = statements_->log.FindRequest(id);
  HF_RETURN_IF_ERROR(Note("log", "", record.position.revision.number(), index.status()));
  if (index.ok() && *index != record.position.revision.index()) {
    AddFinding("log", "", record.position.revision.number(), "its request id does not lead to it");
  }
  return absl::OkStatus();
}

void DatabaseCheck::CheckMilestone(const LogRecord& record) {
  if (!MilestoneOf(record).has_value()) return;
  const auto it = milestones_.find(record.position.revision.index());
  // Appended after the milestones were read: not looked at.
  if (it == milestones_.end() && record.position.revision > tail_.position.revision) return;
  if (it == milestones_.end() || it->second.position != record.position) {
    AddFinding("log", "", record.position.revision.number(), "its milestone is missing or another one");
  }
}

}  // namespace holdfast::storage
