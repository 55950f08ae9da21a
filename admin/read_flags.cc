#include "admin/read_flags.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "admin/errors.h"
#include "admin/show.h"
#include "base/status_macros.h"
#include "base/uuid.h"
#include "storage/proto_time.h"

namespace holdfast::admin {

void ReadFlags::AddTo(Command& command) {
  command.Text("--at", &at, "Read this older revision (0.12)");
  command.Text("--min-revision", &min_revision, "Never older than this revision");
  command.Text("--max-staleness", &max_staleness, "Refuse an answer that may be older: 2s");
}

absl::Status ReadFlags::Fill(v1::ReadOptions& options) const {
  if (!at.empty()) {
    HF_ASSIGN_OR_RETURN(const int64_t revision, ReadRevision("--at", at));
    options.set_at_revision(revision);
  }
  if (!min_revision.empty()) {
    HF_ASSIGN_OR_RETURN(const int64_t revision, ReadRevision("--min-revision", min_revision));
    options.set_min_revision(revision);
  }
  if (!max_staleness.empty()) {
    absl::Duration age;
    if (!absl::ParseDuration(max_staleness, &age) || age < absl::ZeroDuration()) {
      return UsageError(
          absl::StrCat("--max-staleness ", max_staleness, " is no duration; write 500ms or 2s"));
    }
    storage::FillDuration(age, options.mutable_max_staleness());
  }
  return absl::OkStatus();
}

void CommitFlags::AddTo(Command& command) {
  command.Text("-m,--message", &message, "Why: kept with the commit");
  command.Text("--request-id", &request_id, "Repeat a commit whose outcome was unknown, harmlessly");
}

absl::Status CommitFlags::Fill(Context& context, v1::CommitRequest& request) const {
  request.set_author(context.author());
  request.set_message(message);
  if (request_id.empty()) {
    request.set_request_id(NewUuid7(*context.environment().clock, *context.environment().random));
  } else {
    HF_ASSIGN_OR_RETURN(*request.mutable_request_id(), ReadUuid("--request-id", request_id));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadUuid(absl::string_view flag, absl::string_view text) {
  const std::string digits = absl::StrReplaceAll(text, {{"-", ""}});
  const bool hex = digits.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
  const std::string bytes = digits.size() == 32 && hex ? absl::HexStringToBytes(digits) : std::string();
  if (!IsUuid7(bytes))
    return UsageError(
        absl::StrCat(flag, " \"", text, "\" is no id that holdfast gave (a UUID of version 7)"));
  return bytes;
}

}  // namespace holdfast::admin
