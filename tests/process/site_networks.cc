#include "tests/process/site_networks.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "tests/process/programs.h"

namespace holdfast::testing {
namespace {

// The clients' place is number 0.
std::string Address(int number) { return absl::StrFormat("10.77.%d.1", number); }
// Of the interface at `at` whose other end is at `to`.
std::string Mac(int at, int to) { return absl::StrFormat("02:00:00:77:%02d:%02d", at, to); }
// Nobody's: what is sent there is dropped on arrival.
constexpr char kNobody[] = "02:00:00:00:de:ad";
std::string Interface(int to) { return absl::StrCat("to", to); }

absl::Status Unable(absl::string_view what, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat(what, ": ", why));
}

// In the network of this process, or in another.
absl::Status Ip(const std::string& script, int network = -1) {
  RunBounds bounds;
  bounds.network = network;
  const CommandResult result =
      Run({"/bin/sh", "-c", absl::StrCat("set -e; PATH=$PATH:/usr/sbin:/sbin; ", script)}, {}, bounds);
  if (result.exit_status == 0) return absl::OkStatus();
  return Unable("ip", absl::StrCat(result.err, "(", script, ")"));
}

int OwnNetwork() { return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC); }

// This thread goes there and comes back; what it opens on the way is the new network.
absl::StatusOr<int> MakeNetwork() {
  const int own = OwnNetwork();
  HF_CHECK(own >= 0, "the own network");
  const bool made = unshare(CLONE_NEWNET) == 0;
  const int error = errno;
  const int network = made ? OwnNetwork() : -1;
  if (made) HF_CHECK(setns(own, CLONE_NEWNET) == 0, "the way back to the own network");
  close(own);
  if (!made) return Unable("a network namespace", strerror(error));
  return network;
}

// For a process without root: it is root in a user namespace of its own.
bool BecomeRootOfOwn(uid_t user, gid_t group) {
  std::ofstream("/proc/self/setgroups") << "deny";
  std::ofstream users("/proc/self/uid_map");
  users << absl::StrCat("0 ", user, " 1") << std::flush;
  std::ofstream groups("/proc/self/gid_map");
  groups << absl::StrCat("0 ", group, " 1") << std::flush;
  return users.good() && groups.good();
}

// One end of a link: its route, and the other end's hardware address, which nobody need ask for.
std::string EndOf(int at, int to) {
  return absl::StrFormat(
      "ip link set %s up; ip route add %s/32 dev %s src %s; "
      "ip neigh replace %s lladdr %s dev %s nud permanent; ",
      Interface(to), Address(to), Interface(to), Address(at), Address(to), Mac(to, at), Interface(to));
}

std::string Loopback(int at) {
  return absl::StrCat("ip link set lo up; ip addr replace ", Address(at), "/32 dev lo; ");
}

}  // namespace

absl::Status SiteNetworks::Isolate() {
  const uid_t user = geteuid();
  const gid_t group = getegid();
  if (unshare(CLONE_NEWNET) != 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return Unable("network namespaces", strerror(errno));
    if (!BecomeRootOfOwn(user, group)) return Unable("user namespaces", "no user can be mapped");
  }
  return Ip(Loopback(0));
}

absl::StatusOr<std::unique_ptr<SiteNetworks>> SiteNetworks::Create(const std::vector<std::string>& sites) {
  std::unique_ptr<SiteNetworks> networks(new SiteNetworks());
  for (const std::string& site : sites) {
    Site& made = networks->sites_[site];
    made.number = static_cast<int>(networks->sites_.size());
    HF_ASSIGN_OR_RETURN(made.network, MakeNetwork());
    HF_RETURN_IF_ERROR(Ip(Loopback(made.number), made.network));
  }
  HF_RETURN_IF_ERROR(networks->Join(sites));
  return networks;
}

absl::Status SiteNetworks::Join(const std::vector<std::string>& sites) {
  // `ip` takes a namespace by its file.
  const auto file = [](int network) { return absl::StrCat("/proc/", getpid(), "/fd/", network); };
  const auto link = [&](int at, int to, int network) {
    return absl::StrFormat("ip link add %s address %s type veth peer name %s address %s netns %s; ",
                           Interface(to), Mac(at, to), Interface(at), Mac(to, at), file(network));
  };
  for (size_t i = 0; i < sites.size(); ++i) {
    const Site& site = sites_.at(sites[i]);
    HF_RETURN_IF_ERROR(Ip(absl::StrCat(link(0, site.number, site.network), EndOf(0, site.number))));
    HF_RETURN_IF_ERROR(Ip(EndOf(site.number, 0), site.network));
    for (size_t j = 0; j < i; ++j) {
      const Site& other = sites_.at(sites[j]);
      HF_RETURN_IF_ERROR(
          Ip(absl::StrCat(link(site.number, other.number, other.network), EndOf(site.number, other.number)),
             site.network));
      HF_RETURN_IF_ERROR(Ip(EndOf(other.number, site.number), other.network));
    }
  }
  return absl::OkStatus();
}

SiteNetworks::~SiteNetworks() {
  for (const auto& [name, site] : sites_) {
    // At once: the next ones may get the same names.
    Ip(absl::StrCat("ip link del ", Interface(site.number))).IgnoreError();
    if (site.network >= 0) close(site.network);
  }
}

std::string SiteNetworks::AddressOf(const std::string& site) const { return Address(sites_.at(site).number); }

int SiteNetworks::NetworkOf(const std::string& site) const { return sites_.at(site).network; }

absl::Status SiteNetworks::Point(const std::string& from, const std::string& to, bool at_it) {
  const Site& here = sites_.at(from);
  const Site& there = sites_.at(to);
  return Ip(absl::StrFormat("ip neigh replace %s lladdr %s dev %s nud permanent", Address(there.number),
                            at_it ? Mac(there.number, here.number) : kNobody, Interface(there.number)),
            here.network);
}

}  // namespace holdfast::testing
