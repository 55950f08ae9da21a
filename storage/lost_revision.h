#pragma once

#include <optional>
#include <vector>

#include "base/revision.h"
#include "storage/milestone.h"

namespace holdfast::storage {

// `begin` and `next` are the revisions of two EPOCH records in a row, begin <= at < next. If `at` lies beyond
// the last revision of begin's epoch, it was only ever seen on a branch that is gone: that last revision,
// above which the histories share nothing. Indexes have no gaps and each epoch begins with its EPOCH record,
// so numbers alone show it. Where the two histories part they do not show: if a third branch came back in
// between, that may be earlier. Any thread.
std::optional<Revision> SharedBefore(Revision at, Revision begin, Revision next);

// If `at`, which is not above the end of the log with these milestones, names a history that this log has
// left: a revision above which both share nothing, as SharedBefore says. nullopt for what this log holds, and
// for a number of an epoch below that epoch's beginning, which no log ever held (R7): it stands for the state
// before. Any thread.
std::optional<Revision> SharedWithLost(Revision at, const std::vector<Milestone>& milestones);

}  // namespace holdfast::storage
