#include "replication/follower.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/mutants.h"
#include "base/status_macros.h"
#include "replication/errors.h"
#include "replication/snapshot_admission.h"
#include "replication/store_log.h"
#include "replication/upstream_policy.h"
#include "storage/record_codec.h"
#include "storage/snapshot_chunks.h"

namespace holdfast::replication {
namespace {

// Who follows a relay tries the primary again after so long, and after twice as long each time that it was in
// vain; a relay that itself hears nothing is left after so long. Commits may wait for a voter, whose word
// counts in the primary's own stream only (R12).
constexpr absl::Duration kFirstRetryPrimary = absl::Seconds(1);
constexpr absl::Duration kFirstRetryPrimaryOfVoter = absl::Milliseconds(100);
constexpr absl::Duration kMaxRetryPrimary = absl::Seconds(32);
// A node that has no cluster yet costs nobody anything, and somebody waits for it.
constexpr absl::Duration kMaxDelayWithoutCluster = absl::Milliseconds(250);
constexpr absl::Duration kMaxRelayStaleness = absl::Seconds(12);
constexpr absl::Duration kQuietPatience = absl::Seconds(5);
// When a new primary calls, or a new promise was given, who was chosen by hand has to wait: it may be of the
// old epoch, and silent.
constexpr absl::Duration kPinRest = absl::Seconds(5);
constexpr absl::Duration kAskPinTimeout = absl::Seconds(2);

}  // namespace

Follower::Follower(const Replica::Options& options, FollowerHost* host)
    : options_(options),
      host_(host),
      appender_(options.store, [host] { host->ForgetBound(); }),
      reconnect_(options.random) {}

Follower::~Follower() = default;

void Follower::Start() {
  if (state_ == State::kStopped) Connect();
}

void Follower::Stop() {
  attempt_.Renew();
  stream_.reset();
  fetcher_.reset();
  freshness_.OnDisconnected();
  state_ = State::kStopped;
}

void Follower::Reconsider() {
  if (state_ == State::kStopped) return;
  Stop();
  identity_.reset();
  fed_through_.clear();
  pin_schedule_.Rest(options_.clock->SinceBoot(), kPinRest);
  Connect();
}

void Follower::OnPinChanged() {
  pin_schedule_.Reset();
  pin_says_.clear();
  if (state_ == State::kStopped || state_ == State::kSnapshot) return;
  freshness_.OnDisconnected();
  failed_ = 0;
  Connect();
  host_->OnUpstreamChanged();
}

void Follower::Hurry(const std::string& address) {
  const bool is_tried = state_ == State::kGreeting && address_ == address;
  if (state_ == State::kStopped || state_ == State::kSnapshot || is_tried) return;
  failed_ = 0;
  pin_schedule_.Rest(options_.clock->SinceBoot(), kPinRest);
  Connect();
}

void Follower::StartRepair() {
  Stop();
  repairing_ = true;
  freshness_.Reset();
  Connect();
}

Position Follower::KnownCommitted() const {
  return committed_.revision <= appender_.verified().revision ? committed_ : appender_.verified();
}

bool Follower::ShowsItsStream() const {
  const Revision visible = options_.store->visible().revision;
  return !identity_ || visible <= appender_.verified().revision || appender_.OwnsWholeLog();
}

void Follower::Connect() {
  attempt_.Renew();
  stream_.reset();
  fetcher_.reset();
  // Before anything is fetched: the file that takes the place of data.db lies where another would be written.
  if (options_.store->is_replacing()) return OnInstalled(options_.store->FinishReplacing());
  std::vector<UpstreamPolicy::Candidate> candidates = host_->Candidates();
  for (const std::string& hint : hints_) {
    const bool known = std::any_of(candidates.begin(), candidates.end(),
                                   [&](const auto& candidate) { return candidate.peer_address == hint; });
    if (!known && hint != options_.peer_address) candidates.push_back({hint, "", false, false, false});
  }
  const std::optional<UpstreamPolicy::Candidate> pin = host_->Pinned();
  // The primary is what the automatic choice begins with.
  on_pin_ = pin && !pin->is_primary && pin_schedule_.IsDue(options_.clock->SinceBoot());
  pin_asked_ = false;
  const std::optional<std::string> address =
      on_pin_ ? pin->peer_address : options_.upstream_policy->Next(candidates, failed_);
  if (!address) {
    SetActivity("knows nobody to follow");
    return ConnectLater();
  }
  address_ = *address;
  if (repairing_) return TakeSnapshot();
  state_ = State::kGreeting;
  connected_at_ = last_heard_ = options_.clock->SinceBoot();
  v1::FollowRequest request;
  *request.mutable_hello() = host_->MakeHello();
  incarnation_ = request.hello().incarnation();
  stream_ = options_.transport->Follow(address_, this);
  stream_->Send(std::move(request));
  options_.strand->PostAfter(options_.heartbeat_interval, attempt_.Wrap([this] { Tick(); }));
}

void Follower::ConnectLater() {
  attempt_.Renew();
  state_ = State::kWaiting;
  absl::Duration delay = reconnect_.NextDelay();
  if (options_.store->node().identity().cluster_id.empty()) delay = std::min(delay, kMaxDelayWithoutCluster);
  options_.strand->PostAfter(delay, attempt_.Wrap([this] { Connect(); }));
}

// A primary that cannot be reached may be starting again; one that is silent or has refused us is not worth
// the same question at once.
void Follower::LookElsewhere() {
  if (!on_pin_) failed_ = std::max(failed_, PrimaryFirst::kAttemptsAtPrimary - 1);
}

void Follower::Drop(const absl::Status& why) {
  stream_.reset();
  fetcher_.reset();
  freshness_.OnDisconnected();
  if (on_pin_) {
    OnPinFailed(why.message());
  } else {
    ++failed_;
  }
  ConnectLater();
  SetActivity(why.ok() ? "looks for an upstream"
                       : absl::StrCat("not connected: ", address_, ": ", std::string(why.message())));
  host_->OnUpstreamChanged();
}

// Chosen by hand, and of no use now: the automatic choice goes on where it was.
void Follower::OnPinFailed(absl::string_view why) {
  pin_schedule_.OnFailure(options_.clock->SinceBoot());
  pin_says_ = std::string(why);
  on_pin_ = false;
}

// While another node feeds this one, the upstream that was chosen by hand is only asked; the stream is left
// when it answers and is of the same epoch. What follows may still fail (a loop, one that is not fed itself),
// and is then tried later each time.
void Follower::TendPin(absl::Duration now) {
  if (state_ != State::kStreaming) return;
  const std::optional<UpstreamPolicy::Candidate> pin = host_->Pinned();
  if (on_pin_) {
    pin_schedule_.OnFed(now - connected_at_);
    if (!pin || pin->peer_address != address_) OnPinChanged();
    return;
  }
  if (!pin) return pin_says_.clear();
  // The automatic choice may be this very one.
  if (!fed_through_.empty() && fed_through_.front() == pin->node_id) {
    on_pin_ = !pin->is_primary;
    return pin_says_.clear();
  }
  if (!pin->is_primary && !pin_asked_ && pin_schedule_.IsDue(now)) AskPin(*pin);
}

void Follower::AskPin(const UpstreamPolicy::Candidate& pin) {
  pin_asked_ = true;
  v1::PromiseRequest question;
  question.set_cluster_id(options_.store->node().identity().cluster_id);
  question.set_inspect(true);
  const auto on_answer = [this, pin](const absl::StatusOr<v1::PromiseResponse>& said) {
    pin_asked_ = false;
    if (state_ != State::kStreaming) return;
    const bool would_feed = said.ok() && said->node_id() == pin.node_id && identity_ &&
                            said->epoch() == identity_->epoch && said->cannot_promise().empty();
    if (would_feed) {
      freshness_.OnDisconnected();
      return Connect();
    }
    pin_schedule_.OnFailure(options_.clock->SinceBoot());
    pin_says_ =
        said.ok() ? "it is not of the epoch that is followed here" : std::string(said.status().message());
    host_->OnUpstreamChanged();
  };
  options_.transport->Promise(pin.peer_address, question, kAskPinTimeout, attempt_.Wrap(on_answer));
}

// Why the upstream is to be left although its stream is up.
std::optional<std::string> Follower::Unsatisfying(absl::Duration now) {
  if (state_ == State::kQuiet && now - connected_at_ > kQuietPatience) {
    LookElsewhere();
    return "its primary is suspended";
  }
  if (state_ != State::kStreaming || verdict_.fed_through_size() <= 1) return std::nullopt;
  if (!on_pin_ && now - connected_at_ >= RelayPatience()) {
    ++relayed_;
    failed_ = -1;  // begins with the primary again
    // It was fed all the time and leaves by its own choice: whatever failed before the relay is no reason to
    // stay away from both.
    reconnect_.OnSuccess();
    return "the primary may be in reach again";
  }
  const absl::Duration fresh_at = std::max(freshness_.FreshAt().value_or(connected_at_), connected_at_);
  if (now - fresh_at > kMaxRelayStaleness) return "it hears nothing from the primary";
  return std::nullopt;
}

absl::Duration Follower::RelayPatience() const {
  const absl::Duration first = host_->IsVoterNow() ? kFirstRetryPrimaryOfVoter : kFirstRetryPrimary;
  return std::min(kMaxRetryPrimary, first * (int64_t{1} << std::min(relayed_, 9)));
}

void Follower::LookUpstream() {
  if (const auto why = Unsatisfying(options_.clock->SinceBoot()))
    Drop(NoUpstreamError(absl::StrCat(address_, " (", *why, ")")));
}

void Follower::Tick() {
  const absl::Duration now = options_.clock->SinceBoot();
  if (now - last_heard_ > kUpstreamSilence) {
    LookElsewhere();
    return Drop(SilentPeerError(now - last_heard_));
  }
  if (const auto why = Unsatisfying(now))
    return Drop(NoUpstreamError(absl::StrCat(address_, " (", *why, ")")));
  if (state_ == State::kStreaming) {
    if (now - connected_at_ > options_.heartbeat_interval) reconnect_.OnSuccess();
    SendAck(/*probe=*/true, appender_.verified());
  }
  // Armed first: it may end this attempt.
  options_.strand->PostAfter(options_.heartbeat_interval, attempt_.Wrap([this] { Tick(); }));
  TendPin(now);
}

SnapshotTaker Follower::Taker() const {
  SnapshotTaker taker;
  taker.cluster_id = options_.store->node().identity().cluster_id;
  taker.promise = options_.store->node().promise();
  taker.appended = options_.store->appended();
  taker.epoch_starts = EpochStarts(*options_.store);
  taker.repairing = repairing_;
  return taker;
}

void Follower::TakeSnapshot() {
  attempt_.Renew();
  stream_.reset();
  state_ = State::kSnapshot;
  SetActivity(absl::StrCat("takes a snapshot from ", address_));
  SnapshotFetcher::Options fetch;
  fetch.replica = &options_;
  fetch.address = address_;
  fetch.repairing = repairing_;
  fetcher_ = std::make_unique<SnapshotFetcher>(
      std::move(fetch), [this] { return Taker(); },
      [this](int percent) {
        SetActivity(absl::StrCat("takes a snapshot from ", address_, ": ", percent, "%"));
      },
      [this](absl::StatusOr<SnapshotFetcher::Fetched> fetched) { OnSnapshot(std::move(fetched)); });
  fetcher_->Start();
}

void Follower::OnSnapshot(absl::StatusOr<SnapshotFetcher::Fetched> fetched) {
  OnInstalled(fetched.ok() ? Install(*fetched) : absl::StatusOr<std::string>(fetched.status()));
}

void Follower::OnInstalled(const absl::StatusOr<std::string>& kept_as) {
  if (const absl::Status& status = kept_as.status(); !status.ok()) {
    int64_t retry_ms = 0;
    if (absl::SimpleAtoi(DetailOf(status, "retry_after_ms"), &retry_ms)) {
      reconnect_.Spread(absl::Milliseconds(retry_ms));
    }
    return Drop(WithContext(status, "snapshot"));
  }
  fetcher_.reset();
  if (std::exchange(repairing_, false)) host_->OnRepaired(*kept_as);
  failed_ = 0;
  Connect();
}

absl::StatusOr<std::string> Follower::Install(const SnapshotFetcher::Fetched& fetched) {
  // The promise or the log may have moved while it was fetched (R11, R15): judged anew.
  HF_RETURN_IF_ERROR(AdmitSnapshot(Taker(), fetched.manifest));
  const StreamIdentity stream{fetched.manifest.stream_epoch(), fetched.manifest.primary_node_id(),
                              fetched.manifest.primary_incarnation()};
  HF_RETURN_IF_ERROR(host_->Admit(stream, fetched.manifest.cluster_id()));
  HF_ASSIGN_OR_RETURN(const Position position, storage::FromProto(fetched.manifest.position()));
  HF_ASSIGN_OR_RETURN(Position visible, storage::VisibleOf(fetched.manifest));
  if (MutantActive(Mutant::kSnapshotTailShown)) visible = position;
  const std::string why = absl::StrCat("replaced by a snapshot from ", address_);
  if (repairing_) return options_.store->RepairWith(fetched.path, position, visible, why);
  HF_RETURN_IF_ERROR(options_.store->ReplaceWith(fetched.path, position, visible, why));
  return std::string();
}

void Follower::SetActivity(std::string activity) {
  if (activity == activity_) return;
  activity_ = std::move(activity);
  host_->OnUpstreamChanged();
}

}  // namespace holdfast::replication
