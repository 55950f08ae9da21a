#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/random.h"
#include "replication/transport.h"
#include "tests/support/sim_connection.h"
#include "tests/support/sim_executor.h"
#include "tests/support/virtual_time.h"

namespace holdfast::testing {

// UNREACHABLE, as the production transport reports a peer that cannot be reached or a broken stream.
absl::Status SimUnreachable(const std::string& address, const std::string& why);

// Sees what travels, at the moment it is sent: for checkers and coverage. Must not call the network.
class NetworkTap {
 public:
  virtual ~NetworkTap() = default;
  virtual void OnFollowRequest(const std::string&, const std::string&, const v1::FollowRequest&) {}
  virtual void OnFollowResponse(const std::string&, const std::string&, const v1::FollowResponse&) {}
  // `from` answered a promise.
  virtual void OnPromiseAnswer(const std::string&, const std::string&,
                               const absl::StatusOr<v1::PromiseResponse>&) {}
  // The server side ended a call.
  virtual void OnClosed(const std::string&, const std::string&, const absl::Status&) {}
};

// A network of named addresses on virtual time. Streams are reliable and in order until they break; separate
// calls overtake each other freely. Faults are ordered by the test, their details (delays, who hears of a
// break and when, which call a message loss hits) come from the seed. One thread.
class SimNetwork {
 public:
  struct LinkOptions {
    absl::Duration min_delay = absl::Microseconds(200);
    absl::Duration max_delay = absl::Milliseconds(2);
    double straggler_chance = 0.0;  // a message takes up to `straggler_delay`
    absl::Duration straggler_delay = absl::Milliseconds(300);
    double loss = 0.0;       // a message is lost: its stream breaks; its unary call times out
    double duplicate = 0.0;  // a unary request is executed twice
    double alter = 0.0;      // a snapshot chunk arrives with one byte changed
  };

  SimNetwork(VirtualTime* time, uint64_t seed);
  ~SimNetwork();

  // `service` answers at `address`; it is called on `strand`. Both must outlive Crash(address) or
  // Shut(address).
  void Listen(const std::string& address, SimExecutor* strand, replication::PeerService* service);

  // Calls from the host `address`, whose callbacks run on `strand`.
  std::unique_ptr<replication::PeerTransport> Transport(const std::string& address, SimExecutor* strand);

  // From this moment nothing leaves `address` and nothing is delivered to it: the machine is dead, its code
  // has not noticed. Follow it with Crash.
  void Silence(const std::string& address);

  // The process is gone: its stream ends are forgotten at once (the objects it gave from AcceptFollow and
  // AcceptFetchSnapshot are destroyed here, the ends that it holds do nothing any more). Peers hear of it
  // soon
  // (`reset`), or late or never (a machine that lost its power). Call it before the node is destroyed.
  void Crash(const std::string& address, bool reset);

  // The way from `from` to `to` swallows everything silently. A connection that meets a cut for long breaks.
  void Cut(const std::string& from, const std::string& to);
  // The way works again; each connection that was there goes on with what had to wait, or breaks, as the seed
  // says.
  void Heal(const std::string& from, const std::string& to);
  void HealAll();
  bool IsCut(const std::string& from, const std::string& to) const;

  // Breaks every connection between the two, with a reset.
  void Reset(const std::string& a, const std::string& b);

  // For one way.
  void SetLink(const std::string& from, const std::string& to, const LinkOptions& options);
  const LinkOptions& Link(const std::string& from, const std::string& to) const;

  // Null for none. Must outlive the network or be taken away.
  void SetTap(NetworkTap* tap) { tap_ = tap != nullptr ? tap : &no_tap_; }

  struct Counters {
    int64_t messages = 0;
    int64_t lost = 0;
    int64_t altered_chunks = 0;
  };
  const Counters& counters() const { return counters_; }

 private:
  friend class SimConnection;
  friend class SimTransport;
  struct Host {
    SimExecutor* strand = nullptr;
    replication::PeerService* service = nullptr;  // null: nobody listens
    bool silent = false;
    bool refuses = true;  // with nobody there: an answer (the machine runs) or silence (it does not)
    std::map<uint64_t, std::function<void()>> teardowns;  // forget server sides, by their number
  };

  std::shared_ptr<SimConnection> Connect(const std::string& client, const std::string& server);
  std::vector<std::shared_ptr<SimConnection>> Between(const std::string& a, const std::string& b);
  absl::Duration Delay(const std::string& from, const std::string& to);
  bool Chance(double probability) { return probability > 0 && random_->Fraction() < probability; }
  void BreakLater(const std::shared_ptr<SimConnection>& connection, const std::string& why);
  absl::Duration KeepAlive();
  bool IsSilent(const std::string& address) const;
  bool IsAlive(const std::string& address) const { return StrandOf(address) != nullptr; }
  bool Refuses(const std::string& address) const;
  // Null for a host that is dead or was never there.
  SimExecutor* StrandOf(const std::string& address) const;
  replication::PeerService* ServiceOf(const std::string& address) const;
  // `teardown` runs when the host crashes, unless it is forgotten before.
  uint64_t AddTeardown(const std::string& address, std::function<void()> teardown);
  void ForgetTeardown(const std::string& address, uint64_t number);

  VirtualTime* const time_;
  const std::unique_ptr<Random> random_;
  NetworkTap* tap_ = &no_tap_;
  NetworkTap no_tap_;
  const LinkOptions default_link_;
  std::map<std::pair<std::string, std::string>, LinkOptions> links_;
  std::map<std::pair<std::string, std::string>, uint64_t> cuts_;  // value: which cut it is
  uint64_t next_cut_ = 1;
  uint64_t next_teardown_ = 1;
  std::map<std::string, Host> hosts_;
  std::vector<std::weak_ptr<SimConnection>> connections_;
  Counters counters_;
};

}  // namespace holdfast::testing
