#include "serving/watch_core.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/mutants.h"
#include "base/status_macros.h"
#include "serving/errors.h"
#include "serving/key_rules.h"
#include "storage/errors.h"
#include "storage/proto_time.h"

namespace holdfast::serving {

WatchCore::WatchCore(Options options)
    : options_(std::move(options)),
      ring_(options_.max_ring_bytes),
      tail_(options_.visible()),
      target_(tail_),
      lost_(options_.lost_history()) {
  ring_.Reset(tail_);
}

WatchCore::~WatchCore() {
  for (auto& [id, stream] : streams_) stream->sink->Finish(DrainingError(try_address_));
  for (const Unopened& unopened : unopened_) unopened.sink->Finish(DrainingError(try_address_));
}

WatchStream* WatchCore::Find(WatchId id) {
  const auto it = streams_.find(id);
  return it == streams_.end() ? nullptr : it->second.get();
}

void WatchCore::Post(Task task) {
  options_.executor->Post([weak = weak_from_this(), task] {
    if (const auto self = weak.lock()) (self.get()->*task)();
  });
}

void WatchCore::PostAfter(absl::Duration delay, Task task) {
  options_.executor->PostAfter(delay, [weak = weak_from_this(), task] {
    if (const auto self = weak.lock()) (self.get()->*task)();
  });
}

absl::Status WatchCore::Admit(const v1::WatchRequest& request, WatchStream* stream) {
  if (draining_) return DrainingError(try_address_);
  if (streams_.size() >= kMaxWatchesPerNode) return TooBusyError("watches", kMaxWatchesPerNode);
  HF_RETURN_IF_ERROR(CheckNonEmptyRange(request.key(), request.range_end()));
  if (request.start_revision() < 0) return InvalidRequestError("start_revision", "must not be negative");
  if (request.no_puts() && request.no_deletes())
    return InvalidRequestError("no_deletes", "only one of no_puts and no_deletes");
  stream->progress_interval = kDefaultProgressInterval;
  if (request.has_progress_interval()) {
    const absl::Duration interval = storage::DurationOf(request.progress_interval());
    if (interval < absl::ZeroDuration())
      return InvalidRequestError("progress_interval", "must not be negative");
    if (interval > absl::ZeroDuration())
      stream->progress_interval = std::clamp(interval, kMinProgressInterval, kMaxProgressInterval);
  }
  HF_RETURN_IF_ERROR(CheckDemanded(Revision(request.min_revision())));
  const Revision start(request.start_revision());
  stream->cursor.after =
      start.is_zero() ? tail_ : Revision(start.number() - (MutantActive(Mutant::kWatchResumesLate) ? 0 : 1));
  stream->behind = stream->cursor.after < tail_;
  if (!start.is_zero()) stream->seen = stream->cursor.after;
  const std::optional<Revision> common = lost_.CommonBeforeStart(start);
  return common ? storage::LostRevisionError(stream->cursor.after, *common) : absl::OkStatus();
}

// A rewind may have come since the gate let the request through: who has seen `demanded` must not be told, as
// if that were all, of less (I5).
absl::Status WatchCore::CheckDemanded(Revision demanded) {
  if (const std::optional<Revision> common = lost_.CommonBefore(demanded))
    return storage::LostRevisionError(demanded, *common);
  if (demanded <= tail_) return absl::OkStatus();
  const Shown shown = Look();
  return StaleError(shown.revision, shown.Age(options_.clock->SinceBoot()),
                    absl::StrCat("revision ", demanded.ToString()));
}

void WatchCore::Open(WatchId id, const v1::WatchRequest& request, std::shared_ptr<WatchSink> sink) {
  const Revision demanded(request.min_revision());
  if (!draining_ && demanded > tail_ && demanded <= options_.visible()) {
    unopened_.push_back({id, request, std::move(sink)});
    return;
  }
  const WatchFilter filter{KeyRange(request.key(), request.range_end()), !request.no_puts(),
                           !request.no_deletes(), request.include_previous()};
  auto stream = std::make_unique<WatchStream>(id, filter, std::move(sink));
  if (const absl::Status refused = Admit(request, stream.get()); !refused.ok()) {
    stream->sink->Finish(refused);
    return;
  }
  stream->last_sent = options_.clock->SinceBoot();
  stream->progress_due = stream->last_sent + stream->progress_interval;
  progress_due_.emplace(stream->progress_due, id);
  index_.Add(stream->filter.range, id);
  streams_.emplace(id, std::move(stream));
  open_count_.store(static_cast<int64_t>(streams_.size()), std::memory_order_relaxed);
  ArmProgress();
  Deliver(id);
}

void WatchCore::OnWritable(WatchId id) { Deliver(id); }

void WatchCore::Close(WatchId id, const absl::Status& status) {
  if (WatchStream* stream = Find(id)) return End(*stream, status);
  const auto unopened =
      std::find_if(unopened_.begin(), unopened_.end(), [id](const Unopened& one) { return one.id == id; });
  if (unopened == unopened_.end()) return;
  unopened->sink->Finish(status);
  unopened_.erase(unopened);
}

// Whatever changes the tail, or what the store shows, comes by here.
void WatchCore::OpenShown() {
  for (Unopened& one : std::exchange(unopened_, {})) Open(one.id, one.request, std::move(one.sink));
}

void WatchCore::End(WatchStream& stream, const absl::Status& status) {
  index_.Remove(stream.filter.range, stream.id);
  progress_due_.erase({stream.progress_due, stream.id});
  const std::shared_ptr<WatchSink> sink = std::move(stream.sink);
  streams_.erase(stream.id);
  open_count_.store(static_cast<int64_t>(streams_.size()), std::memory_order_relaxed);
  sink->Finish(status);
  TellDrained();
}

void WatchCore::TellDrained() {
  if (!streams_.empty()) return;
  for (const std::function<void()>& done : std::exchange(drained_, {})) done();
}

void WatchCore::Drain(std::string try_address, std::function<void()> done) {
  draining_ = true;
  try_address_ = std::move(try_address);
  OpenShown();
  drained_.push_back(std::move(done));
  std::vector<WatchId> ids;
  ids.reserve(streams_.size());
  for (const auto& [id, stream] : streams_) ids.push_back(id);
  for (const WatchId id : ids) Deliver(id);
  TellDrained();
}

void WatchCore::Undrain() {
  draining_ = false;
  try_address_.clear();
  drained_.clear();
}

Revision WatchCore::Reached(const WatchStream& stream) const {
  return stream.behind ? stream.cursor.after : std::max(stream.cursor.after, tail_);
}

// The hub hears of visible records a little later than the store shows them: a bound that was learned since
// speaks of records that it has not looked at.
Shown WatchCore::Look() {
  const std::optional<absl::Duration> fresh_at = options_.node->FreshAt();
  if (options_.visible() == tail_) tail_fresh_at_ = fresh_at;
  return {tail_, tail_fresh_at_};
}

void WatchCore::OnVisible(Revision visible) {
  target_ = std::max(target_, visible);
  if (!advancing_) Advance();
}

// One batch of visible records; the rest in another turn, so that sinks are served in between.
void WatchCore::Advance() {
  advancing_ = false;
  TakeNextRecords();
  OpenShown();
}

// False if the store has taken `revision` back, or left its history, which the core is about to hear.
bool WatchCore::IsShown(Revision revision) const {
  if (MutantActive(Mutant::kWatchShowsAppended)) return true;
  const Revision visible = options_.visible();
  if (revision.epoch() == visible.epoch()) return revision <= visible;  // one primary wrote all of it (I2)
  return revision < visible && !options_.lost_history().CommonBefore(revision);
}

void WatchCore::TakeNextRecords() {
  if (tail_ >= target_) return;
  if (streams_.empty()) {  // nobody to encode for: whoever comes later and asks for it reads the log
    FallBehind(target_);
    return;
  }
  const auto records =
      options_.log->ReadAfter(tail_, target_, kMaxRecordsPerMessage, kMaxRecordBytesPerMessage);
  // Asked after the read: if a rewind came before it, these records may be of another history than `target_`.
  if (!IsShown(target_) || (!records.ok() && IsPassing(records.status()))) {
    advancing_ = true;
    PostAfter(kRetryAfter, &WatchCore::Advance);
    return;
  }
  if (!records.ok()) {  // whoever wants them reads for itself, and hears the error
    FallBehind(target_);
    return;
  }
  std::vector<WatchId> touched;
  for (const storage::LogRecordPtr& record : *records) Take(*record, &touched);
  if (records->empty()) tail_ = target_;
  for (const WatchId id : touched) Deliver(id);
  if (tail_ >= target_ || advancing_) return;
  advancing_ = true;
  Post(&WatchCore::Advance);
}

void WatchCore::Take(const storage::LogRecord& record, std::vector<WatchId>* touched) {
  const EncodedCommitPtr commit = EncodedCommit::Of(record);
  const Revision before = std::exchange(tail_, commit->revision());
  ring_.Push(commit);
  std::vector<absl::string_view> keys;
  keys.reserve(commit->end_index());
  for (size_t i = 0; i < commit->end_index(); ++i) keys.push_back(commit->key(i));
  index_.ForEachTouched(keys, [&](WatchId id) {
    WatchStream* stream = Find(id);
    HF_CHECK(stream != nullptr, "the index knows only open streams");
    if (stream->behind || commit->revision() <= stream->cursor.after) return;
    const Revision from = MutantActive(Mutant::kWatchSkipsChange) ? commit->revision() : before;
    stream->cursor = {std::max(stream->cursor.after, from), 0};
    stream->behind = true;
    touched->push_back(id);
  });
  if (record.message.kind() == v1::RECORD_KIND_EPOCH) EndLostCursors(before);
}

// Goes to `visible` without looking at the records in between.
void WatchCore::FallBehind(Revision visible) {
  const Revision before = std::exchange(tail_, visible);
  ring_.Reset(visible);
  if (before.epoch() != visible.epoch()) EndLostCursors(before);
  std::vector<WatchId> fallen;
  for (auto& [id, stream] : streams_) {
    if (stream->behind || stream->cursor.after >= visible) continue;
    stream->cursor = {std::max(stream->cursor.after, before), 0};
    stream->behind = true;
    fallen.push_back(id);
  }
  for (const WatchId id : fallen) Deliver(id);
}

// A new epoch shows which cursors from other nodes name a history that was lost.
void WatchCore::EndLostCursors(Revision before) {
  lost_ = options_.lost_history();
  std::vector<std::pair<WatchId, absl::Status>> lost;
  for (const auto& [id, stream] : streams_) {
    if (stream->cursor.after <= before) continue;
    if (const auto common = lost_.CommonBeforeStart(Revision(stream->cursor.after.number() + 1)))
      lost.emplace_back(id, storage::LostRevisionError(stream->cursor.after, *common));
  }
  for (const auto& [id, status] : lost) Close(id, status);
}

}  // namespace holdfast::serving
