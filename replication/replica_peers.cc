// What other nodes ask of a replica: to be fed, to lend a snapshot, to promise.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "base/mutants.h"
#include "base/status_macros.h"
#include "replication/errors.h"
#include "replication/promise_book.h"
#include "replication/replica_impl.h"
#include "replication/store_log.h"
#include "storage/proto_time.h"
#include "storage/record_codec.h"

namespace holdfast::replication {
namespace {

// So much time for each follower that will come back, that they do not come together.
constexpr absl::Duration kWindowPerFollower = absl::Milliseconds(20);

}  // namespace

std::unique_ptr<StreamEvents<v1::FollowRequest>> ReplicaImpl::AcceptFollow(
    std::unique_ptr<StreamEnd<v1::FollowResponse>> stream) {
  Sender::Options options;
  options.store = options_.store;
  options.strand = options_.strand;
  options.offload = options_.feeding();
  options.clock = options_.clock;
  options.recent = &recent_;
  options.host = this;
  options.heartbeat_interval = options_.heartbeat_interval;
  auto sender = std::make_shared<Sender>(options, std::move(stream));
  std::unique_ptr<StreamEvents<v1::FollowRequest>> events = sender->MakeEvents();
  if (role_ == Role::kStopped || senders_.size() >= kMaxNodes) {
    sender->End(StoppingError({}));
  } else {
    senders_.push_back(std::move(sender));
  }
  return events;
}

UpstreamState::Standing ReplicaImpl::StandingNow() const {
  switch (role_) {
    case Role::kPrimary:
      return UpstreamState::kPrimary;
    case Role::kRecovering:
    case Role::kSuspended:
      return UpstreamState::kSuspended;
    case Role::kFenced:
      return UpstreamState::kFenced;
    case Role::kFollower:
      if (!FollowedStream()) return UpstreamState::kNoStream;
      return follower_.streaming() ? UpstreamState::kRelay : UpstreamState::kUnfed;
    default:
      return UpstreamState::kNoStream;
  }
}

// The stream that this follower may pass on: what it follows or, after a restart, what its log and its
// promise agree on (R12).
std::optional<StreamIdentity> ReplicaImpl::FollowedStream() const {
  std::optional<StreamIdentity> stream = follower_.stream();
  if (!stream) {
    const std::optional<storage::Milestone> newest = NewestEpoch(*options_.store);
    if (!newest || !newest->epoch) return std::nullopt;
    stream = StreamIdentity{newest->position.revision.epoch(), newest->epoch->node_id(),
                            newest->epoch->incarnation()};
  }
  if (!IsPromisedTo(options_.store->node().promise(), *stream)) return std::nullopt;
  return stream;
}

StreamIdentity ReplicaImpl::OwnStream() const {
  if (IsFollowing()) return FollowedStream().value_or(StreamIdentity());
  return {own_epoch_, options_.node_id, options_.store->node().identity().incarnation};
}

HandshakeVerdict ReplicaImpl::OnHello(const v1::FollowHello& hello) {
  UpstreamState state;
  state.standing = StandingNow();
  state.cluster_id = options_.store->node().identity().cluster_id;
  state.node_id = options_.node_id;
  state.stream = OwnStream();
  if (IsFollowing()) state.fed_through = follower_.fed_through();
  state.has_committed = !options_.store->visible().revision.is_zero();
  state.follower_is_member = inventory_.FindToVote(hello.node_id()) != nullptr;
  const Position end = SendableEnd();
  HandshakeVerdict verdict =
      DecideHandshake(hello, state, HistoryOf(*options_.store, end.revision), StoreLog(options_.store, end));
  const uint64_t record_epoch = Revision(hello.appended().revision()).epoch();
  // What is known already ends no streams again.
  const bool is_news =
      verdict.learned == HandshakeVerdict::kHigherEpoch ? role_ != Role::kFenced : role_ != Role::kSuspended;
  switch (is_news ? verdict.learned : HandshakeVerdict::kNothing) {
    case HandshakeVerdict::kNothing:
      break;
    case HandshakeVerdict::kHigherPromise:
      // A hand-over that got no further than this: promised on, it is taken back like one that did (F7, R2).
      NoteHandOver(hello.promise());
      LosePrimary(Role::kSuspended, hello.promise().epoch(),
                  absl::StrCat("suspended: '", hello.node_id(), "' has promised epoch ",
                               hello.promise().epoch(), " to '", hello.promise().candidate_node_id(), "'"));
      break;
    case HandshakeVerdict::kHigherEpoch:
      LosePrimary(Role::kFenced, record_epoch,
                  absl::StrCat("fenced: '", hello.node_id(), "' has records of epoch ", record_epoch));
      break;
    case HandshakeVerdict::kOwnEpochAhead:
      LosePrimary(Role::kSuspended, own_epoch_,
                  absl::StrCat("suspended: '", hello.node_id(), "' holds more of epoch ", own_epoch_,
                               " than this node: its log has lost its end, and only a new epoch can go on"));
      break;
  }
  return verdict;
}

// Without a disk to write it to, a person takes the role back.
void ReplicaImpl::NoteHandOver(const v1::EpochPromise& promise) {
  if (!HandsOver(promise, options_.node_id, own_epoch_)) return;
  storage::NodeStore& node = options_.store->node();
  const absl::StatusOr<PromiseDecision> decision =
      DecidePromise(node.promise(), options_.store->appended().revision.epoch(), promise);
  if (decision.ok() && *decision == PromiseDecision::kStore) node.StorePromise(promise).IgnoreError();
}

void ReplicaImpl::FillVerdict(v1::FollowVerdict* verdict) {
  const StreamIdentity stream = OwnStream();
  verdict->set_cluster_id(options_.store->node().identity().cluster_id);
  verdict->set_stream_epoch(stream.epoch);
  verdict->set_primary_node_id(stream.primary_node_id);
  verdict->set_primary_incarnation(stream.primary_incarnation);
  verdict->add_fed_through(options_.node_id);
  if (IsFollowing()) {
    verdict->set_primary_client_address(follower_.verdict().primary_client_address());
    verdict->set_primary_peer_address(follower_.verdict().primary_peer_address());
    verdict->mutable_fed_through()->Add(follower_.fed_through().begin(), follower_.fed_through().end());
  } else {
    verdict->set_primary_client_address(options_.client_address);
    verdict->set_primary_peer_address(options_.peer_address);
  }
  const absl::Duration window =
      std::min(kMaxReconnectWindow, kWindowPerFollower * static_cast<int64_t>(senders_.size()));
  storage::FillDuration(window, verdict->mutable_reconnect_window());
}

// The bound speaks of what is shown here. A relay that has changed its upstream may show more than it can
// pass on yet: whoever gets less must not take it for as fresh.
std::optional<absl::Duration> ReplicaImpl::OwnStaleness() {
  if (Committed().revision < options_.store->visible().revision) return std::nullopt;
  return Staleness();
}

// R8, R12: what is durable here; of a relay what is verified against its stream. What it has shown beyond
// that may be a branch that the stream is about to cut, also when the stream ends before it does.
Position ReplicaImpl::SendableEnd() {
  if (!IsFollowing()) return options_.store->appended();
  const bool is_one_branch = !follower_.streaming() && follower_.ShowsItsStream();
  return is_one_branch ? options_.store->visible() : follower_.verified();
}

Position ReplicaImpl::Committed() {
  const Position visible = options_.store->visible();
  if (!IsFollowing() || visible.revision <= SendableEnd().revision) return visible;
  return follower_.KnownCommitted();
}

void ReplicaImpl::OnSenderClosed(Sender* sender) {
  std::erase_if(senders_, [sender](const std::shared_ptr<Sender>& other) { return other.get() == sender; });
}

// A copy: a sender that ends takes itself off the list.
void ReplicaImpl::ForEachSender(const std::function<void(Sender&)>& visit) {
  const std::vector<std::shared_ptr<Sender>> senders = senders_;
  for (const std::shared_ptr<Sender>& sender : senders) visit(*sender);
}

void ReplicaImpl::EndSenders(const absl::Status& status) {
  std::vector<std::shared_ptr<Sender>> senders;
  senders.swap(senders_);
  for (const std::shared_ptr<Sender>& sender : senders) sender->End(status);
}

absl::StatusOr<std::unique_ptr<PeerService::SnapshotSource>> ReplicaImpl::AcceptFetchSnapshot(
    const v1::FetchSnapshotRequest& request) {
  const std::string& own = options_.store->node().identity().cluster_id;
  const UpstreamState::Standing standing = StandingNow();
  if (standing == UpstreamState::kFenced)
    return FencedError(options_.node_id, other_epoch_, view().primary_client_address);
  if (standing == UpstreamState::kSuspended) return SuspendedError(options_.node_id, other_epoch_);
  if (standing == UpstreamState::kNoStream) return NoUpstreamError(options_.node_id);
  if (!request.cluster_id().empty() && request.cluster_id() != own)
    return WrongClusterError(own, request.cluster_id());
  // An operator who saves a copy names no node: nothing will follow from it.
  if (!request.node_id().empty() && inventory_.FindToVote(request.node_id()) == nullptr) {
    return NotAMemberError(request.node_id());
  }
  if (IsFollowing() && !follower_.ShowsItsStream()) return NoUpstreamError(options_.node_id);
  HF_RETURN_IF_ERROR(AdmitStream(request.promise(), OwnStream()).status());
  // R15: committed records, or from the primary itself its own log up to its end, to a follower alone.
  const Revision visible = options_.store->visible().revision;
  const bool is_own_log = role_ == Role::kPrimary || MutantActive(Mutant::kRelayLendsTail);
  const bool may_have_tail =
      is_own_log && request.takes_tail() && !request.node_id().empty() && !visible.is_zero();
  const Revision end = may_have_tail ? options_.store->appended().revision : visible;
  if (Revision(request.appended().revision()) >= end && !MutantActive(Mutant::kSnapshotBelowOwn))
    return NotCaughtUpError(options_.node_id, visible);
  return copies_.Serve(request, OwnStream(), may_have_tail);
}

absl::StatusOr<v1::PromiseResponse> ReplicaImpl::AcceptPromise(const v1::PromiseRequest& request) {
  storage::NodeStore& node = options_.store->node();
  const std::string& own = node.identity().cluster_id;
  if (!own.empty() && !request.cluster_id().empty() && request.cluster_id() != own) {
    return WrongClusterError(own, request.cluster_id());
  }
  if (!request.inspect()) {
    if (role_ == Role::kHalted) return halted_;
    HF_RETURN_IF_ERROR(not_begun_);
    if (role_ == Role::kStopped) return StoppingError({});
    if (request.cluster_id().empty()) return InvalidMessageError("cluster_id", "a candidate must name it");
    const uint64_t log_epoch = options_.store->appended().revision.epoch();
    HF_ASSIGN_OR_RETURN(const PromiseDecision decision,
                        DecidePromise(node.promise(), log_epoch, request.promise()));
    if (decision == PromiseDecision::kStore) {
      // A voter that the primary never reached: a promise quorum may need it, and nobody could feed it before
      // there is a primary again. It joins as it would by following.
      if (own.empty()) HF_RETURN_IF_ERROR(node.JoinCluster(request.cluster_id()));
      HF_RETURN_IF_ERROR(HOLDFAST_FAILPOINT_STATUS("promise.before-store"));
      HF_RETURN_IF_ERROR(node.StorePromise(request.promise()));
      HOLDFAST_FAILPOINT("promise.after-store");
      // From here on nothing of a lower epoch is done (R11, R12, R17).
      if (MutantActive(IsFollowing() ? Mutant::kStreamOutlivesPromise : Mutant::kPrimaryIgnoresPromise)) {
        // goes on as if nothing had been promised
      } else if (IsFollowing()) {
        EndSenders(NoUpstreamError(options_.node_id));
        copies_.EndAll(options_.store->visible().revision);
        follower_.Reconsider();
      } else {
        const bool fenced = role_ == Role::kFenced;
        LosePrimary(
            fenced ? Role::kFenced : Role::kSuspended, request.promise().epoch(),
            absl::StrCat(fenced ? "fenced: " : "suspended: ", "has promised epoch ",
                         request.promise().epoch(), " to '", request.promise().candidate_node_id(), "'"));
      }
    } else if (IsFollowing() && follower_.stream() !=
                                    StreamIdentity{node.promise().epoch(), node.promise().candidate_node_id(),
                                                   node.promise().candidate_incarnation()}) {
      // Its candidate has become primary, or asks for those who have not come yet.
      const v1::NodeInfo* const candidate = inventory_.FindToVote(node.promise().candidate_node_id());
      if (candidate != nullptr) follower_.Hurry(candidate->peer_address());
    }
  }
  return Answer(request.describe_log());
}

}  // namespace holdfast::replication
