#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace holdfast::testing {

// Sites in network namespaces of their own, each two joined by a link that can be cut, also one way only, and
// healed. What is cut vanishes in silence: no refusal, no reset. The process that makes them is joined to
// every site by a link that stays: it is the clients of all sites, and nothing passes through it from one
// site to the other. Needs the command `ip`, and root or user namespaces. One thread.
class SiteNetworks {
 public:
  // Moves this process into a network of its own, with nothing in it yet but loopback. Once, before the first
  // thread. FAILED_PRECONDITION: this machine does not allow it, and why.
  static absl::Status Isolate();

  // For a process that is isolated. FAILED_PRECONDITION as above.
  static absl::StatusOr<std::unique_ptr<SiteNetworks>> Create(const std::vector<std::string>& sites);

  // The namespaces go when the last process in them has ended.
  ~SiteNetworks();
  SiteNetworks(const SiteNetworks&) = delete;
  SiteNetworks& operator=(const SiteNetworks&) = delete;

  // Where the site's nodes listen, in its own network: every port is free there.
  std::string AddressOf(const std::string& site) const;
  // A descriptor of the site's network, for programs that run in it.
  int NetworkOf(const std::string& site) const;

  // From now on, what `from` sends to `to` is lost; it is delivered again.
  absl::Status Cut(const std::string& from, const std::string& to) { return Point(from, to, false); }
  absl::Status Heal(const std::string& from, const std::string& to) { return Point(from, to, true); }

 private:
  struct Site {
    int number = 0;  // from 1
    int network = -1;
  };

  SiteNetworks() = default;
  absl::Status Join(const std::vector<std::string>& sites);
  absl::Status Point(const std::string& from, const std::string& to, bool at_it);

  std::map<std::string, Site> sites_;
};

}  // namespace holdfast::testing
