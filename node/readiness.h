#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/executor.h"
#include "holdfast/v1/readiness.pb.h"
#include "node/readiness_facts.h"
#include "replication/lifetime.h"
#include "replication/replica.h"
#include "replication/transport.h"
#include "storage/file_system.h"
#include "storage/store.h"

namespace holdfast::node {

// Rates this node all the time, whether anybody asks or not: every few seconds it asks the other servers what
// they are and have (nothing becomes durable by that, R17), compares its own log with that of the node that
// feeds it, looks at its disk, certificates and records, and rates the whole (readiness_rating.h). What gets
// worse is told at once. Strand.
class Readiness {
 public:
  static constexpr absl::Duration kServerInterval = absl::Seconds(5);
  static constexpr absl::Duration kProxyInterval = absl::Seconds(30);
  static constexpr absl::Duration kPatience = absl::Seconds(1);  // with another node
  // How long a round waits for a record that the upstream had already.
  static constexpr absl::Duration kMaxCatchUp = absl::Milliseconds(500);

  struct Options {
    storage::Store* store = nullptr;  // these must outlive this
    replication::Replica* replica = nullptr;
    replication::PeerTransport* transport = nullptr;
    storage::FileSystem* files = nullptr;
    Executor* strand = nullptr;
    Clock* clock = nullptr;
    std::string node_id;
    std::string site;
    v1::NodeKind kind = v1::NODE_KIND_SERVER;
    std::string version;
    // How long the certificates are good, from the files; nullopt without TLS.
    std::function<std::optional<CertificateFacts>()> certificates;
    // An item is at a worse level than a round before; for the log. May be empty.
    std::function<void(const v1::ReadinessItem&)> on_worse;
  };

  explicit Readiness(Options options);
  ~Readiness() { Stop(); }

  void Start();
  // Answers whoever waits with what is known; nothing is begun afterwards.
  void Stop();

  // The rating of now, after one more round; with others when one is under way. At once when it has stopped.
  void Look(std::function<void(v1::ReadinessReport)> done);

 private:
  void BeginRound();
  void Ask(PeerSeen* peer);
  void OneIsDone();
  void CatchUp(absl::Duration until);
  void Compare();
  void EndRound();
  ReadinessFacts Facts();
  void Rate();

  const Options options_;
  Executor::TimerId timer_ = 0;
  Executor::TimerId catch_up_ = 0;
  bool is_stopped_ = false;
  int open_ = 0;                 // questions of the round that is under way, and 1 for the round itself
  std::vector<PeerSeen> asked_;  // in this round
  std::vector<PeerSeen> peers_;  // in the last whole one
  std::optional<std::pair<std::string, Position>> to_compare_;  // what the upstream has
  std::optional<DigestComparison> comparison_;
  absl::Duration compared_at_ = -absl::InfiniteDuration();
  std::map<std::string, v1::ReadinessItem> last_;  // by check
  v1::ReadinessReport report_;
  std::vector<std::function<void(v1::ReadinessReport)>> waiting_;
  replication::Lifetime lifetime_;
};

}  // namespace holdfast::node
