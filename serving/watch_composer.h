#pragma once

#include <cstddef>

#include "absl/strings/string_view.h"
#include "base/revision.h"
#include "serving/encoded_commit.h"
#include "serving/watch_filter.h"
#include "serving/watch_sink.h"

namespace holdfast::serving {

// Puts one message together for one stream: as many commits as fit into kWatchBatchBytes, a commit never
// divided unless it is larger than kMaxWatchMessageBytes by itself; then its changes come in marked fragments
// (I11). One thread.
class WatchComposer {
 public:
  // `filter` must outlive this.
  WatchComposer(const WatchFilter& filter, WatchCursor from) : filter_(filter), cursor_(from) {}

  // Takes what matches of the commit after cursor(). Commits must come in order without a gap. False: the
  // message is full and must be sent before anything else is added (cursor() tells whether this commit is in
  // it, or a part of it).
  bool Add(const EncodedCommitPtr& commit);

  // Where the next message begins.
  const WatchCursor& cursor() const { return cursor_; }
  bool has_events() const { return message_.bytes() > 0; }
  // The greatest revision that the message shows anything of, or says that all is told up to.
  Revision told() const { return fragment_ ? newest_ : cursor_.after; }

  // The message, with `revision` or `fragment` as the proto says. Requires has_events(); ends this.
  WatchMessage Finish();

 private:
  bool Wanted(const EncodedCommit& commit, size_t index) const;
  // Calls `run(begin, end)` for each run of wanted events in [begin, end).
  template <typename Run>
  void ForEachRun(const EncodedCommit& commit, size_t begin, size_t end, Run run) const;
  size_t WantedBytes(const EncodedCommit& commit, size_t begin, size_t end) const;
  void Append(const EncodedCommitPtr& commit, size_t begin, size_t end);

  const WatchFilter& filter_;
  WatchCursor cursor_;
  Revision newest_;
  bool fragment_ = false;
  WatchMessage message_;
};

}  // namespace holdfast::serving
