#include "rpc/library.h"

#include <cstdlib>

namespace holdfast::rpc {

void PrepareLibrary() {
  // While no call is in flight, gRPC 1.51 looks at a connection under way only this often, by default every 5
  // s: a channel that was refused once would come back that late. Whoever has set it knows why.
  static const bool prepared =
      setenv("GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS", "50", /*overwrite=*/0) == 0;
  static_cast<void>(prepared);
}

void SilenceLibrary() { setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0); }

}  // namespace holdfast::rpc
