#include "storage/common_ancestor.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/status_macros.h"
#include "storage/log_table.h"
#include "storage/meta_table.h"
#include "storage/milestone_table.h"

namespace holdfast::storage {
namespace {

// What one file knows of its history.
struct History {
  static absl::StatusOr<History> Open(SqliteDatabase& database) {
    HF_ASSIGN_OR_RETURN(MetaTable meta, MetaTable::Open(database, "meta"));
    HF_ASSIGN_OR_RETURN(LogTable log, LogTable::Open(database));
    HF_ASSIGN_OR_RETURN(MilestoneTable milestones, MilestoneTable::Open(database));
    HF_ASSIGN_OR_RETURN(const StoreTail tail, meta.ReadTail());
    HF_ASSIGN_OR_RETURN(const StoreFloor floor, meta.ReadFloor());
    History history{tail.position, floor.base, std::move(log), {}};
    HF_ASSIGN_OR_RETURN(const std::vector<Milestone> all, milestones.ReadAll());
    for (const Milestone& milestone : all) {
      if (milestone.kind == v1::RECORD_KIND_EPOCH) history.epochs.push_back(milestone.position);
    }
    return history;
  }

  // The position at an index; nullopt if the record is gone or was never there.
  absl::StatusOr<std::optional<Position>> At(uint64_t index) {
    if (index == 0) return std::optional<Position>(Position{});
    if (index == tail.revision.index()) return std::optional<Position>(tail);
    if (index == base.revision.index()) return std::optional<Position>(base);
    HF_ASSIGN_OR_RETURN(const std::optional<LogRow> row, log.Read(index));
    if (!row.has_value()) return std::optional<Position>();
    return std::optional<Position>(row->record->position);
  }

  // The last index of the epoch that begins at epochs[number], or of what is before the first for -1.
  uint64_t LastIndexOf(int number) const {
    const size_t next = static_cast<size_t>(number) + 1;  // wraps to 0 for -1
    return next < epochs.size() ? epochs[next].revision.index() - 1 : tail.revision.index();
  }

  Position tail;
  Position base;
  LogTable log;
  std::vector<Position> epochs;
};

}  // namespace

absl::StatusOr<Position> FindCommonAncestor(SqliteDatabase& own_file, SqliteDatabase& other_file) {
  HF_ASSIGN_OR_RETURN(History own, History::Open(own_file));
  HF_ASSIGN_OR_RETURN(History other, History::Open(other_file));
  // The epochs that both have, which is a prefix of each.
  int shared = -1;
  const size_t count = std::min(own.epochs.size(), other.epochs.size());
  for (size_t i = 0; i < count && own.epochs[i] == other.epochs[i]; ++i) ++shared;
  uint64_t index = std::min(own.LastIndexOf(shared), other.LastIndexOf(shared));
  const bool has_shared_epoch = shared >= 0;
  for (;; --index) {
    HF_ASSIGN_OR_RETURN(const std::optional<Position> mine, own.At(index));
    HF_ASSIGN_OR_RETURN(const std::optional<Position> theirs, other.At(index));
    if (mine.has_value() && theirs.has_value()) {
      if (*mine == *theirs) return *mine;
      continue;
    }
    if (!has_shared_epoch) return Position{};
    return mine.has_value() ? *mine : theirs.value_or(Position{});
  }
}

}  // namespace holdfast::storage
