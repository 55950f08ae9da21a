#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "absl/time/time.h"
#include "base/revision.h"

namespace holdfast::replication {

// How old what a replica shows may be at most (DESIGN 3, "Freshness is an upper bound"). The replica numbers
// its acknowledgements and remembers when it sent each; a heartbeat echoes the highest number that was seen
// before it was made, so what it says is true at some moment after that number was sent. A heartbeat that lay
// in a buffer echoes an old number and makes nothing look fresh. All times are SinceBoot of this machine
// (CLOCK_BOOTTIME): a process that was stopped knows its age. One thread.
class Freshness {
 public:
  // The number for the next acknowledgement. At most kMaxProbesInFlight are remembered; the oldest are
  // forgotten first, which can only make data look older.
  uint64_t NextProbe(absl::Duration now);

  // `upstream_staleness`: absent if the upstream knows no bound itself. The bound holds only once what was
  // committed then is shown here, and waits until it is.
  void OnHeartbeat(uint64_t echo, std::optional<absl::Duration> upstream_staleness, Revision committed,
                   Revision visible);
  void OnVisible(Revision visible);

  // Echoes of an older stream count no more.
  void OnDisconnected();

  // What readers saw is gone: nothing is known until the next heartbeat.
  void Reset();

  // The moment at which everything committed was shown here; nullopt if there never was one. Age = now -
  // FreshAt().
  std::optional<absl::Duration> FreshAt() const { return fresh_at_; }

 private:
  struct Probe {
    uint64_t number;
    absl::Duration sent;
  };
  struct Waiting {
    Revision committed;
    absl::Duration fresh_at;
  };
  void Accept(absl::Duration fresh_at);

  uint64_t next_probe_ = 1;
  std::deque<Probe> probes_;
  std::deque<Waiting> waiting_;  // in order of both fields
  std::optional<absl::Duration> fresh_at_;
};

}  // namespace holdfast::replication
