#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/position.h"
#include "replication/freshness.h"
#include "replication/lifetime.h"
#include "replication/pin_schedule.h"
#include "replication/reconnect.h"
#include "replication/replica.h"
#include "replication/snapshot_fetcher.h"
#include "replication/stream_appender.h"
#include "replication/stream_gate.h"
#include "replication/transport.h"

namespace holdfast::replication {

// What a follower asks of its node. Strand.
class FollowerHost {
 public:
  virtual ~FollowerHost() = default;

  virtual std::vector<UpstreamPolicy::Candidate> Candidates() = 0;
  // The upstream that was chosen by hand; nullopt without one, and while the protocol does not allow it (a
  // voter follows the primary itself).
  virtual std::optional<UpstreamPolicy::Candidate> Pinned() = 0;
  virtual bool IsVoterNow() const = 0;
  virtual v1::FollowHello MakeHello() = 0;
  // R11: makes the promise that following `stream` is, and the cluster, durable before anything of the stream
  // is used.
  virtual absl::Status Admit(const StreamIdentity& stream, const std::string& cluster_id) = 0;
  // What this node durably knows to be committed (R21); makes it durable first where a rule has just become
  // visible.
  virtual Position DurableCommitted() = 0;
  // The upstream, its stream or its path has changed, or what the node does (for view()).
  virtual void OnUpstreamChanged() = 0;
  // What readers have seen is about to be cut (q = 0 or an override): the bound spoke of another history.
  virtual void ForgetBound() = 0;
  // More of the stream is verified, or visible: senders may go on.
  virtual void OnProgress() = 0;
  // The repair is over: the log is whole again. The damaged file is kept as `kept_as`.
  virtual void OnRepaired(const std::string& kept_as) = 0;
  // DIVERGED, CHAIN_BROKEN, UNKNOWN_RECORD: the node must stop serving.
  virtual void Halt(const absl::Status& status) = 0;
};

// Follows one upstream at a time: connects with jittered back-off, says hello, does as the verdict says,
// appends, acknowledges after its own sync, shows what is known committed (R14), measures freshness, and
// takes snapshots while the old copy serves. One strand.
class Follower : private StreamEvents<v1::FollowResponse> {
 public:
  // `options` and what it points to, and `host`, must outlive this.
  Follower(const Replica::Options& options, FollowerHost* host);
  ~Follower() override;

  void Start();
  // Drops the stream; nothing happens until Start.
  void Stop();
  // What the node has promised has changed: the stream is decided anew, at once.
  void Reconsider();
  // Whoever is at `address` feeds, or will: tried at once, unless that is being done or a snapshot is taken.
  void Hurry(const std::string& address);
  // Another upstream was chosen by hand, or none any more: decided anew, at once, on what has been promised
  // as ever.
  void OnPinChanged();
  // Why the upstream that was chosen by hand did not feed this node when it was tried or asked last.
  const std::string& pin_says() const { return pin_says_; }
  // Damage was found: takes a snapshot from whoever has one, however far it reaches (the incarnation is new
  // already).
  void StartRepair();
  bool repairing() const { return repairing_; }

  bool streaming() const { return state_ == State::kStreaming; }
  // The stream that is or was followed last; its path from the upstream to the primary, nearest first.
  const std::optional<StreamIdentity>& stream() const { return identity_; }
  const std::vector<std::string>& fed_through() const { return fed_through_; }
  const v1::FollowVerdict& verdict() const { return verdict_; }
  Position verified() const { return appender_.verified(); }
  // The highest position known committed that is verified against the stream.
  Position KnownCommitted() const;
  // Is all that is shown here of the stream that is or was followed last? Not before the tail that conflicts
  // with it is cut: the verdict alone cuts nothing (R13).
  bool ShowsItsStream() const;
  std::optional<absl::Duration> FreshAt() const { return freshness_.FreshAt(); }
  // SinceBoot, when the upstream sent something last.
  absl::Duration heard_at() const { return last_heard_; }
  void OnVisible(Revision visible) { freshness_.OnVisible(visible); }
  void ForgetFreshness() { freshness_.Reset(); }
  const std::string& activity() const { return activity_; }

 private:
  enum class State { kStopped, kWaiting, kGreeting, kStreaming, kQuiet, kSnapshot };

  // follower.cc: connections.
  void Connect();
  void ConnectLater();
  void LookElsewhere();
  void Drop(const absl::Status& why);
  void Tick();
  void LookUpstream();
  absl::Duration RelayPatience() const;
  void TendPin(absl::Duration now);
  void AskPin(const UpstreamPolicy::Candidate& pin);
  void OnPinFailed(absl::string_view why);
  std::optional<std::string> Unsatisfying(absl::Duration now);
  void TakeSnapshot();
  void OnSnapshot(absl::StatusOr<SnapshotFetcher::Fetched> fetched);
  void OnInstalled(const absl::StatusOr<std::string>& kept_as);
  // The name that a damaged file keeps; empty if nothing was damaged.
  absl::StatusOr<std::string> Install(const SnapshotFetcher::Fetched& fetched);
  SnapshotTaker Taker() const;
  void SetActivity(std::string activity);

  // follower_stream.cc: messages.
  void OnMessage(v1::FollowResponse message) override;
  void OnClosed(const absl::Status& status) override;
  void OnVerdict(v1::FollowVerdict verdict);
  void BeginStream(const Position& ancestor);
  void OnRecords(const v1::FollowRecords& records);
  void OnHeartbeat(const v1::FollowHeartbeat& heartbeat);
  void TellProgress();
  void LearnCommitted(const v1::LogPosition& committed);
  // Says that `held` is durable here.
  void SendAck(bool probe, const Position& held);

  const Replica::Options& options_;
  FollowerHost* const host_;
  StreamAppender appender_;
  Freshness freshness_;
  Reconnect reconnect_;
  Lifetime attempt_;  // renewed with each attempt
  State state_ = State::kStopped;
  std::string address_;
  std::unique_ptr<StreamEnd<v1::FollowRequest>> stream_;
  std::unique_ptr<SnapshotFetcher> fetcher_;
  std::string incarnation_;  // said in the hello
  v1::FollowVerdict verdict_;
  std::optional<StreamIdentity> identity_;
  std::vector<std::string> fed_through_;
  std::vector<std::string> hints_;
  Position committed_;
  absl::Duration last_heard_;
  absl::Duration connected_at_;
  PinSchedule pin_schedule_;
  bool on_pin_ = false;     // the present attempt or stream is with the upstream that was chosen by hand
  bool pin_asked_ = false;  // whether it would feed; the answer is to come
  std::string pin_says_;
  int failed_ = 0;
  int relayed_ = 0;  // returns to the primary in vain since it was followed last
  bool repairing_ = false;
  std::string activity_;
};

}  // namespace holdfast::replication
