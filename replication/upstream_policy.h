#pragma once

#include <optional>
#include <string>
#include <vector>

#include "replication/replica.h"

namespace holdfast::replication {

// What servers do: the primary first, then other servers of their own site, then anyone, in turn with each
// failure. Voters must follow the primary itself, so the first try is always there. A function of its
// arguments.
class PrimaryFirst : public UpstreamPolicy {
 public:
  std::optional<std::string> Next(const std::vector<Candidate>& candidates,
                                  int failed_since_success) override;
};

}  // namespace holdfast::replication
