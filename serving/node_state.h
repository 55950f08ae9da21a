#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/revision.h"
#include "holdfast/v1/config.pb.h"
#include "serving/shown.h"

namespace holdfast::serving {

// What the node is at the moment, as far as answers to clients show it. The composition root fills it from
// replication::ReplicaView whenever that changes.
struct NodeView {
  v1::NodeRole role = v1::NODE_ROLE_UNINITIALIZED;
  std::string cluster_id;
  std::string primary_node_id;  // as far as it is known
  std::string primary_client_address;
  std::optional<absl::Time> no_primary_since;  // set while no primary is heard
  absl::Status halted;      // not OK: the node found its data broken and must serve nothing (I4)
  bool draining = false;    // about to stop
  bool refusing = false;    // the listener closes now: go elsewhere at once
  std::string try_address;  // with `draining`: where clients should go
};

// The node's view and identity, and the response headers made of them. Any thread.
class NodeState {
 public:
  struct Options {
    std::string node_id;
    std::string site;
    // Since when (SinceBoot) what the node shows has been all there is: replication::Replica::FreshAt. Any
    // thread, cheap.
    std::function<std::optional<absl::Duration>()> fresh_at;
    Clock* clock = nullptr;  // must outlive the state
  };

  explicit NodeState(Options options);

  void Set(NodeView view);
  std::shared_ptr<const NodeView> view() const;
  std::optional<absl::Duration> FreshAt() const { return options_.fresh_at(); }
  const std::string& node_id() const { return options_.node_id; }

  // OK if a node in this role, which shows `visible`, answers reads and watches. Otherwise STANDBY (and where
  // to go), NOT_INITIALIZED, or STALE for a replica that has not received anything yet.
  absl::Status CheckServes(Revision visible) const;

  // What a node that is no primary answers to a commit: NOT_PRIMARY with the primary's address, or NO_PRIMARY
  // with since when.
  absl::Status RefuseCommit() const;

  // Fills the header of an answer that rests on `shown`.
  void FillHeader(const Shown& shown, v1::ResponseHeader* header) const;
  // The header as field 1 of an encoded response.
  std::string EncodeHeader(const Shown& shown) const;

 private:
  const Options options_;
  mutable Mutex mu_;
  std::shared_ptr<const NodeView> view_ ABSL_GUARDED_BY(mu_);
};

}  // namespace holdfast::serving
