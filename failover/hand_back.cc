#include "failover/hand_back.h"

#include <algorithm>
#include <utility>

#include "base/failpoint.h"
#include "base/mutants.h"
#include "failover/own_node.h"
#include "replication/promise_book.h"

namespace holdfast::failover {
namespace {

constexpr absl::Duration kAskTimeout = absl::Milliseconds(500);
constexpr absl::Duration kAskInterval = absl::Milliseconds(50);
constexpr absl::Duration kTryAgain = absl::Seconds(1);
// An attempt asks every node, and cannot succeed before voters are back: twice as long between attempts each
// time, up to this. So much longer than they are away commits may wait for the primary.
constexpr absl::Duration kMaxTakeBackPause = absl::Seconds(10);
// A candidate that does not answer for so long is taken for gone; one that is at work gets more.
constexpr absl::Duration kSilence = absl::Seconds(3);
constexpr absl::Duration kMaxHandOver = absl::Seconds(10);

}  // namespace

bool HandBack::IsToWatch() const {
  if (MutantActive(Mutant::kRoleNotTakenBack)) return false;
  const v1::NodeRole role = options_.replica->view().role;
  if (role != v1::NODE_ROLE_SUSPENDED && role != v1::NODE_ROLE_FENCED) return false;
  const storage::NodeStore& node = options_.store->node();
  return replication::HandsOver(node.promise(), node.identity().node_id, options_.replica->epoch());
}

void HandBack::Look() {
  const uint64_t epoch = options_.store->node().promise().epoch();
  if (!IsToWatch()) {
    round_.Renew();
    since_.reset();
    ForgetAttempts();
    return;
  }
  if (since_ && epoch == epoch_) return;
  round_.Renew();
  epoch_ = epoch;
  // A promise to itself is of an attempt that goes on, or has failed.
  if (options_.store->node().promise().candidate_node_id() != options_.store->node().identity().node_id)
    ForgetAttempts();
  since_ = options_.clock->SinceBoot();
  Ask();
}

void HandBack::AskLater(absl::Duration pause) {
  options_.strand->PostAfter(pause, round_.Wrap([this] { IsToWatch() ? Ask() : Look(); }));
}

void HandBack::Ask() {
  const v1::EpochPromise& given = options_.store->node().promise();
  const std::string& self = options_.store->node().identity().node_id;
  if (options_.replica->view().role == v1::NODE_ROLE_FENCED) return Follow();
  if (given.candidate_node_id() == self) return TakeBack();  // an attempt of its own that did not succeed
  v1::PromiseRequest look;
  look.set_cluster_id(options_.store->node().identity().cluster_id);
  look.set_inspect(true);
  options_.transport->Promise(
      PeerAddressOf(*options_.replica, given.candidate_node_id()), look, kAskTimeout,
      round_.Wrap([this](const absl::StatusOr<v1::PromiseResponse>& said) { OnAnswer(said); }));
}

void HandBack::OnAnswer(const absl::StatusOr<v1::PromiseResponse>& said) {
  if (!IsToWatch()) return Look();
  const v1::EpochPromise& given = options_.store->node().promise();
  const absl::Duration waited = options_.clock->SinceBoot() - *since_;
  if (!said.ok()) return waited < kSilence ? AskLater(kAskInterval) : TakeBack();
  if (said->role() == v1::NODE_ROLE_PRIMARY && said->epoch() >= given.epoch()) {
    return Follow();
  }
  const bool is_at_work =
      said->running().operation_id() == given.operation_id() || said->role() == v1::NODE_ROLE_RECOVERING;
  if (is_at_work && waited < kMaxHandOver) return AskLater(kAskInterval);
  TakeBack();
}

void HandBack::Follow() {
  HOLDFAST_FAILPOINT("hand-back.before-rejoin");
  options_.replica->Rejoin().IgnoreError();  // a full disk: asked again after a while
  AskLater(kTryAgain);
}

// The candidate is asked every second all the same: if it is primary after all, that is seen at once.
void HandBack::TakeBack() {
  HOLDFAST_FAILPOINT("hand-back.before-take-back");
  const absl::Duration now = options_.clock->SinceBoot();
  if (now >= take_back_at_ && options_.take_back(options_.store->node().promise())) {
    take_back_at_ = now + take_back_pause_;
    take_back_pause_ = std::min(2 * take_back_pause_, kMaxTakeBackPause);
  }
  AskLater(kTryAgain);
}

void HandBack::ForgetAttempts() {
  take_back_at_ = -absl::InfiniteDuration();
  take_back_pause_ = kTryAgain;
}

}  // namespace holdfast::failover
