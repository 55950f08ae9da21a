#include "replication/sender.h"

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "base/limits.h"
#include "replication/errors.h"
#include "replication/store_log.h"
#include "storage/proto_time.h"
#include "storage/record_codec.h"

namespace holdfast::replication {
namespace {

// A follower that says nothing for so long is gone, whatever its connection looks like.
constexpr absl::Duration kFollowerSilence = absl::Seconds(12);
constexpr absl::Duration kRetryRead = absl::Milliseconds(50);

}  // namespace

// The transport's end: keeps the sender, and with it the stream, until the transport lets go.
class Sender::Events : public StreamEvents<v1::FollowRequest> {
 public:
  explicit Events(std::shared_ptr<Sender> sender) : sender_(std::move(sender)) {}
  ~Events() override { sender_->OnClosed(); }

  void OnMessage(v1::FollowRequest message) override { sender_->OnMessage(std::move(message)); }
  void OnClosed(const absl::Status&) override { sender_->OnClosed(); }

 private:
  const std::shared_ptr<Sender> sender_;
};

Sender::Sender(const Options& options, std::unique_ptr<StreamEnd<v1::FollowResponse>> stream)
    : options_(options),
      stream_(std::move(stream)),
      last_heard_(options.clock->SinceBoot()),
      last_heartbeat_(last_heard_ - options.heartbeat_interval) {
  options_.strand->PostAfter(options_.heartbeat_interval, lifetime_.Wrap([this] { Tick(); }));
}

std::unique_ptr<StreamEvents<v1::FollowRequest>> Sender::MakeEvents() {
  return std::make_unique<Events>(shared_from_this());
}

void Sender::OnMessage(v1::FollowRequest message) {
  if (state_ == State::kClosed) return;
  last_heard_ = options_.clock->SinceBoot();
  const bool first = state_ == State::kGreeting;
  if (message.has_hello() != first)
    return Fail(InvalidMessageError("kind", "the hello comes first, and once"));
  if (first) return OnHello(std::move(*message.mutable_hello()));
  if (message.has_ack()) OnAck(message.ack());
}

void Sender::OnClosed() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  options_.host->OnSenderClosed(this);
}

void Sender::End(const absl::Status& status) {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  stream_->Close(status);
}

void Sender::Fail(const absl::Status& status) {
  End(status);
  options_.host->OnSenderClosed(this);
}

void Sender::OnHello(v1::FollowHello hello) {
  hello_ = std::move(hello);
  HandshakeVerdict verdict = options_.host->OnHello(hello_);
  if (state_ == State::kClosed) return;  // what the hello taught has ended every stream
  if (!verdict.refusal.ok()) return Fail(verdict.refusal);
  v1::FollowResponse response;
  v1::FollowVerdict& message = *response.mutable_verdict();
  options_.host->FillVerdict(&message);
  message.set_decision(verdict.decision);
  *message.mutable_ancestor() = storage::ToProto(verdict.ancestor);
  if (verdict.conflict) *message.mutable_conflict() = storage::ToProto(*verdict.conflict);
  stream_epoch_ = message.stream_epoch();
  sent_ = verdict.ancestor;
  stream_->Send(std::move(response));
  switch (verdict.decision) {
    case v1::FOLLOW_DECISION_CONTINUE:
    case v1::FOLLOW_DECISION_REWIND:
      state_ = State::kStreaming;
      return Pump();  // the follower's first acknowledgement is answered with a heartbeat

    case v1::FOLLOW_DECISION_SUSPENDED:
      state_ = State::kQuiet;
      return;
    default:
      return Fail(absl::OkStatus());
  }
}

void Sender::OnAck(const v1::FollowAck& ack) {
  // Of another incarnation or another stream: late, and about another log (R12).
  if (ack.incarnation() != hello_.incarnation() || ack.stream_epoch() != stream_epoch_) return;
  const absl::StatusOr<Position> held = storage::FromProto(ack.appended());
  if (!held.ok()) return Fail(held.status());
  const Position end = options_.host->SendableEnd();
  if (held->revision <= end.revision && !StoreLog(options_.store, end).Has(*held)) {
    return Fail(DivergedError(held->revision, "the follower acknowledges a record that is not in this log"));
  }
  last_ack_ = ack;
  while (!in_flight_.empty() && in_flight_.front().last <= held->revision) {
    in_flight_bytes_ -= in_flight_.front().bytes;
    in_flight_.pop_front();
  }
  echo_ = std::max(echo_, ack.probe());
  if (held->revision <= end.revision && state_ == State::kStreaming) {
    options_.host->OnHolds(this, ack.stream_epoch(), *held, Revision(ack.durable_committed().revision()));
  }
  if (state_ == State::kClosed) return;
  // A probe is answered at once: that keeps the follower's bound near one interval and one way there and
  // back.
  if (ack.probe() > echoed_) SendHeartbeat();
  Pump();
}

