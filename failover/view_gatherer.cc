#include "failover/view_gatherer.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "failover/own_node.h"
#include "failover/primary_checks.h"
#include "storage/proto_time.h"

namespace holdfast::failover {
namespace {

constexpr absl::Duration kPatience = absl::Milliseconds(700);
constexpr absl::Duration kPatienceWithSilent = absl::Milliseconds(250);
// A node asks others in its turn: it needs longer than they get. Nobody waits so long for one that was silent
// a moment ago: if it answers now, that is news, and the plan is made anew.
constexpr absl::Duration kLookMargin = absl::Milliseconds(200);
// The last word of a primary may still be on its way through a relay when the fed are asked once more.
constexpr int kMaxAskedAgain = 2;

}  // namespace

void ViewGatherer::Gather(v1::Vantage command, const std::set<std::string>& silent,
                          std::function<void(v1::ClusterView)> done) {
  round_.Renew();
  view_.Clear();
  fed_.clear();
  lived_at_.clear();
  asked_again_ = 0;
  done_ = std::move(done);
  view_.set_gathered_by(parts_.store->node().identity().node_id);
  *view_.mutable_command() = std::move(command);
  for (const v1::NodeInfo& member : NodesToAsk(*parts_.replica))
    *view_.add_nodes()->mutable_member() = member;
  open_ = 1;  // this call itself: answers may come at once
  const absl::Duration look_patience = silent.empty() ? kPatience : kPatienceWithSilent;
  for (v1::NodeView& node : *view_.mutable_nodes()) {
    const std::string& id = node.member().node_id();
    if (id == view_.gathered_by()) {
      LookAround(&node);
    } else {
      const bool was_silent = silent.contains(id);
      Ask(&node, was_silent ? kPatienceWithSilent : kPatience, look_patience,
          was_silent ? kPatienceWithSilent : look_patience + kLookMargin);
    }
  }
  OneIsDone();
}

void ViewGatherer::Note(v1::NodeView* node, const absl::StatusOr<v1::PromiseResponse>& said) {
  node->set_reached(said.ok());
  if (said.ok()) {
    *node->mutable_said() = *said;
    NoteFeed(*node, said->feed());
  } else {
    node->set_reason(ReasonOf(said.status()));
  }
}

void ViewGatherer::NoteFeed(const v1::NodeView& node, const v1::Feed& feed) {
  if (const std::optional<absl::Duration> ago = HeardAgo(feed))
    lived_at_[node.member().node_id()] = parts_.clock->SinceBoot() - *ago;
}

v1::PromiseRequest ViewGatherer::Question() const {
  v1::PromiseRequest question;
  question.set_cluster_id(parts_.store->node().identity().cluster_id);
  question.set_inspect(true);
  question.set_describe_log(true);
  return question;
}

void ViewGatherer::LookAround(v1::NodeView* self) { Note(self, parts_.replica->AcceptPromise(Question())); }

void ViewGatherer::Ask(v1::NodeView* node, absl::Duration patience, absl::Duration look_patience,
                       absl::Duration look_timeout) {
  const v1::PromiseRequest question = Question();
  v1::LookRequest look;
  look.set_cluster_id(question.cluster_id());
  storage::FillDuration(look_patience, look.mutable_patience());
  const std::string& address = node->member().peer_address();
  open_ += 2;
  parts_.transport->Promise(address, question, patience,
                            round_.Wrap([this, node](const absl::StatusOr<v1::PromiseResponse>& said) {
                              Note(node, said);
                              OneIsDone();
                            }));
  parts_.transport->Look(address, look, look_timeout,
                         round_.Wrap([this, node](const absl::StatusOr<v1::LookResponse>& seen) {
                           if (seen.ok()) *node->mutable_vantage() = seen->vantage();
                           if (seen.ok()) NoteFeed(*node, seen->vantage().feed());
                           OneIsDone();
                         }));
}

void ViewGatherer::OneIsDone() {
  if (--open_ > 0) return;
  const std::optional<absl::Duration> wait =
      asked_again_++ == kMaxAskedAgain ? std::nullopt : UntilHeardAgain();
  if (!wait) return End();
  parts_.strand->PostAfter(*wait, round_.Wrap([this] { AskTheFed(); }));
}

std::optional<absl::Duration> ViewGatherer::UntilHeardAgain() {
  fed_.clear();
  for (const PrimarySeen& seen : PrimariesSeen(view_)) {
    if (seen.from.empty()) fed_.insert(seen.fed.begin(), seen.fed.end());
  }
  if (fed_.empty()) return std::nullopt;
  // The patience with those who are silent has been spent by now: it is part of this time.
  absl::Duration latest;
  for (const std::string& node_id : fed_) latest = std::max(latest, lived_at_[node_id]);
  return std::max(latest + kFeedIsFresh - parts_.clock->SinceBoot(), absl::ZeroDuration());
}

void ViewGatherer::AskTheFed() {
  open_ = 1;  // this call itself
  for (v1::NodeView& node : *view_.mutable_nodes()) {
    const std::string& id = node.member().node_id();
    if (!fed_.contains(id)) continue;
    if (id == view_.gathered_by()) {
      LookAround(&node);
      continue;
    }
    ++open_;
    parts_.transport->Promise(
        node.member().peer_address(), Question(), kPatienceWithSilent,
        round_.Wrap([this, node = &node](const absl::StatusOr<v1::PromiseResponse>& said) {
          // Who does not answer now is taken at its first word.
          if (said.ok()) Note(node, said);
          if (said.ok()) node->mutable_vantage()->clear_feed();
          OneIsDone();
        }));
  }
  OneIsDone();
}

void ViewGatherer::End() { std::exchange(done_, nullptr)(std::move(view_)); }

}  // namespace holdfast::failover
