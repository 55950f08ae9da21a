#include "replication/epoch_history.h"

#include <algorithm>

namespace holdfast::replication {
namespace {

// What one of their positions tells; nullopt: nothing, look at the epoch before.
std::optional<CommonAncestor> Judge(const EpochHistory& ours, const LogView& log, const Position& theirs) {
  const std::optional<Position> own = log.At(theirs.revision);
  if (own) {
    if (*own == theirs) return CommonAncestor{CommonAncestor::kFound, theirs};
    return CommonAncestor{CommonAncestor::kForked, theirs};
  }
  const EpochHistory::Span* span = ours.Find(theirs.revision.epoch());
  if (span == nullptr) return std::nullopt;  // an epoch that we never had
  if (theirs.revision < span->first.revision) return CommonAncestor{CommonAncestor::kForked, span->first};
  if (theirs.revision <= span->last) return CommonAncestor{CommonAncestor::kUnknown, {}};  // compacted here
  const std::optional<Position> last = log.At(span->last);
  if (!last) return CommonAncestor{CommonAncestor::kUnknown, {}};
  return CommonAncestor{CommonAncestor::kFound, *last};
}

}  // namespace

EpochHistory::EpochHistory(absl::Span<const Position> starts, Revision end) {
  for (const Position& start : starts) {
    if (start.revision > end) break;
    // The record before this EPOCH record ended the epoch before it: indexes have no gaps.
    if (!spans_.empty())
      spans_.back().last = Revision(spans_.back().first.revision.epoch(), start.revision.index() - 1);
    spans_.push_back({start, end});
  }
}

const EpochHistory::Span* EpochHistory::Find(uint64_t epoch) const {
  const auto it = std::find_if(spans_.begin(), spans_.end(),
                               [epoch](const Span& span) { return span.first.revision.epoch() == epoch; });
  return it == spans_.end() ? nullptr : &*it;
}

std::vector<Position> EpochHistory::KnownEnds(const LogView& log) const {
  std::vector<Position> ends;
  for (const Span& span : spans_) {
    if (const std::optional<Position> end = log.At(span.last)) ends.push_back(*end);
  }
  return ends;
}

CommonAncestor FindCommonAncestor(const EpochHistory& ours, const LogView& log,
                                  absl::Span<const Position> their_ends) {
  for (auto theirs = their_ends.rbegin(); theirs != their_ends.rend(); ++theirs) {
    if (theirs->revision.is_zero()) continue;
    if (const std::optional<CommonAncestor> found = Judge(ours, log, *theirs)) return *found;
  }
  // None of their epochs is ours. They may have older ones whose ends they no longer know.
  const bool whole = their_ends.empty() || their_ends.front().revision.is_zero();
  return {whole ? CommonAncestor::kFound : CommonAncestor::kUnknown, {}};
}

}  // namespace holdfast::replication
