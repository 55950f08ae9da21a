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
#include "storage/newest_change.h"

namespace holdfast::serving {
namespace {

constexpr int kLargestWindow = 256;
constexpr size_t kMaxWindowBytes = 4 << 20;

int PageRows(const v1::HistoryRequest& request) {
  return request.page_size() == 0 ? kDefaultHistoryRows : std::min(request.page_size(), kMaxHistoryRows);
}

}  // namespace

void HistoryRead::Start(Options options, const v1::HistoryRequest& request, const CallLimits& limits,
                        v1::HistoryResponse* response, Done done) {
  auto read = std::make_shared<HistoryRead>(std::move(options), request, limits, response, std::move(done));
  const absl::StatusOr<ReadDemands> demands = read->Prepare();
  if (!demands.ok()) return read->done_(demands.status());
  read->options_.admission->OnWorker(
      *demands, limits, read->options_.ranges,
      [read](absl::StatusOr<ReadDecision> admitted) { read->Begin(std::move(admitted)); });
}

HistoryRead::HistoryRead(Options options, const v1::HistoryRequest& request, const CallLimits& limits,
                         v1::HistoryResponse* response, Done done)
    : options_(std::move(options)),
      request_(request),
      limits_(limits),
      response_(response),
      done_(std::move(done)),
      range_(request.key(), request.range_end()),
      fingerprint_(Fingerprint(request)),
      page_rows_(PageRows(request)),
      epochs_(options_.history->Now()),
      window_(kLargestWindow) {}

absl::StatusOr<ReadDemands> HistoryRead::Prepare() {
  HF_RETURN_IF_ERROR(CheckRange(request_.key(), request_.range_end()));
  if (request_.page_size() < 0) return InvalidRequestError("page_size", "must not be negative");
  if (request_.after_revision() < 0) return InvalidRequestError("after_revision", "must not be negative");
  if (request_.up_to_revision() < 0) return InvalidRequestError("up_to_revision", "must not be negative");
  after_ = Revision(request_.after_revision());
  if (const auto common = epochs_.CommonBefore(after_)) return RewoundError(after_, *common);
  ReadDemands demands;
  demands.at_revision = Revision(request_.up_to_revision());
  if (request_.page_token().empty()) return demands;
  HF_ASSIGN_OR_RETURN(const PageToken token, DecodePageToken(request_.page_token(), fingerprint_));
  next_ = token.next;
  demands.at_revision = token.revision;
  demands.may_wait_for_at = true;
  return demands;
}

void HistoryRead::Begin(absl::StatusOr<ReadDecision> admitted) {
  if (!admitted.ok()) return done_(admitted.status());
  admitted_ = *admitted;
  if (request_.page_token().empty()) next_ = admitted_.revision;
  RunStep();
}

void HistoryRead::RunStep() {
  if (const absl::Status status = limits_.Check(*options_.clock); !status.ok()) return done_(status);
  const absl::StatusOr<bool> complete = Step();
  if (!complete.ok()) return done_(complete.status());
  if (*complete) return done_(Finish());
  if (!options_.ranges([self = shared_from_this()] { self->RunStep(); })) RunStep();
}

absl::StatusOr<bool> HistoryRead::Step() {
  const Revision oldest = options_.store->log().oldest();
  if (next_ <= after_ || next_ < oldest || oldest.is_zero() || range_.IsEmpty()) {
    next_ = Revision();
    return true;
  }
  if (looked_ >= kMaxRecordsPerHistoryPage) return true;
  return range_.IsSingleKey() ? StepByKey() : StepByWindow();
}

absl::StatusOr<bool> HistoryRead::StepByKey() {
  Revision changed;
  if (next_ >= options_.store->floor()) {
    HF_ASSIGN_OR_RETURN(const std::unique_ptr<storage::ReadLease> lease, options_.store->readers().Acquire());
    const absl::StatusOr<Revision> found = storage::NewestChange(*lease, range_.begin(), next_);
    if (!found.ok() && ReasonOf(found.status()) != "COMPACTED") return found.status();
    changed = found.value_or(Revision());
  }
  const bool wanted = changed > after_ && changed >= options_.store->log().oldest();
  const absl::StatusOr<storage::LogRecordPtr> record =
      wanted ? options_.store->log().ReadAt(changed) : storage::LogRecordPtr();
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
  const Revision oldest = options_.store->log().oldest();
  const uint64_t last = next_.index();
  const uint64_t first =
      std::max(oldest.index(), last < static_cast<uint64_t>(window_) ? 1 : last - window_ + 1);
  const Revision before = epochs_.AtIndex(first - 1);
  const auto records = options_.store->log().ReadAfter(before, next_, window_, kMaxWindowBytes);
  if (!records.ok() && ReasonOf(records.status()) == "COMPACTED")
    return false;  // the log grew shorter: look again
  HF_RETURN_IF_ERROR(records.status());
  if (records->empty() || records->back()->position.revision != next_) {  // large records: fewer at a time
    if (window_ == 1) return RewoundError(next_, before);  // the record is gone: a rewind came between
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

absl::Status HistoryRead::Finish() {
  if (!next_.is_zero() && next_ > after_)
    response_->set_next_page_token(EncodePageToken({admitted_.revision, std::string(), next_}, fingerprint_));
  response_->set_oldest_revision(options_.store->log().oldest().number());
  return options_.admission->FillHeader(admitted_, response_->mutable_header());
}

}  // namespace holdfast::serving
