#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tests/support/sim_executor.h"
#include "tests/support/virtual_time.h"

namespace holdfast::testing {

class SimNetwork;

// One call between two hosts: two directions, each in order and without a gap until the connection breaks, as
// TCP gives. Knows nothing of messages: what travels is the closure that delivers it on the receiver's
// strand. Owned by what the two ends share; the network holds it weakly. One thread.
class SimConnection : public std::enable_shared_from_this<SimConnection> {
 public:
  enum Direction { kUp = 0, kDown = 1 };  // from the client, from the server

  SimConnection(SimNetwork* network, std::string client, std::string server);

  const std::string& host(Direction sender) const { return hosts_[sender]; }

  // Sends: `deliver` runs at the other end, after everything sent that way before, unless the connection
  // breaks or the receiver hangs up first.
  void Push(Direction direction, std::function<void()> deliver);

  // The receiver of `direction` wants nothing more.
  void HangUp(Direction direction) { deaf_[direction] = true; }

  // What the receiver of `direction` hears when the connection breaks, unless it has hung up.
  void SetOnBroken(Direction direction, std::function<void(absl::Status)> on_broken);

  // Nothing sent from now on arrives. What is under way arrives if `deliver_rest`. Each end hears of it after
  // its delay; an end with InfiniteDuration never does.
  void Break(const std::string& why, bool deliver_rest, absl::Duration up_hears_after,
             absl::Duration down_hears_after);

  // The call has not reached anybody, because nobody is there.
  void Refuse();

  // The link of `direction` works again: what had to wait goes on.
  void Resume(Direction direction);

  // The network ends: what is under way goes, and with it what it keeps, this connection among it.
  void Forget();

  bool broken() const { return broken_; }

 private:
  struct Message {
    absl::Duration due;
    std::function<void()> deliver;
  };

  void Schedule(Direction direction);
  void Arrive(Direction direction);
  void GiveUpLater(Direction direction);
  void Hear(Direction receiver_of, const absl::Status& status);

  SimNetwork* const network_;
  const std::string hosts_[2];
  std::deque<Message> queue_[2];
  VirtualTime::EventId event_[2] = {0, 0};
  bool deaf_[2] = {false, false};
  std::function<void(absl::Status)> on_broken_[2];
  bool broken_ = false;
};

}  // namespace holdfast::testing
