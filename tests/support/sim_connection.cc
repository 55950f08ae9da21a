#include "tests/support/sim_connection.h"

#include <algorithm>
#include <utility>

#include "tests/support/sim_network.h"

namespace holdfast::testing {

SimConnection::SimConnection(SimNetwork* network, std::string client, std::string server)
    : network_(network), hosts_{std::move(client), std::move(server)} {}

void SimConnection::SetOnBroken(Direction direction, std::function<void(absl::Status)> on_broken) {
  on_broken_[direction] = std::move(on_broken);
}

void SimConnection::Push(Direction direction, std::function<void()> deliver) {
  const std::string& from = hosts_[direction];
  const std::string& to = hosts_[1 - direction];
  if (broken_ || network_->IsSilent(from)) return;
  ++network_->counters_.messages;
  if (network_->Chance(network_->Link(from, to).loss)) {
    ++network_->counters_.lost;
    network_->BreakLater(shared_from_this(), "message lost");
    return;
  }
  queue_[direction].push_back({network_->time_->now() + network_->Delay(from, to), std::move(deliver)});
  Schedule(direction);
}

void SimConnection::Schedule(Direction direction) {
  if (event_[direction] != 0 || queue_[direction].empty()) return;
  // A message never overtakes the one before it: only the head of the queue has an event.
  event_[direction] =
      network_->time_->At(queue_[direction].front().due, [self = shared_from_this(), direction] {
        self->event_[direction] = 0;
        self->Arrive(direction);
      });
}

void SimConnection::Arrive(Direction direction) {
  if (queue_[direction].empty()) return;
  if (network_->IsCut(hosts_[direction], hosts_[1 - direction])) {  // waits for Resume or Break
    GiveUpLater(direction);
    return;
  }
  if (direction == kUp && !network_->IsAlive(hosts_[kDown])) {
    Refuse();
    return;
  }
  std::function<void()> deliver = std::move(queue_[direction].front().deliver);
  queue_[direction].pop_front();
  SimExecutor* const strand = network_->StrandOf(hosts_[1 - direction]);
  if (!deaf_[direction] && strand != nullptr) {
    strand->Post([self = shared_from_this(), direction, deliver = std::move(deliver)] {
      if (!self->deaf_[direction]) deliver();
    });
  }
  Schedule(direction);
}

void SimConnection::Break(const std::string& why, bool deliver_rest, absl::Duration up_hears_after,
                          absl::Duration down_hears_after) {
  if (broken_) return;
  broken_ = true;
  if (!deliver_rest) {
    queue_[kUp].clear();
    queue_[kDown].clear();
  }
  const absl::Duration after[2] = {up_hears_after, down_hears_after};
  for (const Direction direction : {kUp, kDown}) {
    if (after[direction] == absl::InfiniteDuration()) continue;
    const absl::Status status = SimUnreachable(hosts_[direction], why);
    network_->time_->After(after[direction], [self = shared_from_this(), direction, status] {
      // What is still under way is not delivered after the end has been heard.
      self->queue_[direction].clear();
      self->Hear(direction, status);
    });
  }
}

void SimConnection::Hear(Direction receiver_of, const absl::Status& status) {
  SimExecutor* const strand = network_->StrandOf(hosts_[1 - receiver_of]);
  if (deaf_[receiver_of] || strand == nullptr) return;
  strand->Post([self = shared_from_this(), receiver_of, status] {
    if (self->deaf_[receiver_of] || self->on_broken_[receiver_of] == nullptr) return;
    self->on_broken_[receiver_of](status);
  });
}

void SimConnection::Refuse() {
  if (network_->Refuses(hosts_[kDown])) {
    Break("connection refused", /*deliver_rest=*/false, absl::InfiniteDuration(),
          network_->Delay(hosts_[kDown], hosts_[kUp]));
  } else {
    Break("connection timed out", /*deliver_rest=*/false, absl::InfiniteDuration(), network_->KeepAlive());
  }
}

void SimConnection::GiveUpLater(Direction direction) {
  network_->time_->After(network_->KeepAlive(), [self = shared_from_this(), direction] {
    if (self->broken_ || !self->network_->IsCut(self->hosts_[direction], self->hosts_[1 - direction])) return;
    self->Break("timed out", /*deliver_rest=*/false, absl::ZeroDuration(), absl::ZeroDuration());
  });
}

void SimConnection::Resume(Direction direction) { Schedule(direction); }

void SimConnection::Forget() {
  for (const Direction direction : {kUp, kDown}) {
    std::exchange(queue_[direction], {}).clear();
    on_broken_[direction] = nullptr;
  }
}

}  // namespace holdfast::testing
