#include "failover/view_gatherer.h"

#include <utility>

#include "base/error.h"
#include "failover/proto_time.h"

namespace holdfast::failover {
namespace {

constexpr absl::Duration kPatience = absl::Milliseconds(700);
constexpr absl::Duration kPatienceWithSilent = absl::Milliseconds(250);
// A node asks others in its turn: it needs longer than they get. Nobody waits so long for one that was silent
// a moment ago: if it answers now, that is news, and the plan is made anew.
constexpr absl::Duration kLookMargin = absl::Milliseconds(200);

}  // namespace

void ViewGatherer::Gather(v1::Vantage command, const std::set<std::string>& silent,
                          std::function<void(v1::ClusterView)> done) {
  round_.Renew();
  view_.Clear();
  done_ = std::move(done);
  view_.set_gathered_by(store_->node().identity().node_id);
  *view_.mutable_command() = std::move(command);
  for (const v1::NodeInfo& member : replica_->nodes()) *view_.add_nodes()->mutable_member() = member;
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
  } else {
    node->set_reason(ReasonOf(said.status()));
  }
}

void ViewGatherer::LookAround(v1::NodeView* self) {
  v1::PromiseRequest question;
  question.set_cluster_id(store_->node().identity().cluster_id);
  question.set_inspect(true);
  Note(self, replica_->AcceptPromise(question));
}

void ViewGatherer::Ask(v1::NodeView* node, absl::Duration patience, absl::Duration look_patience,
                       absl::Duration look_timeout) {
  v1::PromiseRequest question;
  question.set_cluster_id(store_->node().identity().cluster_id);
  question.set_inspect(true);
  v1::LookRequest look;
  look.set_cluster_id(question.cluster_id());
  FillDuration(look_patience, look.mutable_patience());
  const std::string& address = node->member().peer_address();
  open_ += 2;
  transport_->Promise(address, question, patience,
                      round_.Wrap([this, node](const absl::StatusOr<v1::PromiseResponse>& said) {
                        Note(node, said);
                        OneIsDone();
                      }));
  transport_->Look(address, look, look_timeout,
                   round_.Wrap([this, node](const absl::StatusOr<v1::LookResponse>& seen) {
                     if (seen.ok()) *node->mutable_vantage() = seen->vantage();
                     OneIsDone();
                   }));
}

void ViewGatherer::OneIsDone() {
  if (--open_ == 0) std::exchange(done_, nullptr)(std::move(view_));
}

}  // namespace holdfast::failover
