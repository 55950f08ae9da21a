#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "failover/branches.h"
#include "failover/hand_over.h"
#include "failover/journal.h"
#include "failover/node_parts.h"
#include "failover/verdict.h"
#include "holdfast/v1/operation.pb.h"
#include "replication/lifetime.h"

namespace holdfast::failover {

// Whether the log of an operation's candidate has its EPOCH record: the point of no return.
enum class EpochRecord {
  kNone,     // not written: nothing that a client can see has changed
  kInLog,    // written, and there
  kUnknown,  // it may have been written, and committed, and another epoch has taken its place since
};
EpochRecord EpochRecordOf(storage::Store& store, const v1::Operation& operation);

// Carries out a confirmed plan at its candidate, a step at a time, each journaled before it has an effect:
//
//   pre-copy, freeze, drain  of a switchover only: hand_over.h
//   promise-self  R2: its own promise, before anybody else is asked
//   promises      R1, R4: every reachable member's; from then on nothing of a lower epoch is taken there
//   harvest       R6: the highest log among them, verified by hash and digest as it comes
//   judge         R5: with the rules of that log; stops if the verdict is worse than what was confirmed, or
//                 if the logs have gone different ways and nobody has chosen (R20)
//   epoch         R7, R10, R20: the EPOCH record: the point of no return
//   open          R14: its record is committed, commits are admitted
//   converge      every reachable node follows the new epoch; repeated promises tell them where to go
//
// May be begun again at any step after a crash, and behind the point of no return also when it has ended
// INCOMPLETE or UNKNOWN: a promise given is given again, a record that is there is not written twice. Every
// step is bounded in time. Strand.
class Promotion {
 public:
  struct Options : NodeParts {
    Journal* journal = nullptr;
    std::function<void(const v1::Operation&)> on_change;  // strand; after it is journaled
  };

  Promotion(Options options, v1::Operation operation);
  ~Promotion();

  // Takes the first step. Later calls do nothing.
  void Begin();
  // The operator gives up: before the point of no return it ends ROLLED_BACK, naming the promises that
  // remain; OPERATION_ENDED afterwards.
  absl::Status Abort();

  const v1::Operation& operation() const { return operation_; }
  bool has_ended() const { return operation_.state() != v1::OPERATION_STATE_RUNNING; }

 private:
  // Asked again and again while nodes come; who does not answer, and how often in a row.
  struct Absence {
    absl::Status why;
    int times = 0;
  };

  // promotion.cc: up to the record.
  void BeginHandOver();
  void PromiseSelf();
  void AskPromises();
  void OnPromise(const v1::NodeInfo& member, const absl::StatusOr<v1::PromiseResponse>& said);
  void JudgePromises();
  void Harvest();
  void Fetch(const std::string& from);
  void OnRecords(const std::string& from, absl::StatusOr<v1::FetchRecordsResponse> fetched);
  void OnCannotGive(const std::string& from, const absl::Status& why);
  void JudgeAgain();
  void AppendEpoch();

  // promotion_converge.cc: behind it.
  void WaitOpen();
  void LookWhetherOpen();
  void EndNotOpen();
  void Converge();
  void LookForArrivals();
  void AskWhoLacks();
  void OnLook(const std::string& node_id, const absl::StatusOr<v1::PromiseResponse>& said);
  std::string WhyNotBegun() const;
  bool IsSuperseded() const;
  void EndSuperseded();
  bool HasArrived(const std::string& node_id) const;
  bool AllCame() const;
  bool IsRuleSettled() const;
  void Arrive(const std::string& node_id);
  void EndConverged();
  std::string RemainsOf(const v1::NodeInfo& member, v1::NodeArrival* arrival, bool* is_complete) const;

  // promotion_state.cc: what the arithmetic needs, from the store and the answers so far.
  CandidateLog Candidate() const;
  // Also of those who have promised and could not give their records?
  enum class Givers { kOnly, kAndOthers };
  std::vector<v1::PromiseResponse> Words(Givers givers = Givers::kOnly) const;
  Branches BranchesOf(const std::vector<v1::PromiseResponse>& words) const;
  v1::Verdict Verdict() const;
  std::vector<v1::DurabilityRule> Waived(const v1::Verdict& verdict) const;
  std::string AnotherPlan() const;
  absl::Status WhyWorse(const v1::Verdict& verdict) const;
  bool IsAsGoodAsConfirmed(const v1::Verdict& verdict) const;
  bool IsEnough() const;
  bool HaveVotersAnswered() const;
  bool IsLeftBehind() const;
  bool IsSwitchover() const { return operation_.plan().kind() == v1::OPERATION_KIND_SWITCHOVER; }
  bool HasHandedOver() const;
  absl::Status WhyNotHandedOver() const;
  v1::DurabilityRule NewRule() const;
  storage::RecordDraft EpochDraft(const v1::Verdict& verdict) const;
  v1::PromiseRequest Request() const;

  // promotion_state.cc: the books.
  void StartStep(const std::string& name);
  void EndStep(const std::string& detail);
  void CloseStep(v1::OperationState state, const std::string& detail);
  bool IsIn(const std::string& name) const;  // the step that is being taken
  bool Note();                               // journals and tells; false if the operation has ended by that
  void NamePromisesLeft();
  absl::Status WhyReally(const absl::Status& why) const;
  void End(v1::OperationState state, const absl::Status& cause);

  const Options options_;
  v1::Operation operation_;
  v1::EpochPromise promise_;
  absl::Duration started_at_;
  absl::Duration step_at_;
  std::optional<absl::Duration> epoch_at_;  // of a record that was written by this process
  absl::Duration wait_until_;
  std::unique_ptr<HandOver> hand_over_;  // of a switchover, until it has ended
  bool begun_ = false;
  bool is_past_return_ = false;
  int promises_open_ = 0;
  absl::Duration last_call_ = absl::InfiniteDuration();  // since enough have promised
  std::map<std::string, v1::PromiseResponse> promised_;
  std::map<std::string, absl::Status> refused_;
  std::map<std::string, int> fetch_failures_;
  std::set<std::string> cannot_give_;  // whose records could not be fetched: their promises do not count
  std::set<std::string> asked_;        // whose answer is awaited, while nodes arrive
  std::map<std::string, Absence> absent_;
  replication::Lifetime step_life_;
  replication::Lifetime look_life_;
};

}  // namespace holdfast::failover
