#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "replication/commit_count.h"
#include "replication/follower.h"
#include "replication/known_inventory.h"
#include "replication/lifetime.h"
#include "replication/open_answers.h"
#include "replication/recent_records.h"
#include "replication/replica.h"
#include "replication/resume.h"
#include "replication/sender.h"
#include "replication/snapshot_copies.h"

namespace holdfast::replication {

// The one implementation of Replica. Its verbs are spread over files by concern:
//   replica.cc          start, stop, observers, what the follower asks
//   replica_view.cc     what other threads and services see
//   replica_primary.cc  being primary: begin, resume (R18), count, suspend, fence
//   replica_peers.cc    what other nodes ask: follow, snapshots, promises
//   replica_pin.cc      the upstream that was chosen by hand
//   replica_answer.cc   what this node says of itself: position, who feeds it, its log
//   replica_harvest.cc  what a candidate needs of others, and they of it: records, and who reaches whom
class ReplicaImpl : public Replica, private SenderHost, private FollowerHost, private storage::StoreObserver {
 public:
  explicit ReplicaImpl(Options options);
  ~ReplicaImpl() override;

  // Replica.
  void Start() override;
  void Stop() override;
  ReplicaView view() const override;
  std::optional<absl::Duration> FreshAt() const override;
  std::optional<absl::Duration> Staleness() const override;
  std::vector<v1::NodeInfo> nodes() const override { return inventory_.inventory().nodes; }
  std::vector<v1::NodeInfo> leaving() const override { return inventory_.leaving(); }
  v1::ClusterInfo cluster() const override { return inventory_.inventory().cluster; }
  std::vector<v1::UnsettledEpoch> unsettled() const override { return inventory_.inventory().unsettled; }
  std::vector<v1::FollowerStatus> followers() const override;
  void InitCluster(const std::string& cluster_id, storage::RecordDraft first_epoch,
                   std::function<void(absl::Status)> done) override;
  void BeginEpoch(uint64_t epoch, storage::RecordDraft first,
                  std::function<void(absl::Status)> done) override;
  absl::StatusOr<Position> AppendHarvested(uint64_t epoch, const Position& ancestor,
                                           const v1::FollowRecords& records, bool by_name) override;
  void SetRunningOperation(std::optional<v1::EpochPromise> running) override {
    running_operation_ = std::move(running);
  }
  absl::Status Rejoin() override;
  absl::Status PinUpstream(v1::UpstreamPin pin) override;
  v1::UpstreamPin pin() const override { return pin_; }
  absl::StatusOr<v1::SlotLoan> LendSlot(const v1::LendSlotRequest& request) override;
  absl::Status TakeSlot(const v1::TakeSlotRequest& request) override;
  std::optional<v1::SlotLoan> held_loan() const override;
  absl::Status Repair(absl::string_view why) override;
  absl::Status CanAdmit() const override;
  uint64_t epoch() const override;
  void OnOwnAppend() override;
  Acknowledgement AcknowledgedAt(Revision revision) const override;
  bool RuleSettled() const override;

  // PeerService.
  std::unique_ptr<StreamEvents<v1::FollowRequest>> AcceptFollow(
      std::unique_ptr<StreamEnd<v1::FollowResponse>> stream) override;
  absl::StatusOr<std::unique_ptr<SnapshotSource>> AcceptFetchSnapshot(
      const v1::FetchSnapshotRequest& request) override;
  absl::StatusOr<v1::PromiseResponse> AcceptPromise(const v1::PromiseRequest& request) override;
  absl::StatusOr<v1::FreezeResponse> AcceptFreeze(const v1::FreezeRequest& request) override;
  void AcceptFetchRecords(const v1::FetchRecordsRequest& request,
                          std::function<void(absl::StatusOr<v1::FetchRecordsResponse>)> done) override;
  void AcceptLook(const v1::LookRequest& request,
                  std::function<void(absl::StatusOr<v1::LookResponse>)> done) override;

 private:
  enum class Role { kNew, kFollower, kRecovering, kPrimary, kSuspended, kFenced, kHalted, kStopped };

  // SenderHost.
  HandshakeVerdict OnHello(const v1::FollowHello& hello) override;
  void FillVerdict(v1::FollowVerdict* verdict) override;
  Position SendableEnd() override;
  Position Committed() override;
  std::optional<absl::Duration> OwnStaleness() override;
  void OnHolds(Sender* sender, uint64_t stream_epoch, const Position& held,
               Revision durable_committed) override;
  void OnSenderClosed(Sender* sender) override;

