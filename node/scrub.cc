#include "node/scrub.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "node/rating_records.h"
#include "storage/verify.h"

namespace holdfast::node {
namespace {

// After so much work the worker rests three times as long: a quarter of a core.
constexpr absl::Duration kWork = absl::Milliseconds(10);
constexpr int kRest = 3;
constexpr absl::Duration kMaxRest = absl::Milliseconds(100);

}  // namespace

struct Scrub::Round {
  absl::StatusOr<v1::VerifyResult> result = absl::CancelledError("not begun");
};

void Scrub::Start() { Schedule(std::max(TimeToNext(), kFirstDelay)); }

void Scrub::Stop() {
  is_stopped_->store(true);
  options_.strand->Cancel(timer_);
}

void Scrub::Schedule(absl::Duration delay) {
  if (is_stopped_->load()) return;
  options_.strand->Cancel(timer_);
  timer_ = options_.strand->PostAfter(delay, [this] { Begin(); });
}

absl::Duration Scrub::TimeToNext() const {
  const auto last = ReadIntegrity(options_.store->node());
  if (!last.ok() || !last->has_value()) return absl::ZeroDuration();
  if ((*last)->incarnation() != options_.store->node().identity().incarnation) return absl::ZeroDuration();
  const absl::Duration age = options_.clock->Now() - absl::FromUnixSeconds((*last)->ended().seconds());
  // A clock that was set back must not put it off for ever.
  return std::clamp(kInterval - age, absl::ZeroDuration(), kInterval);
}

void Scrub::Begin() {
  if (is_running_ || is_stopped_->load()) return;
  if (options_.store->visible().revision.is_zero()) return Schedule(kRetryDelay);
  is_running_ = true;
  auto round = std::make_shared<Round>();
  const auto work = [round, stopped = is_stopped_, store = options_.store, clock = options_.clock,
                     pause = options_.pause] {
    absl::Duration rested = clock->SinceBoot();
    const auto progress = [&](int64_t, int64_t) {
      const absl::Duration worked = clock->SinceBoot() - rested;
      if (worked < kWork || stopped->load()) return;
      if (pause) pause(std::min(kRest * worked, kMaxRest));
      rested = clock->SinceBoot();
    };
    round->result = storage::VerifyStore(*store, /*deep=*/true, progress, [&] { return stopped->load(); });
  };
  const bool begun = options_.offload->Run(work, [this, stopped = is_stopped_, round] {
    if (!stopped->load()) Finish(round->result);
  });
  if (begun) return;
  is_running_ = false;
  Schedule(kRetryDelay);
}

void Scrub::Finish(const absl::StatusOr<v1::VerifyResult>& result) {
  is_running_ = false;
  if (result.ok()) {
    NoteVerified(*result, /*by_itself=*/true);
  } else if (options_.on_failure) {
    options_.on_failure(result.status());
  }
  Schedule(result.ok() ? kInterval : kRetryDelay);
}

void Scrub::NoteVerified(const v1::VerifyResult& result, bool by_itself) {
  v1::IntegrityRecord record;
  record.set_incarnation(options_.store->node().identity().incarnation);
  record.mutable_ended()->set_seconds(absl::ToUnixSeconds(options_.clock->Now()));
  *record.mutable_position() = result.position();
  record.set_finding_count(result.findings_size());
  if (result.findings_size() > 0) record.set_first_finding(result.findings(0).message());
  record.set_by_itself(by_itself);
  const absl::Status kept = WriteIntegrity(options_.store->node(), record);
  if (!kept.ok() && options_.on_failure) options_.on_failure(kept);
}

void Scrub::ForgetVerified() {
  const absl::Status forgotten = ForgetIntegrity(options_.store->node());
  if (!forgotten.ok() && options_.on_failure) options_.on_failure(forgotten);
  if (!is_running_) Schedule(kFirstDelay);
}

}  // namespace holdfast::node
