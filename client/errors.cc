#include "client/errors.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/error.h"
#include "base/uuid.h"

namespace holdfast::client {

absl::Status NotConnectedError(absl::string_view address, absl::string_view why) {
  absl::Status status = MakeError(absl::StatusCode::kUnavailable, "UNREACHABLE",
                                  absl::StrCat(address, " cannot be reached: ", why));
  return WithDetail(WithDetail(status, "address", address), "sent", "no");
}

absl::Status NobodyAnsweredError(const std::vector<std::string>& attempts) {
  return MakeError(absl::StatusCode::kUnavailable, "UNREACHABLE",
                   absl::StrCat("no endpoint answered: ", absl::StrJoin(attempts, "; ")));
}

absl::Status CommitOutcomeUnknownError(absl::string_view request_id, const absl::Status& cause) {
  const std::string id = UuidToString(request_id);
  absl::Status status = MakeError(
      absl::StatusCode::kDeadlineExceeded, "COMMIT_UNKNOWN",
      absl::StrCat("the commit was sent and its outcome is not known; repeating it with request id ", id,
                   " is harmless and tells (last answer: ", cause.message(), ")"));
  for (const auto& [key, value] : DetailsOf(cause)) status = WithDetail(status, key, value);
  return WithDetail(status, "request_id", id);
}

absl::Status PrimaryAwayError(absl::string_view address) {
  return WithDetail(MakeError(absl::StatusCode::kUnavailable, "UNREACHABLE",
                              absl::StrCat("the primary, at ", address,
                                           ", cannot be reached; nothing was committed, reads go on")),
                    "address", address);
}

absl::Status NoEndpointsError() {
  return WithDetail(
      MakeError(absl::StatusCode::kInvalidArgument, "INVALID_REQUEST",
                "no endpoint is given; set HOLDFAST_ENDPOINTS or pass --endpoints host:port,..."),
      "field", "endpoints");
}

absl::Status WatchCancelledError() { return absl::CancelledError("the watch was ended by its caller"); }

bool NeverSent(const absl::Status& status) {
  return ReasonOf(status) == "UNREACHABLE" && DetailOf(status, "sent") == "no";
}

}  // namespace holdfast::client
