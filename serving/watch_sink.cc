#include "serving/watch_sink.h"

#include <algorithm>

namespace holdfast::serving {
namespace {

constexpr size_t kCopiedBelowBytes = 512;
constexpr size_t kMaxKeptPerByte = 8;
constexpr size_t kOwnPieceBytes = 4096;  // reserved, so that `bytes` of a piece never moves

}  // namespace

void WatchMessage::AddShared(std::shared_ptr<const void> owner, size_t owner_bytes, absl::string_view bytes) {
  if (bytes.size() < kCopiedBelowBytes || bytes.size() < owner_bytes / kMaxKeptPerByte) return AddOwn(bytes);
  own_ = nullptr;
  bytes_ += bytes.size();
  pieces_.push_back({std::move(owner), bytes});
}

void WatchMessage::AddOwn(absl::string_view bytes) {
  if (bytes.empty()) return;
  if (own_ == nullptr || own_->size() + bytes.size() > own_->capacity()) {
    own_ = std::make_shared<std::string>();
    own_->reserve(std::max(bytes.size(), pieces_.empty() ? 2 * bytes.size() + 64 : kOwnPieceBytes));
    pieces_.push_back({own_, {}});
  }
  own_->append(bytes.data(), bytes.size());
  bytes_ += bytes.size();
  pieces_.back().bytes = *own_;
}

std::string WatchMessage::Flatten() const {
  std::string flat;
  flat.reserve(bytes_);
  for (const Piece& piece : pieces_) flat.append(piece.bytes.data(), piece.bytes.size());
  return flat;
}

}  // namespace holdfast::serving
