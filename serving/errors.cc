#include "serving/errors.h"

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/error.h"

namespace holdfast::serving {
namespace {

constexpr size_t kShownKeyBytes = 128;

// A key as text: escaped, and cut where nobody reads on.
std::string Shown(absl::string_view key) {
  if (key.size() <= kShownKeyBytes) return absl::CHexEscape(key);
  return absl::StrCat(absl::CHexEscape(key.substr(0, kShownKeyBytes)), "... (", key.size(), " bytes)");
}

absl::Status WithPrimary(absl::Status status, absl::string_view node, absl::string_view address) {
  return WithDetail(WithDetail(std::move(status), "primary_node", node), "primary_address", address);
}

std::string WhereToGo(absl::string_view address) {
  return address.empty() ? std::string("no primary is known") : absl::StrCat("go to ", address);
}

}  // namespace

absl::Status InvalidKeyError(absl::string_view key, absl::string_view limit) {
  absl::Status status = MakeError(absl::StatusCode::kInvalidArgument, "INVALID_KEY",
                                  absl::StrCat("key \"", Shown(key), "\": ", limit));
  return WithDetail(WithDetail(std::move(status), "key", Shown(key)), "limit", limit);
}

absl::Status InvalidRequestError(absl::string_view field, absl::string_view limit) {
  absl::Status status =
      MakeError(absl::StatusCode::kInvalidArgument, "INVALID_REQUEST", absl::StrCat(field, ": ", limit));
  return WithDetail(WithDetail(std::move(status), "field", field), "limit", limit);
}

absl::Status TooLargeError(absl::string_view field, size_t size, size_t limit) {
  absl::Status status =
      MakeError(absl::StatusCode::kInvalidArgument, "TOO_LARGE",
                absl::StrCat(field, ": ", size, ", at most ", limit, " is allowed; split it"));
  status = WithDetail(WithDetail(std::move(status), "field", field), "limit", absl::StrCat(limit));
  return WithDetail(std::move(status), "size", absl::StrCat(size));
}

absl::Status KeyNotFoundError(absl::string_view key) {
  return WithDetail(MakeError(absl::StatusCode::kNotFound, "KEY_NOT_FOUND",
                              absl::StrCat("key \"", Shown(key), "\" does not exist")),
                    "key", Shown(key));
}

absl::Status StaleError(Revision visible, std::optional<absl::Duration> age, absl::string_view needed) {
  const std::string age_text =
      age ? absl::StrCat("at most ", absl::FormatDuration(*age), " old") : "of unknown age";
  absl::Status status = MakeError(
      absl::StatusCode::kFailedPrecondition, "STALE",
      absl::StrCat("this node shows revision ", visible.ToString(), ", ", age_text, "; asked for ", needed));
  status = WithDetail(std::move(status), "revision", absl::StrCat(visible.number()));
  return WithDetail(std::move(status), "age_ms",
                    age ? absl::StrCat(absl::ToInt64Milliseconds(*age)) : std::string("unknown"));
}

absl::Status CompactedError(Revision oldest) {
  return WithDetail(
      MakeError(absl::StatusCode::kOutOfRange, "COMPACTED",
                absl::StrCat("that revision is no longer kept; the oldest is ", oldest.ToString())),
      "oldest_revision", absl::StrCat(oldest.number()));
}

absl::Status FutureRevisionError(Revision asked, Revision visible) {
  return WithDetail(MakeError(absl::StatusCode::kOutOfRange, "FUTURE_REVISION",
                              absl::StrCat("revision ", asked.ToString(), " is not here yet; the newest is ",
                                           visible.ToString())),
                    "revision", absl::StrCat(visible.number()));
}

absl::Status TooBusyError(absl::string_view what, int64_t limit) {
  absl::Status status =
      MakeError(absl::StatusCode::kResourceExhausted, "RESOURCE_EXHAUSTED",
                absl::StrCat("too many ", what, " on this node (limit ", limit, "); try later"));
  return WithDetail(WithDetail(std::move(status), "what", what), "limit", absl::StrCat(limit));
}

absl::Status DeadlineError() {
  return MakeError(absl::StatusCode::kDeadlineExceeded, "DEADLINE", "the call's deadline passed");
}

absl::Status NotPrimaryError(absl::string_view primary_node, absl::string_view primary_address) {
  return WithPrimary(
      MakeError(absl::StatusCode::kFailedPrecondition, "NOT_PRIMARY",
                absl::StrCat("this node does not admit commits; ", WhereToGo(primary_address))),
      primary_node, primary_address);
}

absl::Status StandbyError(absl::string_view primary_node, absl::string_view primary_address) {
  return WithPrimary(MakeError(absl::StatusCode::kFailedPrecondition, "STANDBY",
                               absl::StrCat("this node is a standby and serves no configuration; ",
                                            WhereToGo(primary_address), ", or read at a proxy")),
                     primary_node, primary_address);
}

absl::Status NoPrimaryError(absl::Time since) {
  const std::string text = absl::FormatTime(absl::RFC3339_sec, since, absl::UTCTimeZone());
  return WithDetail(MakeError(absl::StatusCode::kFailedPrecondition, "NO_PRIMARY",
                              absl::StrCat("no primary was heard of since ", text,
                                           "; try again later with the same request id. Reads go on")),
                    "since", text);
}

absl::Status NotInitializedError(absl::string_view node_id) {
  return WithDetail(
      MakeError(absl::StatusCode::kFailedPrecondition, "NOT_INITIALIZED",
                absl::StrCat("node ", node_id, " belongs to no cluster yet; run holdfast init")),
      "node_id", node_id);
}

absl::Status DrainingError(absl::string_view try_address) {
  return WithDetail(MakeError(absl::StatusCode::kUnavailable, "DRAINING", "this node is about to stop"),
                    "try_address", try_address);
}

}  // namespace holdfast::serving
