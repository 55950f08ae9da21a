#include "serving/watch_composer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/limits.h"
#include "serving/wire_format.h"

namespace holdfast::serving {

bool WatchComposer::Wanted(const EncodedCommit& commit, size_t index) const {
  return commit.deleted(index) ? filter_.deletes : filter_.puts;
}

template <typename Run>
void WatchComposer::ForEachRun(const EncodedCommit& commit, size_t begin, size_t end, Run run) const {
  if (filter_.puts && filter_.deletes) {
    if (begin < end) run(begin, end);
    return;
  }
  for (size_t i = begin; i < end;) {
    size_t stop = i;
    while (stop < end && Wanted(commit, stop)) ++stop;
    if (stop > i) run(i, stop);
    i = stop + 1;
  }
}

size_t WatchComposer::WantedBytes(const EncodedCommit& commit, size_t begin, size_t end) const {
  size_t bytes = 0;
  ForEachRun(commit, begin, end, [&](size_t from, size_t to) { bytes += commit.bytes(from, to).size(); });
  return bytes;
}

void WatchComposer::Append(const EncodedCommitPtr& commit, size_t begin, size_t end) {
  ForEachRun(*commit, begin, end, [&](size_t from, size_t to) {
    message_.AddShared(commit, commit->memory_bytes(), commit->bytes(from, to));
  });
  newest_ = commit->revision();
}

bool WatchComposer::Add(const EncodedCommitPtr& commit) {
  auto [begin, end] = commit->Matching(filter_.range);
  begin = std::min(std::max(begin, cursor_.next_index), end);
  const WatchCursor passed{commit->revision(), 0};
  const size_t wanted = WantedBytes(*commit, begin, end);
  if (wanted == 0) {
    cursor_ = passed;
    return true;
  }
  const size_t limit = has_events() ? kWatchBatchBytes : kMaxWatchMessageBytes;
  if (message_.bytes() + wanted <= limit) {
    Append(commit, begin, end);
    cursor_ = passed;
    return message_.bytes() < kWatchBatchBytes;
  }
  if (has_events()) return false;
  size_t split = begin;
  for (size_t taken = 0; split < end; ++split) {
    const size_t bytes = WantedBytes(*commit, split, split + 1);
    if (taken > 0 && taken + bytes > kMaxWatchMessageBytes) break;
    taken += bytes;
  }
  Append(commit, begin, split);
  fragment_ = WantedBytes(*commit, split, end) > 0;
  cursor_ = fragment_ ? WatchCursor{cursor_.after, split} : passed;
  return false;
}

WatchMessage WatchComposer::Finish() {
  std::string rest;
  if (fragment_) {
    wire::AppendNumber(rest, v1::WatchResponse::kFragmentFieldNumber, 1);
  } else {
    wire::AppendNumber(rest, v1::WatchResponse::kRevisionFieldNumber,
                       static_cast<uint64_t>(cursor_.after.number()));
  }
  message_.AddOwn(rest);
  return std::move(message_);
}

}  // namespace holdfast::serving
