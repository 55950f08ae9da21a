// What a follower does with the messages of its upstream.
#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/error.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "base/mutants.h"
#include "replication/errors.h"
#include "replication/follower.h"
#include "replication/store_log.h"
#include "storage/proto_time.h"
#include "storage/record_codec.h"

namespace holdfast::replication {
namespace {

constexpr size_t kMaxHints = 16;

template <typename Strings>
std::vector<std::string> TakeHints(const Strings& addresses) {
  std::vector<std::string> hints;
  for (const auto& address : addresses) {
    if (!address.empty() && hints.size() < kMaxHints) hints.emplace_back(address);
  }
  return hints;
}

// Where the log would end after this batch.
Position EndOf(const v1::FollowRecords& records) {
  Position end{Revision(), ChainHash::FromBytes(records.previous_chain_hash()).value_or(ChainHash())};
  for (const std::string& bytes : records.records()) {
    const absl::StatusOr<v1::Record> record = storage::DecodeRecord(bytes);
    if (record.ok()) end = {Revision(record->revision()), NextChainHash(end.chain_hash, bytes)};
  }
  return end;
}

}  // namespace

void Follower::OnMessage(v1::FollowResponse message) {
  last_heard_ = options_.clock->SinceBoot();
  switch (message.kind_case()) {
    case v1::FollowResponse::kVerdict:
      if (state_ != State::kGreeting) return Drop(InvalidMessageError("verdict", "given twice"));
      return OnVerdict(std::move(*message.mutable_verdict()));
    case v1::FollowResponse::kRecords:
      if (state_ == State::kStreaming) return OnRecords(message.records());
      return Drop(InvalidMessageError("records", "without a verdict that announced them"));
    case v1::FollowResponse::kHeartbeat:
      return OnHeartbeat(message.heartbeat());
    default:
      return;  // of a newer release
  }
}

void Follower::OnClosed(const absl::Status& status) {
  if (state_ == State::kStreaming) reconnect_.Spread(storage::DurationOf(verdict_.reconnect_window()));
  if (const std::string addresses = DetailOf(status, "try_address"); !addresses.empty()) {
    hints_ = TakeHints(std::vector<std::string>(absl::StrSplit(addresses, ',')));
  }
  if (!status.ok() && ReasonOf(status) != "UNREACHABLE") LookElsewhere();
  // A suspended primary that ends its quiet streams has something new to say.
  if (state_ == State::kQuiet) failed_ = std::max(failed_ - 1, -1);
  Drop(status);
}

void Follower::OnVerdict(v1::FollowVerdict verdict) {
  const std::string& own_cluster = options_.store->node().identity().cluster_id;
  if (!own_cluster.empty() && verdict.cluster_id() != own_cluster) {
    return Drop(WrongClusterError(own_cluster, verdict.cluster_id()));
  }
  if (std::count(verdict.fed_through().begin(), verdict.fed_through().end(), options_.node_id) > 0) {
    return Drop(FollowLoopError({verdict.fed_through().begin(), verdict.fed_through().end()}));
  }
  if (verdict.try_addresses_size() > 0) hints_ = TakeHints(verdict.try_addresses());
  const v1::FollowDecision decision = verdict.decision();
  if (decision == v1::FOLLOW_DECISION_FENCED) {
    return Drop(
        FencedError(verdict.primary_node_id(), verdict.stream_epoch(), verdict.primary_peer_address()));
  }
  if (decision == v1::FOLLOW_DECISION_SNAPSHOT) return TakeSnapshot();
  const StreamIdentity stream{verdict.stream_epoch(), verdict.primary_node_id(),
                              verdict.primary_incarnation()};
  if (decision == v1::FOLLOW_DECISION_SUSPENDED) {
    const auto admitted = AdmitStream(options_.store->node().promise(), stream);
    if (!admitted.ok()) return Drop(admitted.status());
    verdict_ = std::move(verdict);
    state_ = State::kQuiet;
    return SetActivity(
        absl::StrCat("waits: the primary ", verdict_.primary_node_id(), " admits nothing for now"));
  }
  if (decision != v1::FOLLOW_DECISION_CONTINUE && decision != v1::FOLLOW_DECISION_REWIND) {
    return Drop(InvalidMessageError("verdict", "a decision that this release does not know"));
  }
  const absl::StatusOr<Position> ancestor = storage::FromProto(verdict.ancestor());
  if (!ancestor.ok()) return Drop(ancestor.status());
  const Position appended = options_.store->appended();
  if (!StoreLog(options_.store, appended).Has(*ancestor)) {
    return Drop(
        BrokenChainError(ancestor->revision, "the upstream begins where this log has no such record"));
  }
  if (ancestor->revision.is_zero() && !appended.revision.is_zero()) {
    return Drop(BrokenChainError(Revision(), "the upstream has no record in common with this log"));
  }
  if (absl::Status admitted = host_->Admit(stream, verdict.cluster_id()); !admitted.ok())
    return Drop(admitted);
  verdict_ = std::move(verdict);
  identity_ = stream;
  BeginStream(*ancestor);
}

void Follower::BeginStream(const Position& ancestor) {
  state_ = State::kStreaming;
  failed_ = 0;
  if (on_pin_) pin_says_.clear();
  if (verdict_.fed_through_size() <= 1) {
    relayed_ = 0;
  } else {
    options_.strand->PostAfter(RelayPatience(), attempt_.Wrap([this] { LookUpstream(); }));
  }
  committed_ = Position();
  connected_at_ = options_.clock->SinceBoot();
  fed_through_.assign(verdict_.fed_through().begin(), verdict_.fed_through().end());
  // What is cut is cut only when the conflicting record itself is here (R13): a verdict that nothing follows
  // cuts nothing.
  appender_.Begin(identity_->epoch, ancestor);
  SetActivity(absl::StrCat("follows ", fed_through_.empty() ? address_ : fed_through_.front()));
  host_->OnUpstreamChanged();
  SendAck(/*probe=*/true, appender_.verified());
}

void Follower::OnRecords(const v1::FollowRecords& records) {
  if (MutantActive(Mutant::kAckBeforeAppend)) SendAck(/*probe=*/false, EndOf(records));
  if (const absl::Status failed = HOLDFAST_FAILPOINT_STATUS("follow.before-append"); !failed.ok())
    return Drop(failed);
  const StreamAppender::Result result = appender_.Append(records);
  HOLDFAST_FAILPOINT("follow.after-append");
  switch (result.kind) {
    case StreamAppender::Result::kDone:
      break;
    case StreamAppender::Result::kNeedsSnapshot:
      return TakeSnapshot();
    case StreamAppender::Result::kHalt:
      return host_->Halt(result.status);
    default:
      return Drop(result.status);
  }
  // Written before the word is given, so that a log that has lost its end is noticed at the next start.
  if (absl::Status noted = options_.store->node().NoteAcknowledged(appender_.verified()); !noted.ok()) {
    return Drop(noted);
  }
  LearnCommitted(records.committed());
  if (state_ != State::kStreaming) return;
  SendAck(/*probe=*/false, appender_.verified());
  TellProgress();
}

void Follower::OnHeartbeat(const v1::FollowHeartbeat& heartbeat) {
  if (heartbeat.try_addresses_size() > 0) hints_ = TakeHints(heartbeat.try_addresses());
  if (state_ != State::kStreaming) return;
  LearnCommitted(heartbeat.committed());
  if (state_ != State::kStreaming) return;
  std::optional<absl::Duration> staleness;
  if (heartbeat.has_upstream_staleness()) staleness = storage::DurationOf(heartbeat.upstream_staleness());
  // A bound speaks of the stream's history; what is shown here must be of it.
  if (!ShowsItsStream()) staleness.reset();
  const uint64_t echo = MutantActive(Mutant::kFreshFromReceipt)
                            ? freshness_.NextProbe(options_.clock->SinceBoot())
                            : heartbeat.echo();
  freshness_.OnHeartbeat(echo, staleness, Revision(heartbeat.committed().revision()),
                         options_.store->visible().revision);
  TellProgress();
}

// A rule that has just become visible is made durable by the host; its primary waits to hear that (R21).
void Follower::TellProgress() {
  const Revision known_before = host_->DurableCommitted().revision;
  host_->OnProgress();
  if (state_ == State::kStreaming && host_->DurableCommitted().revision > known_before)
    SendAck(/*probe=*/false, appender_.verified());
}

// R14: shown is what is committed and verified against this stream; the store compares the hash once more.
void Follower::LearnCommitted(const v1::LogPosition& committed) {
  const absl::StatusOr<Position> position = storage::FromProto(committed);
  if (!position.ok()) return Drop(position.status());
  if (position->revision > committed_.revision) committed_ = *position;
  const Position known = MutantActive(Mutant::kShowPastCommit) ? appender_.verified() : KnownCommitted();
  if (known.revision <= options_.store->visible().revision) return;
  const absl::StatusOr<bool> advanced = options_.store->AdvanceVisible(known);
  if (!advanced.ok()) return Drop(advanced.status());
  if (!*advanced)
    Drop(BrokenChainError(known.revision, "what the upstream calls committed is not in this log"));
}

void Follower::SendAck(bool probe, const Position& held) {
  v1::FollowRequest request;
  v1::FollowAck& ack = *request.mutable_ack();
  ack.set_incarnation(incarnation_);
  ack.set_stream_epoch(identity_->epoch);
  *ack.mutable_appended() = storage::ToProto(held);
  const Position visible = options_.store->visible();
  *ack.mutable_visible() = storage::ToProto(visible);
  if (probe) {
    ack.set_probe(freshness_.NextProbe(options_.clock->SinceBoot()));
    if (visible == options_.store->appended()) ack.set_state_digest(options_.store->state_digest().ToBytes());
  }
  *ack.mutable_durable_committed() = storage::ToProto(host_->DurableCommitted());
  stream_->Send(std::move(request));
}

}  // namespace holdfast::replication
