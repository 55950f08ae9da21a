#include "serving/commit_validation.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "serving/errors.h"
#include "serving/key_rules.h"

namespace holdfast::serving {
namespace {

absl::Status CheckSize(absl::string_view field, size_t size, size_t limit) {
  return size <= limit ? absl::OkStatus() : TooLargeError(field, size, limit);
}

std::string At(absl::string_view field, int index, absl::string_view part) {
  return absl::StrCat(field, "[", index, "]", part);
}

absl::Status CheckMutation(const v1::Mutation& mutation, int index) {
  HF_RETURN_IF_ERROR(CheckWritableKey(mutation.key()));
  switch (mutation.kind_case()) {
    case v1::Mutation::kPut:
      return CheckSize(At("mutations", index, ".put"), mutation.put().size(), kMaxValueBytes);
    case v1::Mutation::kDelete:
      if (mutation.delete_()) return absl::OkStatus();
      return InvalidRequestError(At("mutations", index, ".delete"), "must be true where it is set");
    case v1::Mutation::KIND_NOT_SET:
      break;
  }
  return InvalidRequestError(At("mutations", index, ".kind"), "exactly one of put and delete must be set");
}

absl::Status CheckEachKeyOnce(const v1::CommitRequest& request) {
  std::vector<absl::string_view> keys;
  keys.reserve(static_cast<size_t>(request.mutations_size()));
  for (const v1::Mutation& mutation : request.mutations()) keys.push_back(mutation.key());
  std::sort(keys.begin(), keys.end());
  const auto twice = std::adjacent_find(keys.begin(), keys.end());
  if (twice == keys.end()) return absl::OkStatus();
  return InvalidKeyError(*twice, "each key at most once in a commit");
}

absl::Status CheckPrecondition(const v1::Precondition& precondition, int index) {
  const bool is_range = !precondition.range_end().empty();
  switch (precondition.condition_case()) {
    case v1::Precondition::kAbsent:
      if (!precondition.absent())
        return InvalidRequestError(At("preconditions", index, ".absent"), "must be true where it is set");
      break;
    case v1::Precondition::kModRevision:
      if (precondition.mod_revision() <= 0)
        return InvalidRequestError(At("preconditions", index, ".mod_revision"), "must be a revision above 0");
      break;
    case v1::Precondition::kRangeUnchangedSince:
      if (precondition.range_unchanged_since() < 0)
        return InvalidRequestError(At("preconditions", index, ".range_unchanged_since"),
                                   "must not be negative");
      return CheckNonEmptyRange(precondition.key(), precondition.range_end());
    case v1::Precondition::CONDITION_NOT_SET:
      return InvalidRequestError(At("preconditions", index, ".condition"),
                                 "exactly one condition must be set");
  }
  if (is_range)
    return InvalidRequestError(At("preconditions", index, ".range_end"), "only with range_unchanged_since");
  return CheckKey(precondition.key());
}

}  // namespace

bool IsUuidV7(absl::string_view bytes) {
  return bytes.size() == 16 && (static_cast<uint8_t>(bytes[6]) & 0xf0) == 0x70 &&
         (static_cast<uint8_t>(bytes[8]) & 0xc0) == 0x80;
}

absl::Status ValidateCommit(const v1::CommitRequest& request) {
  if (!IsUuidV7(request.request_id()))
    return InvalidRequestError("request_id", "must be a UUIDv7 of 16 bytes");
  if (request.mutations().empty() && request.preconditions().empty())
    return InvalidRequestError("mutations", "at least one mutation or precondition");
  HF_RETURN_IF_ERROR(
      CheckSize("mutations", static_cast<size_t>(request.mutations_size()), size_t{kMaxChangesPerCommit}));
  HF_RETURN_IF_ERROR(CheckSize("preconditions", static_cast<size_t>(request.preconditions_size()),
                               size_t{kMaxPreconditionsPerCommit}));
  HF_RETURN_IF_ERROR(CheckSize("author", request.author().size(), kMaxAuthorBytes));
  HF_RETURN_IF_ERROR(CheckSize("message", request.message().size(), kMaxMessageBytes));
  HF_RETURN_IF_ERROR(CheckSize("import_id", request.import_id().size(), kMaxImportIdBytes));
  for (int i = 0; i < request.mutations_size(); ++i)
    HF_RETURN_IF_ERROR(CheckMutation(request.mutations(i), i));
  HF_RETURN_IF_ERROR(CheckSize("commit", request.ByteSizeLong(), kMaxCommitBytes));
  HF_RETURN_IF_ERROR(CheckEachKeyOnce(request));
  size_t ranges = 0;
  for (int i = 0; i < request.preconditions_size(); ++i) {
    HF_RETURN_IF_ERROR(CheckPrecondition(request.preconditions(i), i));
    if (request.preconditions(i).has_range_unchanged_since()) ++ranges;
  }
  HF_RETURN_IF_ERROR(
      CheckSize("preconditions.range_unchanged_since", ranges, size_t{kMaxRangePreconditionsPerCommit}));
  return absl::OkStatus();
}

absl::StatusOr<absl::Duration> CommitDeadline(absl::Duration now, absl::Duration time_left) {
  if (time_left == absl::InfiniteDuration()) return now + kDefaultCommitDeadline;
  if (time_left <= absl::ZeroDuration()) return DeadlineError();
  return now + std::min(time_left, kMaxCommitDeadline);
}

}  // namespace holdfast::serving
