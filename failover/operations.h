#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/random.h"
#include "failover/hand_back.h"
#include "failover/herald.h"
#include "failover/journal.h"
#include "failover/node_parts.h"
#include "failover/plan.h"
#include "failover/promotion.h"
#include "failover/settlement.h"
#include "failover/view_gatherer.h"
#include "holdfast/v1/operation.pb.h"
#include "replication/open_answers.h"
#include "storage/file_system.h"

namespace holdfast::failover {

// What a server offers to operators: plans with itself as the candidate, and one operation at a time that it
// carries out, whether anybody watches or not. Strand.
class Operations {
 public:
  struct Options : NodeParts {
    Random* random = nullptr;
    storage::FileSystem* files = nullptr;
    // Appends a control record while this node is primary (failover/settlement.h); may be empty.
    std::function<void(Settlement::MakeDraft make, absl::Duration deadline)> append;
    std::function<void(const v1::Operation&)> on_change;  // for the log of the program; may be empty
  };

  explicit Operations(Options options);
  ~Operations();

  // Goes on with an operation whose EPOCH record is in the log: it can only be finished. One that was
  // interrupted before that waits for `Resume` or `Abort`.
  void Start();
  // The role of the node may have changed: a primary that was handed over watches over it.
  void OnRoleChange() { hand_back_.Look(); }
  // An operation is under way with this node as its candidate.
  bool IsRunning() const { return driven_ != nullptr && !driven_->has_ended(); }
  // Answers whoever waits; the operation that runs is interrupted as by a crash.
  void Stop();

  void Plan(const v1::PlanOperationRequest& request,
            std::function<void(absl::StatusOr<v1::PlanOperationResponse>)> done);
  // Gathers and plans anew, and begins if that plan has the confirmed id. CHECK_FAILED, PLAN_CHANGED,
  // OPERATION_RUNNING; errors of the journal.
  void Begin(const v1::StartOperationRequest& request,
             std::function<void(absl::StatusOr<v1::StartOperationResponse>)> done);
  // OPERATION_NOT_FOUND. Waits until `deadline` (SinceBoot) for a change, then answers as it is.
  void Get(const v1::GetOperationRequest& request, absl::Duration deadline,
           std::function<void(absl::StatusOr<v1::GetOperationResponse>)> done);
  absl::StatusOr<v1::ListOperationsResponse> List() const;
  // Also of one that has ended INCOMPLETE or UNKNOWN: it finds out how it stands. OPERATION_NOT_FOUND,
  // OPERATION_ENDED, OPERATION_RUNNING (another one).
  absl::StatusOr<v1::ResumeOperationResponse> Resume(const v1::ResumeOperationRequest& request);
  absl::StatusOr<v1::AbortOperationResponse> Abort(const v1::AbortOperationRequest& request);
  // Errors of Replica::Rejoin, but none for a node that follows already.
  absl::StatusOr<v1::RejoinResponse> Rejoin();

 private:
  struct Waiter {
    std::string operation_id;
    uint64_t seen = 0;
    Executor::TimerId timer = 0;
    std::function<void(absl::StatusOr<v1::GetOperationResponse>)> done;
  };

  void MakePlanNow(v1::OperationKind kind, const v1::Overrides& overrides, const v1::Vantage& command,
                   const std::set<std::string>& as_if_gone, std::function<void(v1::Plan)> done);
  PlanInput InputOf(v1::OperationKind kind, const v1::Overrides& overrides, v1::ClusterView view) const;
  // The operation that is to be confirmed; `driven` by this node from here on.
  v1::Operation MakeOperation(v1::Plan plan) const;
  // F7: the candidate that this primary was handed over to has not begun. False if a plan or an operation of
  // somebody is under way.
  bool TakeBack(const v1::EpochPromise& given);
  void Drive(v1::Operation operation);
  bool IsDriven(absl::string_view operation_id) const;
  // The operation that an id, or its unambiguous beginning, names; the newest one for an empty id.
  absl::StatusOr<v1::Operation> Named(absl::string_view operation_id) const;
  void AnswerWaiters();
  v1::GetOperationResponse Answer(v1::Operation operation) const;

  const Options options_;
  Journal journal_;
  ViewGatherer gatherer_;
  HandBack hand_back_;
  Herald herald_;
  Settlement settlement_;
  replication::OpenAnswers answers_;  // of calls that wait for a round of questions
  std::unique_ptr<Promotion> driven_;
  // Whose question the round of questions is that is under way. An operator's takes the place of a
  // take-back's (HandBack asks again), never of another operator's.
  enum class Asker { kNobody, kTakeBack, kOperator };
  Asker asker_ = Asker::kNobody;
  bool is_stopped_ = false;
  std::set<std::string> silent_;  // who did not answer when the last plan was made
  absl::Duration planned_at_ = -absl::InfiniteDuration();
  uint64_t changes_ = 0;
  std::vector<std::shared_ptr<Waiter>> waiters_;
};

}  // namespace holdfast::failover
