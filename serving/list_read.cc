#include "serving/list_read.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "base/status_macros.h"
#include "serving/errors.h"
#include "serving/key_rules.h"
#include "serving/key_value.h"
#include "serving/page_token.h"

namespace holdfast::serving {
namespace {

constexpr size_t kRowOverheadBytes = 40;  // tags, lengths and revisions of an encoded row, at most

int PageRows(const v1::ListRequest& request) {
  return request.page_size() == 0 ? kDefaultPageRows : std::min(request.page_size(), kMaxPageRows);
}

}  // namespace

ListRead::ListRead(Options options, const v1::ListRequest& request, const CallLimits& limits,
                   v1::ListResponse* response, Done done)
    : PagedRead(std::move(options), limits, response->mutable_header(), std::move(done)),
      request_(request),
      response_(response),
      range_(request.key(), request.range_end()),
      fingerprint_(Fingerprint(request)),
      page_rows_(PageRows(request)),
      first_key_(range_.begin()) {}

absl::StatusOr<ReadDemands> ListRead::Prepare() {
  HF_RETURN_IF_ERROR(CheckRange(request_.key(), request_.range_end()));
  if (request_.page_size() < 0) return InvalidRequestError("page_size", "must not be negative");
  HF_ASSIGN_OR_RETURN(ReadDemands demands, ReadDemands::From(request_.options()));
  if (request_.page_token().empty()) return demands;
  HF_ASSIGN_OR_RETURN(PageToken token, DecodePageToken(request_.page_token(), fingerprint_));
  first_key_ = std::move(token.next_key);
  demands.at_revision = token.revision;
  demands.may_wait_for_at = true;
  return demands;
}

absl::Status ListRead::Begin() {
  response_->clear_kvs();
  next_key_ = first_key_;
  next_page_.reset();
  count_ = 0;
  bytes_ = 0;
  return absl::OkStatus();
}

absl::StatusOr<bool> ListRead::Step() {
  if (range_.IsEmpty()) return true;
  HF_ASSIGN_OR_RETURN(const std::unique_ptr<storage::ReadLease> lease, store().readers().Acquire());
  const auto take = [this](const storage::KeyVersion& row) { return Take(row); };
  const bool keys_only = request_.keys_only() || request_.count_only();
  const bool single = range_.IsSingleKey();
  HF_ASSIGN_OR_RETURN(std::optional<std::string> next,
                      lease->Scan(next_key_, single ? absl::string_view() : range_.scan_end(),
                                  admitted().revision, kMaxRowsPerLease, keys_only, take));
  if (!next || next_page_) return true;
  next_key_ = *std::move(next);
  return false;
}

bool ListRead::Take(const storage::KeyVersion& row) {
  if (request_.count_only()) {
    ++count_;
    return true;
  }
  const size_t bytes = row.key.size() + (request_.keys_only() ? 0 : row.value.size()) + kRowOverheadBytes;
  const bool full = response_->kvs_size() >= page_rows_ || (bytes_ > 0 && bytes_ + bytes > kMaxPageBytes);
  if (full) {
    next_page_ = std::string(row.key);
    return false;
  }
  bytes_ += bytes;
  FillKeyValue(row, request_.keys_only(), response_->add_kvs());
  return true;
}

void ListRead::Finish() {
  if (next_page_)
    response_->set_next_page_token(
        EncodePageToken({admitted().revision, *next_page_, Revision()}, fingerprint_));
  response_->set_count(count_);
  response_->set_revision(admitted().revision.number());
}

}  // namespace holdfast::serving
