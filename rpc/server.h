#pragma once

#include <grpcpp/server.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "rpc/credentials.h"

namespace holdfast::rpc {

// Where a listener listens, and whom it takes. A plain value; `clock` must outlive the server.
struct ServerOptions {
  std::string address;  // host:port; port 0 takes a free one
  TlsFiles tls;
  Admit admit = Admit::kAnyCertificate;
  bool insecure = false;  // allow an address beyond loopback without TLS
  Clock* clock = RealClock();
};

// One listener with its services, gRPC health (grpc.health.v1) and reflection. Callback services only. A
// taken port is an error that says whom to ask (gRPC would share it silently). Start and Shutdown belong to
// one thread; the others may be called from any.
//
// gRPC 1.51 cannot bound connections, and stops to accept for ever when file descriptors run out: Start
// raises the soft limit of descriptors to the hard one, and a memory quota makes it refuse connections long
// before.
class Server {
 public:
  // `services` must outlive the server. Health answers NOT_SERVING until SetServing(true). Errors:
  // INVALID_REQUEST (address, TLS files), PERMISSION_DENIED (CheckListenPolicy), IO_ERROR (port in use,
  // cannot listen, TLS files).
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                       const std::vector<grpc::Service*>& services);
  ~Server();  // Shutdown(zero)

  // Where it listens, with the port that was taken.
  const std::string& address() const { return address_; }
  int port() const { return port_; }

  // What health answers, for the whole server and for each service. On the way out it is the first thing to
  // change.
  void SetServing(bool serving);

  // Takes no more calls, lets those in flight end within `grace`, then cancels them; returns when all have
  // ended.
  void Shutdown(absl::Duration grace);

 private:
  Server(std::unique_ptr<grpc::Server> server, std::string address, int port, Clock* clock)
      : server_(std::move(server)), address_(std::move(address)), port_(port), clock_(clock) {}

  const std::unique_ptr<grpc::Server> server_;
  const std::string address_;
  const int port_;
  Clock* const clock_;
  bool stopped_ = false;
};

}  // namespace holdfast::rpc
