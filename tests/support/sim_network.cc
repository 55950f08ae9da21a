#include "tests/support/sim_network.h"

#include <algorithm>

#include "base/error.h"
#include "tests/support/sim_transport.h"

namespace holdfast::testing {
namespace {

// When a connection over a cut link is given up: a keep-alive of the transport.
constexpr absl::Duration kMinKeepAlive = absl::Seconds(5);
constexpr absl::Duration kMaxKeepAlive = absl::Seconds(20);

}  // namespace

absl::Status SimUnreachable(const std::string& address, const std::string& why) {
  return WithDetail(MakeError(absl::StatusCode::kUnavailable, "UNREACHABLE", address + ": " + why), "address",
                    address);
}

SimNetwork::SimNetwork(VirtualTime* time, uint64_t seed) : time_(time), random_(SeededRandom(seed)) {}

SimNetwork::~SimNetwork() {
  for (auto& [address, host] : hosts_) Crash(address, false);
  for (const std::weak_ptr<SimConnection>& weak : connections_) {
    if (const std::shared_ptr<SimConnection> connection = weak.lock()) connection->Forget();
  }
}

void SimNetwork::Listen(const std::string& address, SimExecutor* strand, replication::PeerService* service) {
  Host& host = hosts_[address];
  host.strand = strand;
  host.service = service;
  host.silent = false;
}

std::unique_ptr<replication::PeerTransport> SimNetwork::Transport(const std::string& address,
                                                                  SimExecutor* strand) {
  Host& host = hosts_[address];
  host.strand = strand;
  host.silent = false;
  return std::make_unique<SimTransport>(this, time_, address, strand);
}

void SimNetwork::Silence(const std::string& address) { hosts_[address].silent = true; }

bool SimNetwork::IsSilent(const std::string& address) const {
  const auto host = hosts_.find(address);
  return host != hosts_.end() && host->second.silent;
}

bool SimNetwork::Refuses(const std::string& address) const {
  const auto host = hosts_.find(address);
  return host == hosts_.end() || host->second.refuses;
}

SimExecutor* SimNetwork::StrandOf(const std::string& address) const {
  const auto host = hosts_.find(address);
  return host == hosts_.end() || host->second.silent ? nullptr : host->second.strand;
}

replication::PeerService* SimNetwork::ServiceOf(const std::string& address) const {
  const auto host = hosts_.find(address);
  return host == hosts_.end() || host->second.silent ? nullptr : host->second.service;
}

uint64_t SimNetwork::AddTeardown(const std::string& address, std::function<void()> teardown) {
  const uint64_t number = next_teardown_++;
  hosts_[address].teardowns.emplace(number, std::move(teardown));
  return number;
}

void SimNetwork::ForgetTeardown(const std::string& address, uint64_t number) {
  const auto host = hosts_.find(address);
  if (host != hosts_.end()) host->second.teardowns.erase(number);
}

absl::Duration SimNetwork::KeepAlive() {
  return kMinKeepAlive + (kMaxKeepAlive - kMinKeepAlive) * random_->Fraction();
}

void SimNetwork::Crash(const std::string& address, bool reset) {
  Host& host = hosts_[address];
  host.silent = true;
  host.refuses = reset;
  for (const std::weak_ptr<SimConnection>& weak : connections_) {
    const std::shared_ptr<SimConnection> connection = weak.lock();
    if (connection == nullptr) continue;
    for (const auto direction : {SimConnection::kUp, SimConnection::kDown}) {
      if (connection->host(direction) != address) continue;
      const auto other = direction == SimConnection::kUp ? SimConnection::kDown : SimConnection::kUp;
      connection->HangUp(other);  // what comes to the dead host
      const absl::Duration hears = reset ? absl::Milliseconds(1) + Delay(address, connection->host(other))
                                         : (Chance(0.5) ? KeepAlive() : absl::InfiniteDuration());
      const bool client_died = direction == SimConnection::kUp;
      connection->Break("the peer is gone", /*deliver_rest=*/true,
                        client_died ? hears : absl::InfiniteDuration(),
                        client_died ? absl::InfiniteDuration() : hears);
    }
  }
  std::map<uint64_t, std::function<void()>> teardowns;
  teardowns.swap(host.teardowns);
  for (auto& [number, teardown] : teardowns) teardown();
  host.strand = nullptr;
  host.service = nullptr;
}

void SimNetwork::Cut(const std::string& from, const std::string& to) {
  const uint64_t cut = next_cut_++;
  if (!cuts_.emplace(std::make_pair(from, to), cut).second) return;
  time_->After(KeepAlive(), [this, from, to, cut] {
    const auto found = cuts_.find({from, to});
    if (found == cuts_.end() || found->second != cut) return;
    for (const auto& connection : Between(from, to)) {
      connection->Break("keep-alive failed", /*deliver_rest=*/false, Delay(from, to), Delay(to, from));
    }
  });
}

void SimNetwork::Heal(const std::string& from, const std::string& to) {
  if (cuts_.erase({from, to}) == 0) return;
  for (const auto& connection : Between(from, to)) {
    if (Chance(0.5)) {
      BreakLater(connection, "lost in the partition");
      continue;
    }
    for (const auto direction : {SimConnection::kUp, SimConnection::kDown}) {
      if (connection->host(direction) == from) connection->Resume(direction);
    }
  }
}

void SimNetwork::HealAll() {
  while (!cuts_.empty()) {
    const auto cut = cuts_.begin()->first;
    Heal(cut.first, cut.second);
  }
}

bool SimNetwork::IsCut(const std::string& from, const std::string& to) const {
  return cuts_.contains({from, to});
}

void SimNetwork::Reset(const std::string& a, const std::string& b) {
  for (const auto& connection : Between(a, b)) BreakLater(connection, "connection reset");
}

void SimNetwork::SetLink(const std::string& from, const std::string& to, const LinkOptions& options) {
  links_[{from, to}] = options;
}

const SimNetwork::LinkOptions& SimNetwork::Link(const std::string& from, const std::string& to) const {
  const auto found = links_.find({from, to});
  return found == links_.end() ? default_link_ : found->second;
}

std::shared_ptr<SimConnection> SimNetwork::Connect(const std::string& client, const std::string& server) {
  std::erase_if(connections_, [](const auto& weak) { return weak.expired(); });
  auto connection = std::make_shared<SimConnection>(this, client, server);
  connections_.push_back(connection);
  return connection;
}

std::vector<std::shared_ptr<SimConnection>> SimNetwork::Between(const std::string& a, const std::string& b) {
  std::vector<std::shared_ptr<SimConnection>> found;
  for (const std::weak_ptr<SimConnection>& weak : connections_) {
    const std::shared_ptr<SimConnection> connection = weak.lock();
    if (connection == nullptr || connection->broken()) continue;
    const std::string& client = connection->host(SimConnection::kUp);
    const std::string& server = connection->host(SimConnection::kDown);
    if ((client == a && server == b) || (client == b && server == a)) found.push_back(connection);
  }
  return found;
}

absl::Duration SimNetwork::Delay(const std::string& from, const std::string& to) {
  const LinkOptions& link = Link(from, to);
  if (Chance(link.straggler_chance)) return link.min_delay + link.straggler_delay * random_->Fraction();
  return link.min_delay + (link.max_delay - link.min_delay) * random_->Fraction();
}

void SimNetwork::BreakLater(const std::shared_ptr<SimConnection>& connection, const std::string& why) {
  // Each end hears of it by itself; one of them may be much later than the other (a half-open connection).
  absl::Duration hears[2];
  for (absl::Duration& after : hears) {
    after = Chance(0.2) ? kMaxKeepAlive * random_->Fraction() : absl::Milliseconds(5) * random_->Fraction();
  }
  connection->Break(why, /*deliver_rest=*/Chance(0.5), hears[0], hears[1]);
}

}  // namespace holdfast::testing
