#pragma once

#include <functional>
#include <set>
#include <string>

#include "holdfast/v1/operation.pb.h"
#include "replication/lifetime.h"
#include "replication/replica.h"
#include "replication/transport.h"
#include "storage/store.h"

namespace holdfast::failover {

// The first round of an operation: asks every member, oneself too, what it has and would promise, and whom it
// reaches. Nothing becomes durable anywhere (R17), so it may be asked at any time. Takes as long as the
// slowest node that answers, at most about a second. One round at a time; strand.
class ViewGatherer {
 public:
  // All must outlive the gatherer.
  ViewGatherer(storage::Store* store, replication::Replica* replica, replication::PeerTransport* transport)
      : store_(store), replica_(replica), transport_(transport) {}

  // `done` is called once, unless the gatherer is destroyed or begins anew. `command`: whom the operator's
  // machine reaches; empty if nobody looked. `silent`: nodes that did not answer a moment ago; they get a
  // short time only, and so does everybody's look around.
  void Gather(v1::Vantage command, const std::set<std::string>& silent,
              std::function<void(v1::ClusterView)> done);

 private:
  void Ask(v1::NodeView* node, absl::Duration patience, absl::Duration look_patience,
           absl::Duration look_timeout);
  void LookAround(v1::NodeView* self);
  static void Note(v1::NodeView* node, const absl::StatusOr<v1::PromiseResponse>& said);
  void OneIsDone();

  storage::Store* const store_;
  replication::Replica* const replica_;
  replication::PeerTransport* const transport_;
  v1::ClusterView view_;
  int open_ = 0;
  std::function<void(v1::ClusterView)> done_;
  replication::Lifetime round_;
};

}  // namespace holdfast::failover
