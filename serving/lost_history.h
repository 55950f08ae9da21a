#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "base/revision.h"
#include "storage/milestone.h"
#include "storage/store.h"

namespace holdfast::serving {

// Tells from a revision's number alone whether it names a history that was lost (DESIGN 4, Rewind): indexes
// have no gaps and each epoch begins at a known record, so a number that lies between the last revision of
// one epoch and the first of the next was only ever seen on a branch that is gone. An immutable value; any
// thread.
class LostHistory {
 public:
  LostHistory() = default;
  // The revisions of all EPOCH records of the log, in order.
  explicit LostHistory(std::vector<Revision> epoch_begins) : begins_(std::move(epoch_begins)) {}
  // Of a store that shows `visible`, from its milestones: an epoch whose first record is not visible yet may
  // still come to nothing, so it must not condemn anything. Take `visible` first and the milestones second
  // (Store): they are published before what they announce is shown.
  LostHistory(const std::vector<storage::Milestone>& milestones, Revision visible);
  // Of what `store` shows now.
  static LostHistory Of(const storage::Store& store);

  // If `revision` is known to be of a lost history: the last revision that it shares with this one at most
  // (where three branches part, numbers alone do not tell). nullopt for what this history has, and for what
  // it may yet have (beyond its newest epoch).
  std::optional<Revision> CommonBefore(Revision revision) const;

  // The same for a cursor that asks for everything from `start` on, which stands for "I have seen the one
  // before". The first revision of an epoch is no lost history, although the number before it is.
  std::optional<Revision> CommonBeforeStart(Revision start) const;

  bool empty() const { return begins_.empty(); }

  // The revision with this index, for walking back through the log; zero below the first epoch known.
  Revision AtIndex(uint64_t index) const;

 private:
  std::vector<Revision> begins_;
};

}  // namespace holdfast::serving
