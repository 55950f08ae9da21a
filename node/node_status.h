#pragma once

#include <functional>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "base/clock.h"
#include "holdfast/v1/admin.pb.h"
#include "replication/replica.h"
#include "storage/store.h"

namespace holdfast::node {

// A node's own view of itself, for `holdfast status` and `verify`. Strand.
class NodeStatus {
 public:
  struct Options {
    storage::Store* store = nullptr;  // these must outlive this
    replication::Replica* replica = nullptr;
    storage::FileSystem* files = nullptr;
    Clock* clock = nullptr;
    std::string node_id;
    std::string site;
    std::string version;
    std::string data_dir;
    std::function<int64_t()> watches;  // open watches now
    std::function<int64_t()> reads;    // reads answered since the start
    std::function<int64_t()> commits;  // commits acknowledged since the start
    // Of a server: what is left of a spell of local by its own clock, while it is the primary; may be empty.
    std::function<std::optional<absl::Duration>()> spell_left;
    std::function<bool()> draining;
  };

  explicit NodeStatus(Options options);

  v1::StatusResponse Get();

 private:
  void FillDurability(v1::StatusResponse& status);
  void FillGauges(v1::NodeGauges& gauges);

  const Options options_;
  const absl::Time started_;
};

}  // namespace holdfast::node
