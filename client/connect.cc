#include "client/connect.h"

#include "base/status_macros.h"
#include "client/grpc_transport.h"
#include "rpc/address.h"

namespace holdfast::client {

absl::StatusOr<std::unique_ptr<Client>> Connect(Options options, const rpc::TlsFiles& tls) {
  for (std::string& endpoint : options.endpoints) {
    HF_ASSIGN_OR_RETURN(const rpc::Address address, rpc::ParseAddress(endpoint));
    endpoint = address.ToString();
  }
  HF_ASSIGN_OR_RETURN(auto channels, rpc::ChannelCache::Create(tls, rpc::ChannelUse::kClient));
  return Client::Create(std::move(options), MakeGrpcTransport(std::move(channels)));
}

}  // namespace holdfast::client
