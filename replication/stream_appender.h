#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "absl/status/status.h"
#include "base/position.h"
#include "holdfast/v1/replication.pb.h"
#include "storage/store.h"

namespace holdfast::replication {

// Brings the records of one admitted stream into the store, each batch in one transaction (R11 to R13). The
// node's own log may go on beyond the point where the stream begins: records that are there already are
// compared by hash and passed over, and only when a record of the stream conflicts with an own one is the own
// tail cut, salvaged first (I6). Strand.
class StreamAppender {
 public:
  // `store` must outlive this. `before_cut`, if there is one: what readers have seen is about to be cut.
  explicit StreamAppender(storage::Store* store, std::function<void()> before_cut = nullptr)
      : store_(store), before_cut_(std::move(before_cut)) {}

  // A stream of `stream_epoch` begins after `ancestor`, a record of the own log.
  void Begin(uint64_t stream_epoch, const Position& ancestor);

  // The last position that is both in the own log and in the stream: what may be acknowledged, shown and
  // passed on.
  const Position& verified() const { return verified_; }
  // Is everything up to the end of the own log the stream's? An epoch has one writer (I2), so its own records
  // always are.
  bool OwnsWholeLog() const;

  struct Result {
    enum Kind {
      kDone,
      kStreamBroken,   // the stream is at fault: end it, ask again, perhaps elsewhere
      kNeedsSnapshot,  // the log would have to be cut below its floor
      kTryAgain,       // the store could not write now (DISK_FULL, IO_ERROR); nothing changed
      kHalt,           // DIVERGED, CHAIN_BROKEN, UNKNOWN_RECORD: this node must stop
    };
    Kind kind = kDone;
    absl::Status status;
  };
  Result Append(const v1::FollowRecords& batch);

 private:
  // Passes over what the own log has already; returns how many records that were.
  Result SkipOwn(const v1::FollowRecords& batch, int* skipped);
  Result Cut();
  Result AppendNew(const v1::FollowRecords& batch, int first);

  storage::Store* const store_;
  const std::function<void()> before_cut_;
  uint64_t stream_epoch_ = 0;
  Position verified_;
};

}  // namespace holdfast::replication
