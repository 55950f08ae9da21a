#include "storage/lost_revision.h"

namespace holdfast::storage {

std::optional<Revision> SharedBefore(Revision at, Revision begin, Revision next) {
  const Revision last(begin.epoch(), next.index() - 1);
  return at > last ? std::optional<Revision>(last) : std::nullopt;
}

std::optional<Revision> SharedWithLost(Revision at, const std::vector<Milestone>& milestones) {
  Revision begin;  // of the epoch that was in force below the next beginning
  for (const Milestone& milestone : milestones) {
    if (milestone.kind != v1::RECORD_KIND_EPOCH) continue;
    const Revision next = milestone.position.revision;
    if (next > at) return at.epoch() != next.epoch() ? SharedBefore(at, begin, next) : std::nullopt;
    begin = next;
  }
  return std::nullopt;
}

}  // namespace holdfast::storage
