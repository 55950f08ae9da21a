#include "admin/retention_flags.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "admin/errors.h"
#include "admin/table.h"
#include "base/status_macros.h"

namespace holdfast::admin {
namespace {

absl::StatusOr<int64_t> ReadCount(absl::string_view flag, absl::string_view text, absl::string_view wanted) {
  int64_t count = 0;
  int shift = 0;
  absl::string_view digits = text;
  if (wanted != "a number") {
    for (const auto& [suffix, bits] :
         {std::pair<absl::string_view, int>{"KiB", 10}, {"MiB", 20}, {"GiB", 30}}) {
      if (absl::ConsumeSuffix(&digits, suffix)) shift = bits;
    }
  }
  if (!absl::SimpleAtoi(digits, &count) || count < 1 || count > (INT64_MAX >> shift)) {
    return UsageError(absl::StrCat(flag, " ", text, " is not ", wanted, " from 1 on"));
  }
  return count << shift;
}

}  // namespace

void RetentionFlags::AddTo(Command& command) {
  command.Text("--retain-records", &records, "The log keeps the last so many records (1000000)");
  command.Text("--retain-age", &age, "and records younger than this (72h)");
  command.Text("--retain-bytes", &bytes, "but never takes more than this (4GiB)");
}

absl::Status RetentionFlags::Fill(v1::RetentionPolicy& policy) const {
  if (!records.empty()) {
    HF_ASSIGN_OR_RETURN(const int64_t count, ReadCount("--retain-records", records, "a number"));
    policy.set_records(count);
  }
  if (!age.empty()) {
    absl::Duration kept;
    if (!absl::ParseDuration(age, &kept) || kept < absl::Seconds(1) || kept == absl::InfiniteDuration()) {
      return UsageError(absl::StrCat("--retain-age ", age, " is no duration from 1s on; write 90m or 72h"));
    }
    policy.set_age_seconds(absl::ToInt64Seconds(kept));
  }
  if (!bytes.empty()) {
    HF_ASSIGN_OR_RETURN(const int64_t count, ReadCount("--retain-bytes", bytes, "a size (4GiB, 500MiB)"));
    policy.set_bytes(count);
  }
  return absl::OkStatus();
}

std::string ShowRetention(const v1::RetentionPolicy& policy) {
  std::vector<std::string> kept;
  if (policy.records() > 0)
    kept.push_back(absl::StrCat("the last ", ShowCount(policy.records()), " records"));
  if (policy.age_seconds() > 0) {
    kept.push_back(
        absl::StrCat("those of the last ", absl::FormatDuration(absl::Seconds(policy.age_seconds()))));
  }
  if (policy.bytes() > 0) kept.push_back(absl::StrCat("at most ", ShowBytes(policy.bytes())));
  return kept.empty() ? "default" : absl::StrJoin(kept, ", ");
}

}  // namespace holdfast::admin
