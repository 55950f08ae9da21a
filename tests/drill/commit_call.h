#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "holdfast/v1/config.pb.h"

namespace holdfast::drill {

// One go at a commit, by whatever means a client has. May be repeated with the same request until it is
// answered. One thread.
using CommitCall = std::function<absl::StatusOr<v1::CommitResponse>(const v1::CommitRequest&)>;

// Asks the servers one after the other, each attempt alone and short, and stays with the one that commits;
// one that is silent is left alone for a while, longer each time. Notices a new primary at once: this is what
// outages are measured with. Errors: INVALID_REQUEST for an address.
absl::StatusOr<CommitCall> DirectCommits(const std::vector<std::string>& servers, Clock* clock);

// The client library with its ordinary behaviour, at these endpoints: what users see.
inline constexpr absl::Duration kLibraryTimeout = absl::Seconds(2);
absl::StatusOr<CommitCall> LibraryCommits(const std::vector<std::string>& endpoints,
                                          absl::Duration timeout = kLibraryTimeout);

}  // namespace holdfast::drill
