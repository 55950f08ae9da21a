#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/client.h"

// What several tests ask of a client. Any thread.
namespace holdfast::testing {

// The keys below a prefix, without it and its slash, with their values.
struct Listing {
  int64_t revision = 0;
  std::map<std::string, std::string> values;
};
// At whatever revision the client's nodes show, in pages. Errors as Client::ListAll.
absl::StatusOr<Listing> ListBelow(client::Client& client, const std::string& prefix);

// The next message of a watch. A watch reconnects for ever; here it is cancelled after `patience` and the
// answer is CANCELLED.
absl::StatusOr<v1::WatchResponse> NextWithin(client::Watch& watch, absl::Duration patience);

}  // namespace holdfast::testing
