#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "base/digest.h"
#include "holdfast/v1/config.pb.h"
#include "serving/paged_read.h"
#include "serving/range.h"

namespace holdfast::serving {

// One List call: kMaxRowsPerLease rows with one lease, then the lease is given back. The page ends at its
// size, at kMaxPageBytes, or with the range.
class ListRead : public PagedRead {
 public:
  // `request` and `response` must live until `done`.
  ListRead(Options options, const v1::ListRequest& request, const CallLimits& limits,
           v1::ListResponse* response, Done done);

 private:
  absl::StatusOr<ReadDemands> Prepare() override;
  absl::Status Begin() override;
  absl::StatusOr<bool> Step() override;
  void Finish() override;

  // False if the row belongs to the next page.
  bool Take(const storage::KeyVersion& row);

  const v1::ListRequest& request_;
  v1::ListResponse* const response_;
  const KeyRange range_;
  const Digest128 fingerprint_;
  const int page_rows_;

  std::string first_key_;  // of the page
  std::string next_key_;
  std::optional<std::string> next_page_;  // its first key
  int64_t count_ = 0;
  size_t bytes_ = 0;
};

}  // namespace holdfast::serving
