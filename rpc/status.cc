#include "rpc/status.h"

#include <string>

#include "absl/strings/string_view.h"
#include "base/error.h"
#include "google/rpc/error_details.pb.h"
#include "rpc/reason_table.h"

namespace holdfast::rpc {
namespace {

// absl::StatusCode and grpc::StatusCode number the canonical codes alike.
grpc::StatusCode Wire(absl::StatusCode code) { return static_cast<grpc::StatusCode>(code); }
absl::StatusCode Local(grpc::StatusCode code) { return static_cast<absl::StatusCode>(code); }

// `grpc-status-details-bin` travels in the trailing metadata, which stock clients bound to 8 KiB.
constexpr size_t kMaxMessageOnWire = 2048;
constexpr size_t kMaxDetailOnWire = 1024;

v1::Reason ReasonOfForeign(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::UNAVAILABLE:
      return v1::REASON_UNREACHABLE;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return v1::REASON_DEADLINE;
    case grpc::StatusCode::UNAUTHENTICATED:
      return v1::REASON_UNAUTHENTICATED;
    case grpc::StatusCode::PERMISSION_DENIED:
      return v1::REASON_PERMISSION_DENIED;
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return v1::REASON_RESOURCE_EXHAUSTED;
    case grpc::StatusCode::INVALID_ARGUMENT:
      return v1::REASON_INVALID_REQUEST;
    default:
      return v1::REASON_INTERNAL;
  }
}

bool TakeErrorInfo(const grpc::Status& status, google::rpc::ErrorInfo* info) {
  google::rpc::Status rich;
  if (status.error_details().empty() || !rich.ParseFromString(status.error_details())) return false;
  for (const auto& detail : rich.details()) {
    if (detail.Is<google::rpc::ErrorInfo>() && detail.UnpackTo(info) && info->domain() == kErrorDomain &&
        !info->reason().empty()) {
      return true;
    }
  }
  return false;
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const std::string message(status.message().substr(0, kMaxMessageOnWire));
  std::string reason = ReasonOf(status);
  if (reason.empty()) {
    if (absl::IsCancelled(status)) return grpc::Status(grpc::StatusCode::CANCELLED, message);
    reason = std::string(ReasonName(v1::REASON_INTERNAL));
  }
  const ReasonRow* row = FindReason(reason);
  const grpc::StatusCode code = Wire(row == nullptr ? absl::StatusCode::kInternal : row->code);

  google::rpc::ErrorInfo info;
  info.set_reason(reason);
  info.set_domain(kErrorDomain);
  for (const auto& [key, value] : DetailsOf(status)) {
    (*info.mutable_metadata())[key] = value.substr(0, kMaxDetailOnWire);
  }
  google::rpc::Status rich;
  rich.set_code(static_cast<int>(code));
  rich.set_message(message);
  rich.add_details()->PackFrom(info);
  return grpc::Status(code, message, rich.SerializeAsString());
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  google::rpc::ErrorInfo info;
  if (!TakeErrorInfo(status, &info)) {
    if (status.error_code() == grpc::StatusCode::CANCELLED)
      return absl::CancelledError(status.error_message());
    return MakeError(Local(status.error_code()), ReasonName(ReasonOfForeign(status.error_code())),
                     status.error_message());
  }
  absl::Status result = MakeError(Local(status.error_code()), info.reason(), status.error_message());
  for (const auto& [key, value] : info.metadata()) result = WithDetail(result, key, value);
  return result;
}

}  // namespace holdfast::rpc
