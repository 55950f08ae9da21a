#include "rpc/health.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include <string>

#include "base/mutex.h"
#include "rpc/channel.h"

namespace holdfast::rpc {
namespace {

// HealthCheckResponse{status: SERVING}: field 1, varint 1. The message has one field, so its bytes are
// compared; the proto is not shipped with the library.
constexpr char kServingBytes[] = {0x08, 0x01};

bool SaysServing(grpc::ByteBuffer& response) {
  grpc::Slice slice;
  if (!response.DumpToSingleSlice(&slice).ok() || slice.size() != sizeof(kServingBytes)) return false;
  return slice.begin()[0] == kServingBytes[0] && slice.begin()[1] == kServingBytes[1];
}

grpc::Status Check(const std::shared_ptr<grpc::Channel>& channel, absl::Duration timeout, bool wait_until_up,
                   grpc::ByteBuffer* response) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_wait_for_ready(wait_until_up);
  SetTimeout(context, timeout);
  grpc::Slice empty("", 0);
  grpc::ByteBuffer request(&empty, 1);
  Mutex mu;
  CondVar done_cv;
  bool done = false;
  grpc::Status status;
  stub.UnaryCall(&context, "/grpc.health.v1.Health/Check", grpc::StubOptions(), &request, response,
                 [&](grpc::Status result) {
                   MutexLock lock(&mu);
                   status = std::move(result);
                   done = true;
                   done_cv.NotifyAll();
                 });
  MutexLock lock(&mu);
  done_cv.Wait(&mu, [&] { return done; });
  return status;
}

}  // namespace

HealthAnswer ProbeHealth(const std::shared_ptr<grpc::Channel>& channel, absl::Duration timeout) {
  grpc::ByteBuffer response;
  // A channel that backs off would answer for the past.
  if (!Check(channel, timeout, /*wait_until_up=*/true, &response).ok()) return HealthAnswer::kUnreachable;
  return SaysServing(response) ? HealthAnswer::kServing : HealthAnswer::kNotServing;
}

std::string ProbeFailure(const std::shared_ptr<grpc::Channel>& channel, absl::Duration timeout) {
  grpc::ByteBuffer response;
  const grpc::Status status = Check(channel, timeout, /*wait_until_up=*/false, &response);
  return status.error_code() == grpc::StatusCode::UNAVAILABLE ? status.error_message() : "";
}

}  // namespace holdfast::rpc
