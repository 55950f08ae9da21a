#include "tests/process/client_calls.h"

#include "base/executor.h"
#include "base/status_macros.h"

namespace holdfast::testing {

absl::StatusOr<Listing> ListBelow(client::Client& client, const std::string& prefix) {
  v1::ListRequest request;
  request.set_key(prefix + "/");
  request.set_range_end(prefix + "0");  // the byte after the slash
  Listing listing;
  HF_ASSIGN_OR_RETURN(listing.revision, client.ListAll(request, [&](v1::KeyValue& kv) {
    listing.values[kv.key().substr(prefix.size() + 1)] = kv.value();
    return absl::OkStatus();
  }));
  return listing;
}

absl::StatusOr<v1::WatchResponse> NextWithin(client::Watch& watch, absl::Duration patience) {
  ThreadExecutor timer("patience", RealClock());
  const auto bound = timer.PostAfter(patience, [&watch] { watch.Cancel(); });
  absl::StatusOr<v1::WatchResponse> next = watch.Next();
  timer.Cancel(bound);
  return next;
}

}  // namespace holdfast::testing
