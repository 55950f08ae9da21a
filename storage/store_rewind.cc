// Cutting the log back to where it and the stream's still agree.
#include <set>
#include <utility>

#include "base/check.h"
#include "base/status_macros.h"
#include "storage/errors.h"
#include "storage/sqlite_transaction.h"
#include "storage/store_impl.h"

namespace holdfast::storage {

absl::StatusOr<std::string> Store::RewindTo(const Position& ancestor, absl::string_view reason) {
  Impl& impl = *impl_;
  HF_CHECK(!impl.has_open_batch, "between batches only");
  HF_RETURN_IF_ERROR(impl.Writable());
  if (ancestor == impl.tail.position) return std::string();
  if (ancestor.revision < impl.floor.floor) return CompactedError(ancestor.revision, impl.oldest_record);
  HF_ASSIGN_OR_RETURN(const std::optional<Position> own, impl.Lookup(ancestor.revision));
  if (own != ancestor) {
    return BrokenChainError(ancestor.revision.number(), "this log never held the ancestor to rewind to");
  }
  absl::StatusOr<std::string> salvaged = impl.Salvage(ancestor, reason);
  HF_RETURN_IF_ERROR(impl.Checked(salvaged.status()));
  HF_RETURN_IF_ERROR(impl.Checked(impl.CutTo(ancestor)));
  return salvaged;
}

absl::Status Store::Impl::CutTo(const Position& ancestor) {
  const Position visible_before = visible;
  const Position acknowledged_before = node->acknowledged();
  // node.db first: a log that is shorter than what it says would be taken for one that has lost its end.
  HF_RETURN_IF_ERROR(node->ForgetAbove(ancestor));
  // No reader may ask for what is about to go: from here on it is a future revision.
  if (visible.revision > ancestor.revision) visible = ancestor;
  Publish(/*milestones_changed=*/false);

  StoreTail cut_tail = tail;
  StoreFloor cut_floor = floor;
  std::set<std::string> touched;
  const absl::Status cut = RevertInOneTransaction(ancestor, visible_before, &cut_tail, &cut_floor, &touched);
  if (!cut.ok()) {
    visible = visible_before;
    Publish(/*milestones_changed=*/false);
    // If these fail as well, node.db claims less than the node holds, which harms nothing.
    node->NoteVisible(visible_before).IgnoreError();
    node->NoteAcknowledged(acknowledged_before).IgnoreError();
    return cut;
  }
  tail = cut_tail;
  floor = std::move(cut_floor);
  cache.TruncateAfter(ancestor.revision);
  std::erase_if(milestones, [&](const Milestone& one) { return one.position.revision > ancestor.revision; });
  if (oldest_record > ancestor.revision) oldest_record = Revision();
  state.CountCut();
  state.CountWrite();
  Publish(/*milestones_changed=*/true);
  NoteSizes();
  const std::vector<std::string> touched_keys(touched.begin(), touched.end());
  for (StoreObserver* observer : observers) observer->OnRewound(ancestor, visible_before, touched_keys);
  return absl::OkStatus();
}

absl::Status Store::Impl::RevertInOneTransaction(const Position& ancestor, const Position& visible_before,
                                                 StoreTail* cut_tail, StoreFloor* cut_floor,
                                                 std::set<std::string>* touched) {
  HF_ASSIGN_OR_RETURN(SqliteTransaction transaction, SqliteTransaction::Begin(*writer));
  const auto note_touched = [&](const LogRecord& record) {
    if (record.position.revision > visible_before.revision) return;
    for (int i = 0; i < record.message.changes_size(); ++i) {
      const ChangeEffect& effect = record.effects[static_cast<size_t>(i)];
      if (effect.version != 0 || effect.previous_revision != 0)
        touched->insert(record.message.changes(i).key());
    }
  };
  HF_RETURN_IF_ERROR(RevertTo(*tables, ancestor, cut_tail, cut_floor, note_touched));
  return transaction.Commit();
}

}  // namespace holdfast::storage
