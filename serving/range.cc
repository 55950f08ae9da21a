#include "serving/range.h"

namespace holdfast::serving {
namespace {

constexpr absl::string_view kZeroByte("\0", 1);

}  // namespace

KeyRange::KeyRange(absl::string_view key, absl::string_view range_end) : begin_(key) {
  if (range_end.empty()) {
    single_ = true;
    end_.assign(key.data(), key.size());
    end_.push_back('\0');  // the next key in memcmp order
    return;
  }
  if (key == kZeroByte) begin_.clear();
  unbounded_ = range_end == kZeroByte;
  if (!unbounded_) end_.assign(range_end.data(), range_end.size());
}

bool KeyRange::Contains(absl::string_view key) const {
  if (single_) return key == begin_;
  return key >= begin_ && (unbounded_ || key < end_);
}

std::string PrefixEnd(absl::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (end.empty()) return std::string(kZeroByte);
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

}  // namespace holdfast::serving
