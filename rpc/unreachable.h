#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "absl/strings/string_view.h"

// Why a node cannot be reached, for people. Any thread.
namespace holdfast::rpc {

// gRPC's words for a failed connection in ours, with what to do about it. `tls`: we connected with TLS.
std::string ExplainUnreachable(absl::string_view grpc_words, bool tls);

// Asks a channel that could not connect why; nothing of the caller's is sent. Waits a moment at most.
std::string WhyNotConnected(const std::shared_ptr<grpc::Channel>& channel, bool tls);

}  // namespace holdfast::rpc
