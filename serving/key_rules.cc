#include "serving/key_rules.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/key_rules.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "serving/errors.h"
#include "serving/range.h"

namespace holdfast::serving {
namespace {

absl::Status CheckLength(absl::string_view key) {
  if (key.size() <= kMaxKeyBytes) return absl::OkStatus();
  return InvalidKeyError(key, absl::StrCat("at most ", kMaxKeyBytes, " bytes"));
}

}  // namespace

absl::Status CheckKey(absl::string_view key) {
  const absl::string_view fault = KeyFault(key);
  return fault.empty() ? absl::OkStatus() : InvalidKeyError(key, fault);
}

absl::Status CheckWritableKey(absl::string_view key) {
  HF_RETURN_IF_ERROR(CheckKey(key));
  if (!absl::StartsWith(key, kReservedKeyPrefix)) return absl::OkStatus();
  return InvalidKeyError(
      key, absl::StrCat("keys below ", kReservedKeyPrefix, " are the cluster's own and read-only"));
}

absl::Status CheckRange(absl::string_view key, absl::string_view range_end) {
  if (range_end.empty()) return CheckKey(key);
  HF_RETURN_IF_ERROR(CheckLength(key));
  return CheckLength(range_end);
}

absl::Status CheckNonEmptyRange(absl::string_view key, absl::string_view range_end) {
  HF_RETURN_IF_ERROR(CheckRange(key, range_end));
  if (!KeyRange(key, range_end).IsEmpty()) return absl::OkStatus();
  return InvalidRequestError("range_end", "must be greater than key");
}

}  // namespace holdfast::serving
