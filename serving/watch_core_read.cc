#include <string>
#include <utility>

#include "base/error.h"
#include "serving/watch_core.h"

namespace holdfast::serving {

bool WatchCore::IsPassing(const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  // The last two come before the word of the rewind that explains them.
  return reason == "RESOURCE_EXHAUSTED" || reason == "FUTURE_REVISION" || reason == "REWOUND";
}

void WatchCore::QueueRead(WatchStream& stream) {
  if (stream.queued || stream.reading) return;
  stream.queued = true;
  read_queue_.push_back(stream.id);
  StartReads();
}

void WatchCore::StartReads() {
  retry_armed_ = false;
  while (reads_in_flight_ < kMaxWatchReads && !read_queue_.empty()) {
    const WatchId id = read_queue_.front();
    read_queue_.pop_front();
    WatchStream* stream = Find(id);
    if (stream == nullptr) continue;
    const auto read = [weak = weak_from_this(), executor = options_.executor, log = options_.log,
                       readers = options_.readers, id, generation = generation_, filter = stream->filter,
                       from = stream->cursor, up_to = tail_] {
      auto result = std::make_shared<absl::StatusOr<WatchReadResult>>(
          ReadForWatch(*log, *readers, filter, from, up_to));
      executor->Post([weak, id, generation, result] {
        if (const auto self = weak.lock()) self->OnReadDone(id, generation, std::move(*result));
      });
    };
    if (!options_.workers(read)) {
      read_queue_.push_front(id);
      if (!std::exchange(retry_armed_, true)) PostAfter(kRetryAfter, &WatchCore::StartReads);
      return;
    }
    stream->queued = false;
    stream->reading = true;
    ++reads_in_flight_;
  }
}

void WatchCore::OnReadDone(WatchId id, uint64_t generation, absl::StatusOr<WatchReadResult> result) {
  --reads_in_flight_;
  if (WatchStream* stream = Find(id)) {
    stream->reading = false;
    if (generation != generation_) {
      Deliver(id);  // read of a history that is no more
    } else if (result.ok()) {
      const WatchCursor from = std::exchange(stream->cursor, result->cursor);
      if (result->cursor.after >= tail_) stream->behind = false;
      if (!result->message.empty())
        stream->unsent = WatchStream::Unsent{std::move(result->message), from, result->told};
      Deliver(id);
    } else if (IsPassing(result.status())) {
      stream->queued = true;  // once more, after the others
      read_queue_.push_back(id);
      if (!std::exchange(retry_armed_, true)) PostAfter(kRetryAfter, &WatchCore::StartReads);
      return;
    } else {
      End(*stream, result.status());
    }
  }
  if (!retry_armed_) StartReads();
}

// As if what a worker read had not been read.
void WatchCore::UndoUnsent(WatchStream& stream) {
  if (!stream.unsent) return;
  stream.cursor = stream.unsent->from;
  stream.behind = true;
  stream.unsent.reset();
}

}  // namespace holdfast::serving
