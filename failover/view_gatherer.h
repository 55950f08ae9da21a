#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "absl/time/time.h"
#include "failover/node_parts.h"
#include "holdfast/v1/operation.pb.h"
#include "replication/lifetime.h"

namespace holdfast::failover {

// The first round of an operation: asks every member, oneself too, what it has and would promise, whom it
// reaches, and who feeds it. Nothing becomes durable anywhere (R17), so it may be asked at any time. Takes as
// long as the slowest node that answers, at most about a second. Where a primary answers nobody, and yet
// somebody was fed by it a moment ago, it has either just died or is busy: they are asked once more, when a
// living one would have spoken again (kFeedIsFresh). One round at a time; strand.
class ViewGatherer {
 public:
  explicit ViewGatherer(const NodeParts& parts) : parts_(parts) {}

  // `done` is called once, unless the gatherer is destroyed or begins anew. `command`: whom the operator's
  // machine reaches; empty if nobody looked. `silent`: nodes that did not answer a moment ago; they get a
  // short time only, and so does everybody's look around.
  void Gather(v1::Vantage command, const std::set<std::string>& silent,
              std::function<void(v1::ClusterView)> done);

 private:
  v1::PromiseRequest Question() const;
  void Ask(v1::NodeView* node, absl::Duration patience, absl::Duration look_patience,
           absl::Duration look_timeout);
  void LookAround(v1::NodeView* self);
  void Note(v1::NodeView* node, const absl::StatusOr<v1::PromiseResponse>& said);
  void NoteFeed(const v1::NodeView& node, const v1::Feed& feed);
  void OneIsDone();
  // How long until a primary that only its followers hear would have to be heard again; nullopt if there is
  // none.
  std::optional<absl::Duration> UntilHeardAgain();
  void AskTheFed();
  void End();

  const NodeParts parts_;
  v1::ClusterView view_;
  int open_ = 0;
  std::set<std::string> fed_;  // by a primary that answers nobody
  // When the primary that feeds a node showed that it lives, by its last word and this node's clock.
  std::map<std::string, absl::Duration> lived_at_;
  int asked_again_ = 0;
  std::function<void(v1::ClusterView)> done_;
  replication::Lifetime round_;
};

}  // namespace holdfast::failover
