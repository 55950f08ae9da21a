#include "serving/lost_history.h"

#include <algorithm>

#include "storage/lost_revision.h"

namespace holdfast::serving {

LostHistory::LostHistory(const std::vector<storage::Milestone>& milestones, Revision visible) {
  for (const storage::Milestone& milestone : milestones) {
    if (milestone.kind == v1::RECORD_KIND_EPOCH && milestone.position.revision <= visible)
      begins_.push_back(milestone.position.revision);
  }
}

LostHistory LostHistory::Of(const storage::Store& store) {
  const Revision visible = store.visible().revision;
  return LostHistory(store.milestones(), visible);
}

std::optional<Revision> LostHistory::CommonBefore(Revision revision) const {
  if (revision.is_zero() || begins_.empty()) return std::nullopt;
  // The epoch that begins after `revision`, if any: what lies before its first record and beyond its
  // predecessor's last.
  const auto next = std::upper_bound(begins_.begin(), begins_.end(), revision);
  if (next == begins_.end() || next == begins_.begin()) return std::nullopt;
  return storage::SharedBefore(revision, *std::prev(next), *next);
}

std::optional<Revision> LostHistory::CommonBeforeStart(Revision start) const {
  if (start.is_zero() || std::binary_search(begins_.begin(), begins_.end(), start)) return std::nullopt;
  return CommonBefore(Revision(start.number() - 1));
}

Revision LostHistory::AtIndex(uint64_t index) const {
  const auto next = std::upper_bound(begins_.begin(), begins_.end(), index,
                                     [](uint64_t wanted, Revision begin) { return wanted < begin.index(); });
  if (next == begins_.begin()) return Revision();
  return Revision(std::prev(next)->epoch(), index);
}

}  // namespace holdfast::serving
