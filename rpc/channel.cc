#include "rpc/channel.h"

#include <grpc/support/time.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>

#include "base/status_macros.h"
#include "rpc/address.h"
#include "rpc/library.h"
#include "rpc/wire_limits.h"

namespace holdfast::rpc {
namespace {

int Millis(absl::Duration duration) { return static_cast<int>(absl::ToInt64Milliseconds(duration)); }

grpc::ChannelArguments Arguments(ChannelUse use) {
  const bool peer = use == ChannelUse::kPeer;
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS,
                   Millis(peer ? kPeerKeepaliveInterval : kClientKeepaliveInterval));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Millis(kKeepaliveTimeout));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, peer ? kPeerWindowBytes : kClientWindowBytes);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, Millis(kMinReconnectDelay));
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, Millis(kConnectTimeout));  // despite its name
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, Millis(kMaxReconnectDelay));
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);  // an http_proxy of the environment is not meant for us
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);  // who may be asked again is decided by reasons, not by gRPC
  arguments.SetMaxReceiveMessageSize(kMaxReceiveBytes);
  return arguments;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChannelCache>> ChannelCache::Create(const TlsFiles& tls, ChannelUse use) {
  PrepareLibrary();
  HF_ASSIGN_OR_RETURN(auto credentials, MakeChannelCredentials(tls));
  return std::unique_ptr<ChannelCache>(new ChannelCache(std::move(credentials), tls.enabled(), use));
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> ChannelCache::Get(absl::string_view address) {
  HF_ASSIGN_OR_RETURN(const Address parsed, ParseAddress(address));
  const std::string target = parsed.ToString();
  MutexLock lock(&mu_);
  if (auto it = channels_.find(target); it != channels_.end()) {
    by_use_.splice(by_use_.begin(), by_use_, it->second.place);
    return it->second.channel;
  }
  if (channels_.size() >= static_cast<size_t>(kMaxCachedChannels)) {
    channels_.erase(by_use_.back());
    by_use_.pop_back();
  }
  by_use_.push_front(target);
  auto channel = grpc::CreateCustomChannel(target, credentials_, Arguments(use_));
  channels_[target] = Entry{channel, by_use_.begin()};
  return channel;
}

void ChannelCache::Drop(absl::string_view address) {
  const auto parsed = ParseAddress(address);
  if (!parsed.ok()) return;
  MutexLock lock(&mu_);
  const auto it = channels_.find(parsed->ToString());
  if (it == channels_.end()) return;
  by_use_.erase(it->second.place);
  channels_.erase(it);
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> ChannelToOwnListener(const TlsFiles& tls,
                                                                    absl::string_view address,
                                                                    const std::string& certified_host) {
  PrepareLibrary();
  HF_ASSIGN_OR_RETURN(const Address parsed, ParseAddress(address));
  HF_ASSIGN_OR_RETURN(const auto credentials, MakeChannelCredentials(tls));
  grpc::ChannelArguments arguments = Arguments(ChannelUse::kPeer);
  if (tls.enabled()) arguments.SetSslTargetNameOverride(certified_host);
  return grpc::CreateCustomChannel(parsed.ToString(), credentials, arguments);
}

void SetTimeout(grpc::ClientContext& context, absl::Duration timeout) {
  if (timeout == absl::InfiniteDuration()) return;
  const int64_t nanos = std::max<int64_t>(0, absl::ToInt64Nanoseconds(timeout));
  context.set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_nanos(nanos, GPR_TIMESPAN)));
}

}  // namespace holdfast::rpc
