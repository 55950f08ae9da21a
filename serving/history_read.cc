#include "serving/history_read.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "serving/errors.h"
#include "serving/history_entry.h"
#include "serving/key_rules.h"
#include "serving/page_token.h"
#include "storage/errors.h"
#include "storage/newest_change.h"

namespace holdfast::serving {
namespace {

constexpr int kLargestWindow = 256;
constexpr size_t kMaxWindowBytes = 4 << 20;

int PageRows(const v1::HistoryRequest& request) {
  return request.page_size() == 0 ? kDefaultHistoryRows : std::min(request.page_size(), kMaxHistoryRows);
}

}  // namespace

HistoryRead::HistoryRead(Options options, const v1::HistoryRequest& request, const CallLimits& limits,
                         v1::HistoryResponse* response, Done done)
    : PagedRead(std::move(options), limits, response->mutable_header(), std::move(done)),
      request_(request),
      response_(response),
      range_(request.key(), request.range_end()),
      fingerprint_(Fingerprint(request)),
      page_rows_(PageRows(request)) {}

absl::StatusOr<ReadDemands> HistoryRead::Prepare() {
  HF_RETURN_IF_ERROR(CheckRange(request_.key(), request_.range_end()));
  if (request_.page_size() < 0) return InvalidRequestError("page_size", "must not be negative");
  if (request_.after_revision() < 0) return InvalidRequestError("after_revision", "must not be negative");
  if (request_.up_to_revision() < 0) return InvalidRequestError("up_to_revision", "must not be negative");
  after_ = Revision(request_.after_revision());
  ReadDemands demands;
  demands.at_revision = Revision(request_.up_to_revision());
  if (request_.page_token().empty()) return demands;
  HF_ASSIGN_OR_RETURN(const PageToken token, DecodePageToken(request_.page_token(), fingerprint_));
  first_ = token.next;
  demands.at_revision = token.revision;
  demands.may_wait_for_at = true;
  return demands;
}

absl::Status HistoryRead::Begin() {
  // Only now: epochs may have begun, or been lost, while the call waited.
  epochs_ = LostHistory(store().milestones(), admitted().shown.revision);
  if (const auto common = epochs_.CommonBefore(after_)) return storage::LostRevisionError(after_, *common);
  response_->clear_entries();
  next_ = first_.is_zero() ? admitted().revision : first_;
  window_ = kLargestWindow;
  looked_ = 0;
  bytes_ = 0;
  return absl::OkStatus();
}

absl::StatusOr<bool> HistoryRead::Step() {
  const Revision oldest = store().log().oldest();
  if (next_ <= after_ || next_ < oldest || oldest.is_zero() || range_.IsEmpty()) {
    next_ = Revision();
    return true;
  }
  if (looked_ >= kMaxRecordsPerHistoryPage) return true;
  return range_.IsSingleKey() ? StepByKey() : StepByWindow();
}

absl::StatusOr<bool> HistoryRead::StepByKey() {
  Revision changed;
  if (next_ >= store().floor()) {
    HF_ASSIGN_OR_RETURN(const std::unique_ptr<storage::ReadLease> lease, store().readers().Acquire());
    const absl::StatusOr<Revision> found = storage::NewestChange(*lease, range_.begin(), next_);
    if (!found.ok() && ReasonOf(found.status()) != "COMPACTED") return found.status();
    changed = found.value_or(Revision());
  }
  const bool wanted = changed > after_ && changed >= store().log().oldest();
  const absl::StatusOr<storage::LogRecordPtr> record =
      wanted ? store().log().ReadAt(changed) : storage::LogRecordPtr();
  const bool gone = !wanted || (!record.ok() && ReasonOf(record.status()) == "COMPACTED");
  if (gone) {  // nothing older is kept
    next_ = Revision();
    return true;
  }
  HF_RETURN_IF_ERROR(record.status());
  ++looked_;
  return Take(**record);
}

absl::StatusOr<bool> HistoryRead::StepByWindow() {
  const Revision oldest = store().log().oldest();
  const uint64_t last = next_.index();
  const uint64_t first =
      std::max(oldest.index(), last < static_cast<uint64_t>(window_) ? 1 : last - window_ + 1);
  const Revision before = epochs_.AtIndex(first - 1);
  const auto records = store().log().ReadAfter(before, next_, window_, kMaxWindowBytes);
  if (!records.ok() && ReasonOf(records.status()) == "COMPACTED")
    return false;  // the log grew shorter: look again
  HF_RETURN_IF_ERROR(records.status());
  if (records->empty() || records->back()->position.revision != next_) {  // large records: fewer at a time
    if (window_ == 1)
      return storage::LostRevisionError(next_, before);  // the record is gone: a rewind came between
    window_ = std::max(1, window_ / 4);
    return false;
  }
  window_ = std::min(kLargestWindow, window_ * 2);
  looked_ += static_cast<int>(records->size());
  for (auto record = records->rbegin(); record != records->rend(); ++record) {
    if ((*record)->position.revision <= after_) break;
    if (Take(**record)) return true;
  }
  next_ = before;
  return false;
}

bool HistoryRead::Take(const storage::LogRecord& record) {
  const std::optional<v1::HistoryEntry> entry = MakeHistoryEntry(record, range_, request_.keys_only());
  if (!entry) return false;
  const size_t bytes = entry->ByteSizeLong();
  if (bytes_ > 0 && bytes_ + bytes > kMaxPageBytes) {
    next_ = record.position.revision;
    return true;
  }
  bytes_ += bytes;
  *response_->add_entries() = *entry;
  next_ = epochs_.AtIndex(record.position.revision.index() - 1);
  return response_->entries_size() >= page_rows_;
}

void HistoryRead::Finish() {
  if (!next_.is_zero() && next_ > after_)
    response_->set_next_page_token(
        EncodePageToken({admitted().revision, std::string(), next_}, fingerprint_));
  response_->set_oldest_revision(store().log().oldest().number());
}

}  // namespace holdfast::serving
