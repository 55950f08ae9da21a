#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace holdfast::serving {

// One encoded WatchResponse: pieces that are shared with other streams, and pieces of its own. Moves; one
// thread at a time.
class WatchMessage {
 public:
  struct Piece {
    std::shared_ptr<const void> owner;  // keeps `bytes` alive
    absl::string_view bytes;
  };

  // `owner_bytes`: what keeping `owner` costs. Short pieces are copied, since a reference costs more than a
  // few hundred bytes do, and so are those that would keep more than eight times their size: what a stalled
  // stream's message keeps alive is bounded by its own size.
  void AddShared(std::shared_ptr<const void> owner, size_t owner_bytes, absl::string_view bytes);
  void AddOwn(absl::string_view bytes);

  const std::vector<Piece>& pieces() const { return pieces_; }
  size_t bytes() const { return bytes_; }
  bool empty() const { return bytes_ == 0; }
  std::string Flatten() const;

 private:
  std::vector<Piece> pieces_;
  std::shared_ptr<std::string> own_;  // being filled; the last piece
  size_t bytes_ = 0;
};

// Where a watch stream's messages go: a gRPC stream in production, a list in tests. Called on the hub's
// executor only, never with a lock held. Must outlive Finish.
class WatchSink {
 public:
  virtual ~WatchSink() = default;

  // True if a message can be taken now. After false, WatchHub::OnWritable must be called once when that has
  // changed.
  virtual bool CanWrite() = 0;

  // Takes one message. Requires that CanWrite has just returned true.
  virtual void Write(WatchMessage message) = 0;

  // The stream is over: ends it after what was written. Called exactly once, and nothing after it.
  virtual void Finish(const absl::Status& status) = 0;
};

}  // namespace holdfast::serving