  // FollowerHost.
  std::vector<UpstreamPolicy::Candidate> Candidates() override;
  std::optional<UpstreamPolicy::Candidate> Pinned() override;
  bool IsVoterNow() const override;
  v1::FollowHello MakeHello() override;
  absl::Status Admit(const StreamIdentity& stream, const std::string& cluster_id) override;
  Position DurableCommitted() override { return durable_committed_; }
  void OnUpstreamChanged() override;
  void ForgetBound() override;
  void OnProgress() override;
  void OnRepaired(const std::string& kept_as) override;
  void Halt(const absl::Status& status) override;

  // StoreObserver.
  void OnAppended(absl::Span<const storage::LogRecordPtr> records) override;
  void OnVisible(const Position& visible) override;
  void OnRewound(const Position& ancestor, const Position& visible_before,
                 const std::vector<std::string>& touched_keys) override;
  void OnReplaced(const Position& visible) override;

  // Start.
  // Recovers; after a passing failure again, later.
  void Begin();
  absl::Status Recover();
  absl::Status RecoverKnown();
  absl::Status LoadPin();
  absl::Status RecoverRole();
  // Does the newest epoch of the log belong to this node, which has not given it up by rejoining?
  absl::StatusOr<bool> OwnsNewestEpoch();
  absl::Status NoteCommittedRule();

  // Being primary.
  std::map<std::string, std::string> OtherServers() const;
  void StartRecovering();
  void AskVoters();
  void JudgeAnswers(bool round_over);
  void BecomePrimary();
  void NoteHandOver(const v1::EpochPromise& promise);
  void LosePrimary(Role role, uint64_t other_epoch, std::string activity);
  absl::Status BeginEpochNow(uint64_t epoch, const storage::RecordDraft& first);
  absl::Status CheckSlot(uint64_t epoch) const;
  void AdvanceCommit();
  void NoteFreshPrimary();
  void AnswerBegin(const absl::Status& status);

  // Feeding others.
  UpstreamState::Standing StandingNow() const;
  StreamIdentity OwnStream() const;  // what this node feeds, or fed
  std::optional<StreamIdentity> FollowedStream() const;
  void ForEachSender(const std::function<void(Sender&)>& visit);
  void EndSenders(const absl::Status& status);
  void LogWasReplaced(Revision kept);
  void ReloadInventory();

  // What others see.
  v1::PromiseResponse Answer(bool describe_log) const;
  std::optional<v1::Feed> FeedNow() const;
  VoterId Self() const;
  std::string PinSays() const;
  bool HasLog() const { return !options_.store->appended().revision.is_zero(); }
  bool IsFollowing() const { return role_ == Role::kFollower; }
  v1::NodeRole RoleForOthers() const;
  void SetRole(Role role, std::string activity);
  void UpdateView(bool rule_changed = false);

  const Options options_;
  KnownInventory inventory_;
  RecentRecords recent_;
  SnapshotCopies copies_;
  Follower follower_;
  std::vector<std::shared_ptr<Sender>> senders_;
  std::optional<CommitCount> count_;
  std::optional<Resume> resume_;
  v1::EpochPromise handed_over_;  // the highest promise of a hand-over among the answers to `resume_`
  int questions_open_ = 0;
  Lifetime lifetime_;
  OpenAnswers answers_;  // of calls that wait for something else
  Lifetime questions_;
  Backoff question_backoff_;
  Backoff retry_backoff_;   // of Begin and ReloadInventory
  absl::Status not_begun_;  // why Recover has to be tried again
  Role role_ = Role::kNew;
  uint64_t own_epoch_ = 0;    // of the primary that this node is or was
  uint64_t other_epoch_ = 0;  // the higher one that suspended or fenced it
  std::string activity_;
  absl::Status halted_;
  std::vector<std::string> last_path_;
  std::optional<StreamIdentity> last_stream_;
  Position durable_committed_;
  Revision begin_revision_;
  Revision begin_end_;  // the end of the log when this node became primary
  std::function<void(absl::Status)> begin_done_;
  v1::UpstreamPin pin_;  // as in node.db
  std::optional<v1::EpochPromise> running_operation_;
  absl::Duration frozen_until_ = -absl::InfiniteDuration();  // SinceBoot: until then nothing is admitted
  std::string frozen_for_;                                   // to whom this primary is handed over
  bool observing_ = false;
  bool reload_posted_ = false;

  // SinceBoot nanoseconds at which everything committed was shown here; kNever, or kAlways for a primary.
  static constexpr int64_t kNever = INT64_MIN;
  static constexpr int64_t kAlways = INT64_MAX;
  std::atomic<int64_t> fresh_at_ns_{kNever};
  absl::Duration started_at_;
  mutable Mutex mu_;
  ReplicaView view_ ABSL_GUARDED_BY(mu_);
};

}  // namespace holdfast::replication
