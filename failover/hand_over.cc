#include "failover/hand_over.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/mutants.h"
#include "failover/errors.h"
#include "failover/own_node.h"
#include "storage/proto_time.h"
#include "storage/record_codec.h"

namespace holdfast::failover {
namespace {

constexpr absl::Duration kAskTimeout = absl::Seconds(1);
constexpr absl::Duration kLookInterval = absl::Milliseconds(100);
// So few records are sent within the pause of commits without lengthening it.
constexpr uint64_t kCloseEnough = 500;
constexpr absl::Duration kPreCopyPatience = absl::Minutes(1);
// Long enough for the drain and the promises; afterwards the primary goes on by itself.
constexpr absl::Duration kHold = absl::Seconds(5);
constexpr absl::Duration kDrainPatience = absl::Seconds(3);
constexpr absl::Duration kDrainInterval = absl::Milliseconds(10);
// Once the candidate holds all: those who follow as fast have it too, or are as good as away.
constexpr absl::Duration kOthersPatience = absl::Milliseconds(300);

}  // namespace

HandOver::HandOver(Options options, std::function<void(const absl::Status&)> done)
    : options_(std::move(options)), done_(std::move(done)) {}

v1::FreezeRequest HandOver::Request(absl::Duration hold) const {
  v1::FreezeRequest request;
  request.set_cluster_id(options_.store->node().identity().cluster_id);
  request.set_epoch(options_.ending_epoch);
  request.set_candidate_node_id(options_.store->node().identity().node_id);
  storage::FillDuration(hold, request.mutable_hold());
  return request;
}

void HandOver::Begin() {
  options_.on_step("pre-copy");
  if (done_ == nullptr) return;
  until_ = options_.clock->SinceBoot() + kPreCopyPatience;
  LookHowFar();
}

void HandOver::LookHowFar() {
  v1::PromiseRequest look;
  look.set_cluster_id(options_.store->node().identity().cluster_id);
  look.set_inspect(true);
  options_.transport->Promise(PeerAddressOf(*options_.replica, options_.primary), look, kAskTimeout,
                              life_.Wrap([this](const absl::StatusOr<v1::PromiseResponse>& said) {
                                if (!said.ok()) return End(said.status());
                                const uint64_t theirs = Revision(said->appended().revision()).index();
                                const uint64_t own = options_.store->appended().revision.index();
                                const uint64_t lag = theirs > own ? theirs - own : 0;
                                // One that is between two upstreams would lengthen the pause by that.
                                if (lag <= kCloseEnough && options_.replica->view().upstream_connected) {
                                  options_.on_step_done(absl::StrCat(lag, " records behind"));
                                  return Freeze();
                                }
                                if (options_.clock->SinceBoot() >= until_) return End(NotCloseError(lag));
                                options_.strand->PostAfter(kLookInterval,
                                                           life_.Wrap([this] { LookHowFar(); }));
                              }));
}

void HandOver::Freeze() {
  options_.on_step("freeze");
  if (done_ == nullptr) return;
  frozen_at_ = options_.clock->SinceBoot();
  options_.transport->Freeze(
      PeerAddressOf(*options_.replica, options_.primary),
      Request(MutantActive(Mutant::kHandOverUnfrozen) ? absl::ZeroDuration() : kHold), kAskTimeout,
      life_.Wrap([this](const absl::StatusOr<v1::FreezeResponse>& frozen) {
        if (!frozen.ok()) return End(frozen.status());
        end_ = storage::FromProto(frozen->appended()).value_or(Position());
        options_.on_step_done(absl::StrCat("its log ends at ", end_.revision.ToString()));
        options_.on_step("drain");
        if (done_ == nullptr) return;
        drain_at_ = options_.clock->SinceBoot();
        until_ = drain_at_ + kDrainPatience;
        Drain();
      }));
}

void HandOver::Drain() {
  if (options_.store->appended() == end_ || MutantActive(Mutant::kHandOverUndrained)) {
    const absl::Duration now = options_.clock->SinceBoot();
    held_ = absl::StrCat(absl::ToInt64Milliseconds(now - drain_at_), " ms");
    until_ = now + kOthersPatience;
    return LookWhoHolds();
  }
  if (options_.clock->SinceBoot() >= until_)
    return End(NotDrainedError(options_.store->appended().revision, end_.revision));
  options_.strand->PostAfter(kDrainInterval, life_.Wrap([this] { Drain(); }));
}

// Who is to vote next must hold the log (R21), and cannot be fed any more once it has promised. Nobody else
// is waited for.
void HandOver::LookWhoHolds() {
  v1::PromiseRequest look;
  look.set_cluster_id(options_.store->node().identity().cluster_id);
  look.set_inspect(true);
  const std::string& self = options_.store->node().identity().node_id;
  const absl::Duration patience = std::max(until_ - options_.clock->SinceBoot(), kDrainInterval);
  open_ = 1;  // this call itself
  for (const v1::NodeInfo& member : options_.replica->nodes()) {
    const std::string& id = member.node_id();
    const auto known = holds_.find(id);
    if (id == self || id == options_.primary || !options_.next_voters.contains(id)) continue;
    if (known != holds_.end() && known->second) continue;
    ++open_;
    options_.transport->Promise(
        member.peer_address(), look, patience,
        life_.Wrap([this, id](const absl::StatusOr<v1::PromiseResponse>& said) {
          // Who does not answer is not waited for.
          holds_[id] = !said.ok() || storage::FromProto(said->appended()).value_or(Position()) == end_;
          if (--open_ == 0 && !AllHold())
            options_.strand->PostAfter(kDrainInterval, life_.Wrap([this] { LookWhoHolds(); }));
          if (open_ == 0 && AllHold()) End(absl::OkStatus());
        }));
  }
  if (--open_ == 0) End(absl::OkStatus());
}

bool HandOver::AllHold() const {
  return options_.clock->SinceBoot() >= until_ ||
         std::all_of(holds_.begin(), holds_.end(), [](const auto& entry) { return entry.second; });
}

// Where a long pause has gone.
std::string HandOver::Drained() const {
  std::string text = absl::StrCat("this node holds ", end_.revision.ToString(), " after ", held_);
  for (const auto& [node_id, holds] : holds_) {
    if (!holds) absl::StrAppend(&text, "; '", node_id, "' does not yet");
  }
  return text;
}

void HandOver::Stop() {
  life_.Renew();
  done_ = nullptr;
}

void HandOver::Thaw() {
  if (!frozen_at_) return;
  options_.transport->Freeze(PeerAddressOf(*options_.replica, options_.primary),
                             Request(absl::ZeroDuration()), kAskTimeout,
                             [](const absl::StatusOr<v1::FreezeResponse>&) {});
}

void HandOver::End(const absl::Status& status) {
  life_.Renew();
  if (status.ok()) options_.on_step_done(Drained());
  std::exchange(done_, nullptr)(status);
}

}  // namespace holdfast::failover
