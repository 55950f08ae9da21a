#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/random.h"
#include "rpc/channel.h"
#include "tests/drill/findings.h"
#include "tests/drill/halt.h"
#include "tests/drill/read_judge.h"

namespace holdfast::drill {

// A read is answered within this or has failed: it is sent once. Only the connection is tried once more,
// within the same time, since gRPC 1.51 now and then takes one for failed that is under way (rpc/connect.h).
// On a machine that has other work, where nothing is judged by its time, a read that is answered at all is a
// good one.
inline constexpr absl::Duration kReadDeadline = absl::Milliseconds(250);
inline constexpr absl::Duration kUntimedReadDeadline = absl::Seconds(10);

// Reads keys at one proxy at a steady rate, on a thread of its own, each attempt alone. Most reads go over
// one connection that is kept; every so many-th opens one of its own. Any thread.
class ProxyReader {
 public:
  struct Options {
    std::string node_id;
    std::string address;
    int key_count = 0;
    double per_second = 100;
    int fresh_every = 50;  // reads
    absl::Duration deadline = kReadDeadline;
    uint64_t seed = 1;
    Clock* clock = RealClock();  // must outlive the reader
  };

  // Begins at once. Errors: INVALID_REQUEST for the address.
  static absl::StatusOr<std::unique_ptr<ProxyReader>> Start(Options options);
  ~ProxyReader();

  // The node's site is lost now: reads in flight count for nothing, and no more are sent until Resume.
  void Suspend();
  void Resume();
  // Ends the thread.
  void Stop();

  struct Results {
    std::vector<Observation> answered;
    std::vector<absl::Duration> failed;  // when
    int64_t fresh_connections = 0;       // that were answered
    absl::Duration until;                // reads were sent until then; now, if they still are
    Findings failures;
  };
  Results results() const;
  // The highest revision that the node has shown.
  int64_t shown_revision() const;

  const std::string& node_id() const { return options_.node_id; }

 private:
  ProxyReader(Options options, std::unique_ptr<rpc::ChannelCache> kept,
              std::unique_ptr<rpc::ChannelCache> fresh);
  void Run();
  void ReadOnce(bool on_fresh_connection);

  enum class State { kReading, kSuspended, kStopped };

  const Options options_;
  const std::unique_ptr<rpc::ChannelCache> kept_;
  const std::unique_ptr<rpc::ChannelCache> fresh_;
  const std::unique_ptr<Random> random_;  // of the thread
  const absl::Duration began_;

  mutable Mutex mu_;
  CondVar changed_cv_;
  State state_ ABSL_GUARDED_BY(mu_) = State::kReading;
  int64_t spell_ ABSL_GUARDED_BY(mu_) = 0;  // of reading, between suspensions
  Results results_ ABSL_GUARDED_BY(mu_);
  int64_t shown_ ABSL_GUARDED_BY(mu_) = 0;

  std::thread thread_;
};

}  // namespace holdfast::drill
