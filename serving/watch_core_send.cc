#include <algorithm>
#include <utility>

#include "serving/watch_composer.h"
#include "serving/watch_core.h"
#include "serving/wire_format.h"

namespace holdfast::serving {
namespace {

using v1::WatchResponse;

void AppendRevision(WatchMessage& message, Revision revision) {
  std::string field;
  wire::AppendNumber(field, WatchResponse::kRevisionFieldNumber, static_cast<uint64_t>(revision.number()));
  message.AddOwn(field);
}

}  // namespace

void WatchCore::Deliver(WatchId id) {
  for (WatchStream* stream = Find(id); stream != nullptr && stream->sink->CanWrite(); stream = Find(id)) {
    if (SendNext(*stream) != Sent::kMore) return;
  }
}

WatchCore::Sent WatchCore::SendNext(WatchStream& stream) {
  if (stream.rewind) {
    if (stream.rewind->restored == nullptr) return Sent::kNothing;
    SendRewind(stream);
    return Sent::kMore;
  }
  if (!stream.greeted) {
    SendMark(stream);
    return Sent::kMore;
  }
  if (stream.unsent) {
    WatchStream::Unsent unsent = *std::exchange(stream.unsent, std::nullopt);
    Write(stream, std::move(unsent.message), unsent.told);
    return Sent::kMore;
  }
  const bool within_commit = stream.cursor.next_index != 0;
  if (draining_ && !within_commit) {
    EndWithHint(stream);
    return Sent::kEnded;
  }
  if (stream.mark_due && !within_commit) {
    SendMark(stream);
    return Sent::kMore;
  }
  return stream.behind ? SendFromRing(stream) : Sent::kNothing;
}

WatchCore::Sent WatchCore::SendFromRing(WatchStream& stream) {
  if (stream.reading) return Sent::kNothing;
  if (stream.filter.include_previous || !ring_.HasAllAfter(stream.cursor.after)) {
    QueueRead(stream);
    return Sent::kNothing;
  }
  WatchComposer composer(stream.filter, stream.cursor);
  const size_t first = ring_.FirstAfter(stream.cursor.after);
  const size_t stop = std::min(ring_.size(), first + kMaxRecordsPerWatchTurn);
  size_t place = first;
  while (place < stop && composer.Add(ring_.at(place))) ++place;
  stream.cursor = composer.cursor();
  if (place == ring_.size()) stream.behind = false;
  if (composer.has_events()) {
    const Revision told = composer.told();
    Write(stream, composer.Finish(), told);
  } else if (place == stop && stream.behind) {  // a long way with nothing for it: others first
    options_.executor->Post([weak = weak_from_this(), id = stream.id] {
      if (const auto self = weak.lock()) self->Deliver(id);
    });
    return Sent::kNothing;
  }
  return Sent::kMore;
}

void WatchCore::Write(WatchStream& stream, WatchMessage message, Revision told) {
  stream.seen = std::max(stream.seen, told);
  stream.last_sent = options_.clock->SinceBoot();
  stream.sink->Write(std::move(message));
}

// The first message of a stream, and the sign of life of a quiet one: header and how far it was served.
void WatchCore::SendMark(WatchStream& stream) {
  WatchMessage message;
  message.AddOwn(options_.node->EncodeHeader(Look()));
  AppendRevision(message, Reached(stream));
  stream.greeted = true;
  stream.mark_due = false;
  Write(stream, std::move(message), std::min(tail_, Reached(stream)));
}

// One message, or several marked ones if it would be too large.
void WatchCore::SendRewind(WatchStream& stream) {
  WatchStream::Rewind& rewind = *stream.rewind;
  v1::Rewound rewound;
  rewound.set_common_revision(rewind.common.number());
  size_t bytes = 0;
  const std::vector<v1::KeyValue>& restored = *rewind.restored;
  for (; rewind.next < restored.size(); ++rewind.next) {
    const v1::KeyValue& kv = restored[rewind.next];
    if (!stream.filter.range.Contains(kv.key())) continue;
    if (bytes > 0 && bytes + kv.ByteSizeLong() > kMaxWatchMessageBytes) break;
    bytes += kv.ByteSizeLong();
    *rewound.add_restored() = kv;
  }
  const bool last = rewind.next == restored.size();
  WatchMessage message;
  message.AddOwn(options_.node->EncodeHeader(Look()));
  std::string field;
  wire::AppendBytes(field, WatchResponse::kRewoundFieldNumber, rewound.SerializeAsString());
  if (!last) wire::AppendNumber(field, WatchResponse::kFragmentFieldNumber, 1);
  message.AddOwn(field);
  if (last) {
    AppendRevision(message, rewind.common);
    stream.seen = rewind.common;  // what it saw beyond is no more
    stream.rewind.reset();
  }
  stream.greeted = true;
  Write(stream, std::move(message), stream.seen);
}

void WatchCore::EndWithHint(WatchStream& stream) {
  WatchMessage message;
  message.AddOwn(options_.node->EncodeHeader(Look()));
  AppendRevision(message, Reached(stream));
  std::string field;
  wire::AppendBytes(field, WatchResponse::kTryAddressFieldNumber, try_address_);
  message.AddOwn(field);
  Write(stream, std::move(message), std::min(tail_, Reached(stream)));
  End(stream, absl::OkStatus());
}

void WatchCore::ArmProgress() {
  if (progress_armed_ || progress_due_.empty()) return;
  progress_armed_ = true;
  const absl::Duration wait = progress_due_.begin()->first - options_.clock->SinceBoot();
  PostAfter(std::clamp(wait, kMinProgressInterval / 2, kDefaultProgressInterval),
            &WatchCore::OnProgressTimer);
}

void WatchCore::OnProgressTimer() {
  progress_armed_ = false;
  const absl::Duration now = options_.clock->SinceBoot();
  std::vector<WatchId> due;
  while (!progress_due_.empty() && progress_due_.begin()->first <= now) {
    due.push_back(progress_due_.begin()->second);
    progress_due_.erase(progress_due_.begin());
  }
  for (const WatchId id : due) {
    WatchStream* stream = Find(id);
    if (stream == nullptr) continue;
    const absl::Duration next = stream->last_sent + stream->progress_interval;
    stream->mark_due = next <= now;
    stream->progress_due = stream->mark_due ? now + stream->progress_interval : next;
    progress_due_.emplace(stream->progress_due, id);
    if (stream->mark_due) Deliver(id);
  }
  ArmProgress();
}

}  // namespace holdfast::serving
