#include "base/error.h"

#include <optional>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace holdfast {
namespace {

constexpr absl::string_view kTypeUrl = "type.holdfast/error";

// The payload: the reason, then keys and values in turn, each as "<length>:<bytes>". It never leaves the
// process.
struct Payload {
  std::string reason;
  std::map<std::string, std::string> details;
};

void AppendPiece(std::string& out, absl::string_view piece) {
  absl::StrAppend(&out, piece.size(), ":", piece);
}

std::string TakePiece(absl::string_view& in) {
  const size_t colon = in.find(':');
  size_t size = 0;
  HF_CHECK(colon != absl::string_view::npos && absl::SimpleAtoi(in.substr(0, colon), &size),
           "an error's payload is not ours");
  std::string piece(in.substr(colon + 1, size));
  in.remove_prefix(colon + 1 + size);
  return piece;
}

Payload PayloadOf(const absl::Status& status) {
  Payload payload;
  const auto cord = status.GetPayload(kTypeUrl);
  if (!cord.has_value()) return payload;
  const std::string bytes(*cord);
  absl::string_view rest = bytes;
  payload.reason = TakePiece(rest);
  while (!rest.empty()) {
    std::string key = TakePiece(rest);
    payload.details[std::move(key)] = TakePiece(rest);
  }
  return payload;
}

void SetPayload(absl::Status& status, const Payload& payload) {
  std::string bytes;
  AppendPiece(bytes, payload.reason);
  for (const auto& [key, value] : payload.details) {
    AppendPiece(bytes, key);
    AppendPiece(bytes, value);
  }
  status.SetPayload(kTypeUrl, absl::Cord(bytes));
}

}  // namespace

absl::Status MakeError(absl::StatusCode code, absl::string_view reason, absl::string_view message) {
  HF_CHECK(code != absl::StatusCode::kOk && !reason.empty(), "an error needs a code and a reason");
  absl::Status status(code, message);
  SetPayload(status, Payload{std::string(reason), {}});
  return status;
}

std::string ReasonOf(const absl::Status& status) { return PayloadOf(status).reason; }

absl::Status WithDetail(absl::Status status, absl::string_view key, absl::string_view value) {
  if (status.ok()) return status;
  Payload payload = PayloadOf(status);
  payload.details[std::string(key)] = std::string(value);
  SetPayload(status, payload);
  return status;
}

std::map<std::string, std::string> DetailsOf(const absl::Status& status) { return PayloadOf(status).details; }

std::string DetailOf(const absl::Status& status, absl::string_view key) {
  const Payload payload = PayloadOf(status);
  const auto it = payload.details.find(std::string(key));
  return it == payload.details.end() ? std::string() : it->second;
}

absl::Status WithContext(const absl::Status& status, absl::string_view context) {
  if (status.ok()) return status;
  absl::Status result(status.code(), absl::StrCat(context, ": ", status.message()));
  status.ForEachPayload(
      [&result](absl::string_view url, const absl::Cord& payload) { result.SetPayload(url, payload); });
  return result;
}

}  // namespace holdfast
