#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <list>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "rpc/credentials.h"

namespace holdfast::rpc {

// What a channel is for decides its keepalive and its window (wire_limits.h).
enum class ChannelUse { kClient, kPeer };

// One channel per address, made at the first request and kept; gRPC reconnects it by itself with back-off.
// Any thread.
class ChannelCache {
 public:
  // Reads the TLS files. Errors: as MakeChannelCredentials.
  static absl::StatusOr<std::unique_ptr<ChannelCache>> Create(const TlsFiles& tls, ChannelUse use);

  // The channel to `address` (host:port). Does not connect: the first call does. Errors: INVALID_REQUEST.
  absl::StatusOr<std::shared_ptr<grpc::Channel>> Get(absl::string_view address);

  // Whether the channels use TLS.
  bool tls() const { return tls_; }

  // Forgets the channel; calls on it go on.
  void Drop(absl::string_view address);

 private:
  struct Entry {
    std::shared_ptr<grpc::Channel> channel;
    std::list<std::string>::iterator place;
  };

  ChannelCache(std::shared_ptr<grpc::ChannelCredentials> credentials, bool tls, ChannelUse use)
      : credentials_(std::move(credentials)), tls_(tls), use_(use) {}

  const std::shared_ptr<grpc::ChannelCredentials> credentials_;
  const bool tls_;
  const ChannelUse use_;

  Mutex mu_;
  std::map<std::string, Entry> channels_ ABSL_GUARDED_BY(mu_);
  std::list<std::string> by_use_ ABSL_GUARDED_BY(mu_);  // most recently asked for first
};

// A channel of its own, for a short while, to a listener of this very machine that has the node's
// certificate: one that is made out for `certified_host`, not for the loopback address. Errors: as
// ChannelCache.
absl::StatusOr<std::shared_ptr<grpc::Channel>> ChannelToOwnListener(const TlsFiles& tls,
                                                                    absl::string_view address,
                                                                    const std::string& certified_host);

// Lets `context`'s call end with DEADLINE after `timeout` (monotonic); InfiniteDuration sets none.
void SetTimeout(grpc::ClientContext& context, absl::Duration timeout);

}  // namespace holdfast::rpc
