#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/executor.h"
#include "base/offload.h"
#include "base/position.h"
#include "holdfast/v1/admin.pb.h"
#include "replication/handshake.h"
#include "replication/lifetime.h"
#include "replication/recent_records.h"
#include "replication/transport.h"
#include "storage/store.h"

namespace holdfast::replication {

class Sender;

// What the senders of a node ask of it. Strand.
class SenderHost {
 public:
  virtual ~SenderHost() = default;

  // Decides the hello and acts on what it taught (R17) before it returns.
  virtual HandshakeVerdict OnHello(const v1::FollowHello& hello) = 0;
  // Cluster, stream, primary, path and reconnection hints.
  virtual void FillVerdict(v1::FollowVerdict* verdict) = 0;
  // The last position that may be sent (R8, R12) and what is known committed.
  virtual Position SendableEnd() = 0;
  virtual Position Committed() = 0;
  // The bound of what this node shows; nullopt if it knows none.
  virtual std::optional<absl::Duration> OwnStaleness() = 0;
  // `sender`'s follower holds `held` (compared with this log) durably.
  virtual void OnHolds(Sender* sender, uint64_t stream_epoch, const Position& held,
                       Revision durable_committed) = 0;
  // The stream is over; `sender` may be forgotten.
  virtual void OnSenderClosed(Sender* sender) = 0;
};

// Feeds one follower: answers its hello, sends records in pipelined batches bounded by what it has not yet
// acknowledged, tells the commit position as soon as it moves, and answers each probe with a heartbeat. One
// strand; shared with the object that the transport holds, so that the stream outlives it. After End or
// OnClosed it does nothing more.
class Sender : public std::enable_shared_from_this<Sender> {
 public:
  struct Options {
    storage::Store* store = nullptr;  // these must outlive the sender
    Executor* strand = nullptr;
    Offload* offload = nullptr;
    Clock* clock = nullptr;
    const RecentRecords* recent = nullptr;
    SenderHost* host = nullptr;
    absl::Duration heartbeat_interval;
  };

  Sender(const Options& options, std::unique_ptr<StreamEnd<v1::FollowResponse>> stream);

  // What the transport gives its messages to. Call once.
  std::unique_ptr<StreamEvents<v1::FollowRequest>> MakeEvents();

  // The log grew (or was cut: then End it instead).
  void OnAppended() { Pump(); }
  void OnCommitMoved();
  // Ends the stream with `status`; the host hears nothing.
  void End(const absl::Status& status);

  const v1::FollowHello& hello() const { return hello_; }
  bool greeted() const { return state_ != State::kGreeting; }
  bool streaming() const { return state_ == State::kStreaming; }
  v1::FollowerStatus Status() const;

 private:
  class Events;
  enum class State { kGreeting, kStreaming, kQuiet, kClosed };
  struct InFlight {
    Revision last;
    size_t bytes;
  };

  void OnMessage(v1::FollowRequest message);
  void OnClosed();
  void OnHello(v1::FollowHello hello);
  void OnAck(const v1::FollowAck& ack);
  void Pump();
  void ReadFromDatabase();
  void SendBatch(const std::vector<storage::LogRecordPtr>& records);
  void SendHeartbeat();
  void Tick();
  // Ends the stream and tells the host.
  void Fail(const absl::Status& status);

  const Options options_;
  const std::unique_ptr<StreamEnd<v1::FollowResponse>> stream_;
  const Lifetime lifetime_;
  State state_ = State::kGreeting;
  v1::FollowHello hello_;
  uint64_t stream_epoch_ = 0;
  Position sent_;
  Revision committed_sent_;
  std::deque<InFlight> in_flight_;
  size_t in_flight_bytes_ = 0;
  bool reading_ = false;
  uint64_t echo_ = 0;    // the highest probe seen
  uint64_t echoed_ = 0;  // and answered
  v1::FollowAck last_ack_;
  absl::Duration last_heard_;
  absl::Duration last_heartbeat_;
};

}  // namespace holdfast::replication
