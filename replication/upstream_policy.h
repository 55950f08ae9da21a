#pragma once

#include <optional>
#include <string>
#include <vector>

#include "replication/replica.h"

namespace holdfast::replication {

// Whom a replica follows: the primary by the newest knowledge, and as long as that does not answer, in turn
// with it, somebody else who may have what is missing or know of a newer primary: first the own site's nodes,
// servers before proxies, then the other sites', then the bare addresses of the configuration file. A
// function of its arguments.
class PrimaryFirst : public UpstreamPolicy {
 public:
  // So often the primary is tried before anybody else: a restart is not a loss. Whoever met silence instead
  // of a refusal begins behind them.
  static constexpr int kAttemptsAtPrimary = 4;

  std::optional<std::string> Next(const std::vector<Candidate>& candidates,
                                  int failed_since_success) override;
};

}  // namespace holdfast::replication
