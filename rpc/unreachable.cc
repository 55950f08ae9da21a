#include "rpc/unreachable.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "rpc/health.h"

namespace holdfast::rpc {
namespace {

constexpr absl::Duration kPatience = absl::Milliseconds(100);

bool SaysOneOf(absl::string_view words, std::initializer_list<absl::string_view> phrases) {
  const std::string lower = absl::AsciiStrToLower(words);
  for (const absl::string_view phrase : phrases) {
    if (absl::StrContains(lower, phrase)) return true;
  }
  return false;
}

}  // namespace

std::string ExplainUnreachable(absl::string_view grpc_words, bool tls) {
  if (SaysOneOf(grpc_words, {"connection refused"})) return "nobody listens there";
  if (SaysOneOf(grpc_words, {"certificate verify failed", "certificate_verify_failed"})) {
    return "its certificate is not of our CA, or has expired";
  }
  if (SaysOneOf(grpc_words, {"is not in peer certificate", "hostname verification"})) {
    return "its certificate does not name this address";
  }
  if (SaysOneOf(grpc_words, {"wrong version number", "wrong_version_number", "packet length too long"})) {
    return "it does not speak TLS; leave out ca, cert and key";
  }
  if (SaysOneOf(grpc_words, {"socket closed", "connection reset", "broken pipe", "endpoint closing"})) {
    return tls ? "it closed the connection during set-up; it may not accept our certificate (another CA, "
                 "expired)"
               : "it closed the connection during set-up; if it demands TLS, give ca, cert and key";
  }
  return std::string(grpc_words);
}

std::string WhyNotConnected(const std::shared_ptr<grpc::Channel>& channel, bool tls) {
  const std::string words = ProbeFailure(channel, kPatience);
  return words.empty() ? "no connection" : ExplainUnreachable(words, tls);
}

}  // namespace holdfast::rpc
