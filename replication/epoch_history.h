#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "base/position.h"
#include "replication/log_view.h"

namespace holdfast::replication {

// Which epochs a log has, where each began and ended: never compacted (DESIGN 4, Retention). Rests on I2 and
// I4: an epoch has one writer, which never writes an index twice, so two logs that both have records of an
// epoch agree on that epoch's part up to the shorter one. A plain value.
class EpochHistory {
 public:
  struct Span {
    Position first;  // the EPOCH record
    Revision last;   // the last record of the epoch in this log
  };

  // `starts`: the positions of all EPOCH records, in order; `end`: of the log. A log of epoch e that was cut
  // back may begin with `starts` above `end`; those are left out.
  EpochHistory(absl::Span<const Position> starts, Revision end);

  const std::vector<Span>& spans() const { return spans_; }
  const Span* Find(uint64_t epoch) const;  // nullptr if the log has no record of it

  // For FollowHello.epoch_ends: the last position of each epoch whose hash `log` still knows, oldest first.
  std::vector<Position> KnownEnds(const LogView& log) const;

 private:
  std::vector<Span> spans_;
};

// Where two logs part.
struct CommonAncestor {
  enum Kind {
    kFound,    // `position` is in both logs, and nothing after it is; zero: they have no record in common
    kUnknown,  // the records that would tell are compacted away
    kForked,   // `position.revision` names two different records: I4 is broken
  };
  Kind kind = kUnknown;
  Position position;
};

// The last common record of our log and one whose epochs end at `their_ends` (oldest first; older ones may be
// missing). Positions are compared by hash, never by number alone; an ancestor that is our own end of an
// epoch in which they are ahead is still to be confirmed by them.
CommonAncestor FindCommonAncestor(const EpochHistory& ours, const LogView& log,
                                  absl::Span<const Position> their_ends);

}  // namespace holdfast::replication
