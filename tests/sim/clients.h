#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "holdfast/v1/config.pb.h"
#include "tests/sim/sim_cluster.h"

namespace holdfast::sim {

// Commits at the node it takes for the primary, with preconditions and retries: an answer that is missing or
// unknown is asked for again under the same request id. One thread.
class Writers {
 public:
  explicit Writers(SimCluster* cluster) : cluster_(cluster) {}

  // Begins to commit now and then, until Stop.
  void Start();
  void Stop() { stopped_ = true; }

  // One commit. `done` hears whether it was acknowledged.
  void CommitOne(std::function<void(bool)> done);

 private:
  struct Try {
    v1::CommitRequest request;
    int attempts = 0;
    bool maybe_done = false;  // an earlier attempt may have been, or may still be, committed
    bool answered = false;    // the present attempt
    std::function<void(bool)> done;
  };

  Clock& ClockOfAClient();
  v1::CommitRequest MakeRequest();
  void Send(const std::shared_ptr<Try>& attempt);
  void OnAnswer(const std::shared_ptr<Try>& attempt, const std::string& node,
                const absl::StatusOr<v1::CommitResponse>& answer);
  void Again(const std::shared_ptr<Try>& attempt);
  void Finish(const std::shared_ptr<Try>& attempt, bool acknowledged);

  SimCluster* const cluster_;
  std::optional<testing::VirtualClock> skewed_clock_;  // of the last client whose clock is wrong
  bool stopped_ = false;
  int made_ = 0;
};

// Reads anywhere, at the visible revision and at older ones, and asks how fresh the node thinks it is. A node
// that has data must answer (I12). One thread.
class Readers {
 public:
  explicit Readers(SimCluster* cluster) : cluster_(cluster) {}

  void Start();
  void Stop() { stopped_ = true; }
  // Compares all that a node shows with the truth.
  void ReadAll(SimNode& node);
  // The same as a client does it, page by page on workers of the node. Time goes on.
  void ListAll(SimNode& node);

 private:
  void ReadOnce();
  void Read(SimNode& node, Revision at, const std::string* only_key);

  SimCluster* const cluster_;
  bool stopped_ = false;
};

}  // namespace holdfast::sim
