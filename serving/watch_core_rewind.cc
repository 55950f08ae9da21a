#include <algorithm>
#include <utility>

#include "base/mutants.h"
#include "base/status_macros.h"
#include "serving/errors.h"
#include "serving/key_value.h"
#include "serving/watch_core.h"
#include "storage/errors.h"

namespace holdfast::serving {
namespace {

// The state of `keys` at `at`; a key that does not exist has no value and no revisions. On a worker.
absl::StatusOr<RestoredKeys> ReadRestored(storage::ReaderPool& readers, const std::set<std::string>& keys,
                                          Revision at) {
  auto restored = std::make_shared<std::vector<v1::KeyValue>>();
  restored->reserve(keys.size());
  std::unique_ptr<storage::ReadLease> lease;
  int rows = 0;
  for (const std::string& key : keys) {
    if (lease == nullptr || ++rows >= kMaxRowsPerLease) {
      lease = nullptr;
      rows = 0;
      HF_ASSIGN_OR_RETURN(lease, readers.Acquire());
    }
    HF_ASSIGN_OR_RETURN(const std::optional<storage::KeyVersion> found, lease->Get(key, at));
    v1::KeyValue& kv = restored->emplace_back();
    kv.set_key(key);
    if (found) FillKeyValue(*found, /*keys_only=*/false, &kv);
  }
  return RestoredKeys(std::move(restored));
}

}  // namespace

void WatchCore::OnRewound(Revision ancestor, Revision visible_before, std::vector<std::string> touched_keys) {
  if (visible_before <= ancestor) return;  // what was lost nobody has seen
  ++generation_;
  lost_ = options_.lost_history();
  const Revision old_tail = std::exchange(tail_, std::min(tail_, ancestor));
  tail_fresh_at_.reset();
  target_ = std::min(target_, ancestor);
  ring_.CutAfter(ancestor);
  const bool some_untold = std::any_of(streams_.begin(), streams_.end(),
                                       [](const auto& entry) { return entry.second->rewind.has_value(); });
  if (!some_untold) rewound_keys_.clear();
  for (std::string& key : touched_keys) rewound_keys_.insert(std::move(key));
  bool to_tell = false;
  for (auto& [id, stream] : streams_) to_tell |= Rewind(*stream, ancestor, old_tail);
  if (to_tell) StartRestore(ancestor);
  OpenShown();
}

// Takes the stream back; true if it has to be told.
bool WatchCore::Rewind(WatchStream& stream, Revision ancestor, Revision old_tail) {
  UndoUnsent(stream);
  if (stream.cursor.after > old_tail)
    return false;  // from another node: the next epoch will tell whether it is lost
  if (stream.cursor.after >= ancestor) stream.cursor = {ancestor, 0};
  if (stream.cursor.after >= tail_) stream.behind = false;
  if ((stream.seen <= ancestor && !stream.rewind) || MutantActive(Mutant::kRewindNotTold)) return false;
  const Revision common = stream.rewind ? std::min(stream.rewind->common, ancestor) : ancestor;
  stream.rewind = WatchStream::Rewind{common, nullptr, 0};
  return true;
}

void WatchCore::StartRestore(Revision ancestor) {
  const auto read = [weak = weak_from_this(), executor = options_.executor, readers = options_.readers,
                     generation = generation_, keys = rewound_keys_, ancestor] {
    auto restored = std::make_shared<absl::StatusOr<RestoredKeys>>(ReadRestored(*readers, keys, ancestor));
    executor->Post([weak, generation, restored] {
      if (const auto self = weak.lock()) self->OnRestored(generation, std::move(*restored));
    });
  };
  if (!options_.workers(read)) OnRestored(generation_, TooBusyError("reads", kMaxQueuedRangeReads));
}

void WatchCore::OnRestored(uint64_t generation, absl::StatusOr<RestoredKeys> restored) {
  if (generation != generation_) return;
  std::vector<WatchId> told;
  for (auto& [id, stream] : streams_) {
    if (stream->rewind && stream->rewind->restored == nullptr) told.push_back(id);
  }
  for (const WatchId id : told) {
    WatchStream* stream = Find(id);
    if (restored.ok()) {
      stream->rewind->restored = *restored;
      Deliver(id);
    } else {  // the values cannot be had: the client reads for itself
      End(*stream, storage::LostRevisionError(stream->seen, stream->rewind->common));
    }
  }
}

void WatchCore::OnReplaced(Revision visible) {
  ++generation_;
  lost_ = options_.lost_history();
  const Revision old_tail = std::exchange(tail_, visible);
  tail_fresh_at_.reset();
  target_ = visible;
  ring_.Reset(visible);
  // What was shown here of a later epoch than what is shown now was of another branch. Of what is above in the
  // same epoch (a repair may go back), or comes from another node, the next epoch will tell whether it is lost.
  const auto shared_with = [this, old_tail](Revision at) {
    const bool is_cut = at.epoch() > tail_.epoch() && at <= old_tail;
    return is_cut ? std::optional<Revision>(tail_) : lost_.CommonBefore(at);
  };
  std::vector<std::pair<WatchId, absl::Status>> lost;
  std::vector<WatchId> going_on;
  for (auto& [id, stream] : streams_) {
    UndoUnsent(*stream);
    const Revision reached = stream->behind ? stream->cursor.after : std::max(stream->cursor.after, old_tail);
    const auto common = shared_with(stream->seen);
    if (common || stream->rewind) {
      lost.emplace_back(
          id, storage::LostRevisionError(stream->seen, stream->rewind ? stream->rewind->common : *common));
      continue;
    }
    if (shared_with(reached)) {
      // Nothing that was lost was told to it: it goes on from what was. One that was told nothing begins now.
      stream->cursor = {stream->greeted || !stream->seen.is_zero() ? stream->seen : tail_, 0};
    } else if (!stream->behind) {
      stream->cursor = {reached, 0};
    }
    stream->behind = stream->cursor.after < tail_;
    going_on.push_back(id);
  }
  for (const auto& [id, status] : lost) Close(id, status);
  for (const WatchId id : going_on) Deliver(id);
  OpenShown();
}

}  // namespace holdfast::serving
