#pragma once

#include <cstddef>
#include <deque>

#include "base/revision.h"
#include "serving/encoded_commit.h"

namespace holdfast::serving {

// The newest visible commits, encoded once for all streams, bounded in bytes: the oldest go first. Holds
// everything after base() without a gap. What a stream still sends from stays alive through its own
// references. One thread.
class WatchRing {
 public:
  explicit WatchRing(size_t max_bytes) : max_bytes_(max_bytes) {}

  // Empty, and complete from `base` on.
  void Reset(Revision base);

  // Takes the next visible commit; lets old ones go to stay within the bound (a single commit always fits).
  void Push(EncodedCommitPtr commit);

  // Forgets what is above `ancestor`.
  void CutAfter(Revision ancestor);

  // Everything visible after this revision is here.
  Revision base() const { return base_; }
  bool HasAllAfter(Revision revision) const { return revision >= base_; }

  // The place of the first commit after `revision`; commits are numbered from 0 to size().
  size_t FirstAfter(Revision revision) const;
  const EncodedCommitPtr& at(size_t place) const { return commits_[place]; }
  size_t size() const { return commits_.size(); }
  size_t bytes() const { return bytes_; }

 private:
  const size_t max_bytes_;
  Revision base_;
  size_t bytes_ = 0;
  std::deque<EncodedCommitPtr> commits_;
};

}  // namespace holdfast::serving
