#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "holdfast/v1/operation.pb.h"
#include "tests/sim/sim_cluster.h"

namespace holdfast::sim {

// Who is to become primary, and in what mood the operator is.
struct Order {
  std::string candidate;
  bool insists = false;  // adds the overrides that the checks ask for
  bool planned = false;  // hands over, with both sites up
};

// An operator who promotes a node with the real driver: looks at the plan, confirms it, and watches; now and
// then confirms twice, thinks better of it, goes away, or loses the candidate at a step of the operation, and
// then goes on with it, gives it up, or leaves it to somebody else. One thread.
class Promoter : public std::enable_shared_from_this<Promoter> {
 public:
  enum class Ending {
    kOver,           // it has ended, or nobody watches any more
    kCandidateLost,  // the candidate is down in the middle of it: another node may take over
  };
  // `done` hears when there is nothing more to watch.
  Promoter(SimCluster* cluster, Order order, std::function<void(Ending)> done);

  void Begin();

 private:
  void Plan();
  void OnPlan(const absl::StatusOr<v1::PlanOperationResponse>& planned);
  // The overrides that the checks ask for; false if nothing helps.
  bool Insist(const v1::Plan& plan);
  // Between branches (R20); false if nothing helps.
  bool Choose(const v1::Plan& plan);
  void Confirm(const v1::Plan& plan);
  void OnBegun(const absl::StatusOr<v1::StartOperationResponse>& begun);
  void NoteInsisted(const std::string& operation_id);
  void AbortSoon();
  void Watch();
  // False if there is nothing more to watch.
  bool GoOnWithoutCandidate();
  void End(const std::string& why, Ending ending = Ending::kOver);
  bool IsGone() const;

  SimCluster* const cluster_;
  const Order order_;
  std::function<void(Ending)> done_;
  uint64_t life_ = 0;  // of the candidate's process that carries it out
  int plans_ = 0;
  int looks_ = 0;
  uint64_t fate_ = 0;  // what is done once the candidate is lost
  v1::PlanOperationRequest request_;
  std::string operation_id_;
};

}  // namespace holdfast::sim