void Sender::Pump() {
  while (state_ == State::kStreaming && !reading_ && in_flight_bytes_ < kMaxUnackedBytesPerFollower) {
    const Revision end = options_.host->SendableEnd().revision;
    if (sent_.revision >= end) return;
    const auto records = options_.recent->Read(sent_.revision, end);
    if (!records) return ReadFromDatabase();
    SendBatch(*records);
  }
}

void Sender::ReadFromDatabase() {
  reading_ = true;
  using Result = absl::StatusOr<std::vector<storage::LogRecordPtr>>;
  auto result = std::make_shared<Result>(std::vector<storage::LogRecordPtr>());
  storage::Store* const store = options_.store;
  const Revision after = sent_.revision;
  const Revision end = options_.host->SendableEnd().revision;
  const bool accepted = options_.offload->Run(
      [result, store, after, end] {
        *result = store->log().ReadAfter(after, end, kMaxRecordsPerMessage, kMaxRecordBytesPerMessage);
      },
      lifetime_.Wrap([this, result] {
        reading_ = false;
        if (state_ != State::kStreaming) return;
        if (!result->ok()) return Fail(result->status());
        if ((*result)->empty()) return;
        SendBatch(**result);
        Pump();
      }));
  if (accepted) return;
  options_.strand->PostAfter(kRetryRead, lifetime_.Wrap([this] {
    reading_ = false;
    Pump();
  }));
}

void Sender::SendBatch(const std::vector<storage::LogRecordPtr>& records) {
  if (records.front()->previous != sent_.chain_hash) {
    return Fail(BrokenChainError(records.front()->position.revision, "this log was cut while it was sent"));
  }
  v1::FollowResponse response;
  v1::FollowRecords& batch = *response.mutable_records();
  batch.set_previous_chain_hash(sent_.chain_hash.view().data(), sent_.chain_hash.view().size());
  size_t bytes = 0;
  for (const storage::LogRecordPtr& record : records) {
    batch.add_records(record->bytes);
    bytes += record->bytes.size();
  }
  const Position committed = options_.host->Committed();
  *batch.mutable_committed() = storage::ToProto(committed);
  committed_sent_ = committed.revision;
  sent_ = records.back()->position;
  in_flight_.push_back({sent_.revision, bytes});
  in_flight_bytes_ += bytes;
  stream_->Send(std::move(response));
}

void Sender::OnCommitMoved() {
  if (state_ != State::kStreaming || options_.host->Committed().revision <= committed_sent_) return;
  SendHeartbeat();
}

void Sender::SendHeartbeat() {
  v1::FollowResponse response;
  v1::FollowHeartbeat& heartbeat = *response.mutable_heartbeat();
  const Position committed = options_.host->Committed();
  *heartbeat.mutable_committed() = storage::ToProto(committed);
  heartbeat.set_echo(echo_);
  *heartbeat.mutable_appended() = storage::ToProto(options_.host->SendableEnd());
  const std::optional<absl::Duration> staleness = options_.host->OwnStaleness();
  if (state_ == State::kStreaming && staleness)
    storage::FillDuration(*staleness, heartbeat.mutable_upstream_staleness());
  committed_sent_ = committed.revision;
  echoed_ = echo_;
  last_heartbeat_ = options_.clock->SinceBoot();
  stream_->Send(std::move(response));
}

void Sender::Tick() {
  if (state_ == State::kClosed) return;
  const absl::Duration now = options_.clock->SinceBoot();
  if (now - last_heard_ > kFollowerSilence) return Fail(SilentPeerError(now - last_heard_));
  if (state_ != State::kGreeting && now - last_heartbeat_ >= options_.heartbeat_interval) SendHeartbeat();
  options_.strand->PostAfter(options_.heartbeat_interval, lifetime_.Wrap([this] { Tick(); }));
}

v1::FollowerStatus Sender::Status() const {
  v1::FollowerStatus status;
  status.set_node_id(hello_.node_id());
  status.set_incarnation(hello_.incarnation());
  *status.mutable_appended() = last_ack_.appended();
  *status.mutable_visible() = last_ack_.visible();
  const uint64_t end = options_.host->SendableEnd().revision.index();
  const uint64_t held = Revision(last_ack_.appended().revision()).index();
  status.set_lag_records(end > held ? static_cast<int64_t>(end - held) : 0);
  storage::FillDuration(options_.clock->SinceBoot() - last_heard_, status.mutable_last_heard());
  return status;
}

}  // namespace holdfast::replication
