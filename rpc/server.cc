#include "rpc/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server_builder.h>
#include <sys/resource.h>

#include <mutex>

#include "base/status_macros.h"
#include "rpc/errors.h"
#include "rpc/library.h"
#include "rpc/wire_limits.h"

namespace holdfast::rpc {
namespace {

// Both are process-wide switches of gRPC that act on builders made after them.
void EnablePlugins() {
  static std::once_flag once;
  std::call_once(once, [] {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
      limit.rlim_cur = limit.rlim_max;
      setrlimit(RLIMIT_NOFILE, &limit);  // the old limit stays if it is refused
    }
  });
}

void SetArguments(grpc::ServerBuilder& builder) {
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // A client may ping often and without calls: that is how it notices a silent cut.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             static_cast<int>(absl::ToInt64Milliseconds(kMinPingInterval)));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS,
                             static_cast<int>(absl::ToInt64Milliseconds(kServerKeepaliveInterval)));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                             static_cast<int>(absl::ToInt64Milliseconds(kKeepaliveTimeout)));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, kServerWindowBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreamsPerConnection);
  builder.SetMaxReceiveMessageSize(kMaxReceiveBytes);
  builder.SetMaxSendMessageSize(kMaxReceiveBytes);
  // Reflection is the only synchronous service; two threads are plenty.
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MAX_POLLERS, 2);
  grpc::ResourceQuota quota("holdfast");
  quota.Resize(kMaxServerBufferBytes);
  builder.SetResourceQuota(quota);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      const std::vector<grpc::Service*>& services) {
  PrepareLibrary();
  EnablePlugins();
  HF_ASSIGN_OR_RETURN(Address address, ParseAddress(options.address));
  HF_RETURN_IF_ERROR(CheckListenPolicy(address, options.tls, options.insecure));
  HF_ASSIGN_OR_RETURN(auto credentials, MakeServerCredentials(options.tls, options.admit));
  HF_RETURN_IF_ERROR(ProbeListen(address));

  grpc::ServerBuilder builder;
  SetArguments(builder);
  for (grpc::Service* service : services) builder.RegisterService(service);
  int port = 0;
  builder.AddListeningPort(address.ToString(), credentials, &port);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    // Somebody was faster than us, or the certificate and key do not belong together: gRPC does not say.
    HF_RETURN_IF_ERROR(ProbeListen(address));
    return options.tls.enabled()
               ? BadTlsFileError("cert", options.tls.cert, "not accepted; does it belong to the key?")
               : CannotListenError(address.ToString(), "gRPC did not start");
  }
  server->GetHealthCheckService()->SetServingStatus(false);
  address.port = static_cast<uint16_t>(port);
  return std::unique_ptr<Server>(new Server(std::move(server), address.ToString(), port, options.clock));
}

Server::~Server() { Shutdown(absl::ZeroDuration()); }

void Server::SetServing(bool serving) { server_->GetHealthCheckService()->SetServingStatus(serving); }

void Server::Shutdown(absl::Duration grace) {
  if (stopped_) return;
  stopped_ = true;
  SetServing(false);
  server_->Shutdown(absl::ToChronoTime(clock_->Now() + grace));
  server_->Wait();
}

}  // namespace holdfast::rpc
