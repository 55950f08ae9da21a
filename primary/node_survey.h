#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/executor.h"
#include "base/position.h"
#include "primary/membership.h"
#include "replication/lifetime.h"
#include "replication/transport.h"
#include "storage/store.h"

namespace holdfast::primary {

// What nodes said when they were asked; who did not answer is absent. A plain value.
struct SurveyAnswers {
  Incarnations incarnations;
  std::map<std::string, Position, std::less<>> held;  // the last durable record of each
};

// Asks nodes for their incarnation and position, without a promise (R17). Strand.
class NodeSurvey {
 public:
  struct Options {
    storage::Store* store = nullptr;  // these must outlive this
    replication::PeerTransport* transport = nullptr;
    Executor* strand = nullptr;
    Clock* clock = nullptr;
    std::string node_id;  // this node: it is in the answers without being asked
  };
  using Addresses = std::map<std::string, std::string, std::less<>>;  // peer addresses by node id

  // How long one round may take: a node that does not answer is asked again until then.
  static constexpr absl::Duration kTimeout = absl::Seconds(3);

  explicit NodeSurvey(Options options) : options_(std::move(options)) {}

  // `done` on the strand, never from within the call; not at all once this is gone.
  void Ask(const Addresses& peers, std::function<void(SurveyAnswers)> done);
  // Nobody is asked again; rounds under way end with the answers that they have.
  void Stop() { stopping_ = true; }

 private:
  struct Round;

  void AskOne(const std::shared_ptr<Round>& round, const std::string& node_id, const std::string& address);

  const Options options_;
  bool stopping_ = false;
  replication::Lifetime lifetime_;
};

}  // namespace holdfast::primary
