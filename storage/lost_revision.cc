#include "storage/lost_revision.h"

namespace holdfast::storage {

std::optional<Revision> SharedWithLost(Revision at, const std::vector<Milestone>& milestones) {
  uint64_t epoch = 0;  // the one that was in force below the next beginning
  for (const Milestone& milestone : milestones) {
    if (milestone.kind != v1::RECORD_KIND_EPOCH) continue;
    const Revision begin = milestone.position.revision;
    if (begin <= at) {
      epoch = begin.epoch();
      continue;
    }
    const Revision last(epoch, begin.index() - 1);
    return at > last && at.epoch() != begin.epoch() ? std::optional<Revision>(last) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace holdfast::storage
