#include "client/attempts.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "client/call_policy.h"
#include "client/errors.h"

namespace holdfast::client {
namespace {

constexpr absl::Duration kLeastShare = absl::Milliseconds(200);
constexpr absl::Duration kFirstRead = absl::Seconds(1);
constexpr size_t kMaxLines = 8;

}  // namespace

Attempts::Attempts(const Options& options)
    : options_(options),
      deadline_(options.clock->SinceBoot() + options.timeout),
      backoff_({options.initial_backoff, options.max_backoff}, options.random) {}

absl::Duration Attempts::remaining() const {
  return std::max(absl::ZeroDuration(), deadline_ - options_.clock->SinceBoot());
}

absl::Duration Attempts::Share(int others) const {
  const absl::Duration left = remaining();
  return others == 0 ? left : std::min(left, std::max(left / 2, kLeastShare));
}

absl::Duration Attempts::ReadShare(int others) const {
  const absl::Duration share = Share(others);
  return rounds_ == 1 && others > 0 ? std::min(share, kFirstRead) : share;
}

bool Attempts::NextRound(absl::Duration* delay) {
  if (rounds_ >= options_.max_rounds) return false;
  ++rounds_;
  *delay = backoff_.Next();
  return *delay < remaining();
}

void Attempts::Note(const std::string& address, const absl::Status& status) {
  std::string line = absl::StartsWith(status.message(), address)
                         ? std::string(status.message())
                         : absl::StrCat(address, " ", status.message());
  if (lines_.size() < kMaxLines && std::find(lines_.begin(), lines_.end(), line) == lines_.end()) {
    lines_.push_back(std::move(line));
  }
  if (!TellsMore(best_, status)) best_ = WithDetail(status, "address", address);
}

absl::Status Attempts::Verdict() const {
  if (best_.ok()) return NobodyAnsweredError({"the deadline passed before anybody could be asked"});
  return ReasonOf(best_) == "UNREACHABLE" ? NobodyAnsweredError(lines_) : best_;
}

}  // namespace holdfast::client
