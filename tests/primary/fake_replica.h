#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "replication/replica.h"
#include "storage/store.h"

namespace holdfast::primary {

// A primary whose voters acknowledge at once, or when the test says so.
class FakeReplica : public replication::Replica {
 public:
  storage::Store* store = nullptr;
  absl::Status admit;
  bool hold = false;  // nothing is committed until CommitAll
  v1::ClusterInfo known;
  std::vector<v1::NodeInfo> members;
  std::vector<v1::FollowerStatus> fed;

  void CommitAll() { ASSERT_TRUE(store->AdvanceVisible(store->appended()).ok()); }

  absl::Status CanAdmit() const override { return admit; }
  uint64_t epoch() const override { return 0; }
  void OnOwnAppend() override {
    if (!hold) CommitAll();
  }
  Acknowledgement AcknowledgedAt(Revision) const override {
    return {.acknowledged = 1, .needed = 2, .local = false};
  }
  bool RuleSettled() const override { return true; }

  void Start() override {}
  void Stop() override {}
  replication::ReplicaView view() const override {
    replication::ReplicaView view;
    view.role = admit.ok() ? v1::NODE_ROLE_PRIMARY : v1::NODE_ROLE_SUSPENDED;
    return view;
  }
  std::optional<absl::Duration> FreshAt() const override { return absl::InfiniteDuration(); }
  std::optional<absl::Duration> Staleness() const override { return absl::ZeroDuration(); }
  std::vector<v1::NodeInfo> nodes() const override { return members; }
  std::vector<v1::NodeInfo> leaving() const override { return {}; }
  v1::ClusterInfo cluster() const override { return known; }
  std::vector<v1::UnsettledEpoch> unsettled() const override { return {}; }
  std::vector<v1::FollowerStatus> followers() const override { return fed; }
  void BeginEpoch(uint64_t, storage::RecordDraft, std::function<void(absl::Status)>) override {}
  absl::Status Rejoin() override { return absl::UnimplementedError("not part of these tests"); }
  absl::Status PinUpstream(v1::UpstreamPin) override {
    return absl::UnimplementedError("not part of these tests");
  }
  v1::UpstreamPin pin() const override { return {}; }
  absl::StatusOr<v1::SlotLoan> LendSlot(const v1::LendSlotRequest&) override {
    return absl::UnimplementedError("not part of these tests");
  }
  absl::Status TakeSlot(const v1::TakeSlotRequest&) override {
    return absl::UnimplementedError("not part of these tests");
  }
  std::optional<v1::SlotLoan> held_loan() const override { return std::nullopt; }
  absl::Status Repair(absl::string_view) override {
    return absl::UnimplementedError("not part of these tests");
  }
  absl::StatusOr<Position> AppendHarvested(uint64_t, const Position&, const v1::FollowRecords&,
                                           bool) override {
    return absl::UnimplementedError("not part of these tests");
  }
  void SetRunningOperation(std::optional<v1::EpochPromise>) override {}
  // The record is committed when the test calls `begun`.
  void InitCluster(const std::string&, storage::RecordDraft,
                   std::function<void(absl::Status)> done) override {
    begun = std::move(done);
  }
  std::function<void(absl::Status)> begun;
  std::unique_ptr<replication::StreamEvents<v1::FollowRequest>> AcceptFollow(
      std::unique_ptr<replication::StreamEnd<v1::FollowResponse>>) override {
    return nullptr;
  }
  absl::StatusOr<std::unique_ptr<SnapshotSource>> AcceptFetchSnapshot(
      const v1::FetchSnapshotRequest&) override {
    return absl::UnimplementedError("not part of these tests");
  }
  absl::StatusOr<v1::PromiseResponse> AcceptPromise(const v1::PromiseRequest&) override {
    return absl::UnimplementedError("not part of these tests");
  }
  absl::StatusOr<v1::FreezeResponse> AcceptFreeze(const v1::FreezeRequest&) override {
    return absl::UnimplementedError("not part of these tests");
  }
  void AcceptFetchRecords(const v1::FetchRecordsRequest&,
                          std::function<void(absl::StatusOr<v1::FetchRecordsResponse>)> done) override {
    done(absl::UnimplementedError("not part of these tests"));
  }
  void AcceptLook(const v1::LookRequest&,
                  std::function<void(absl::StatusOr<v1::LookResponse>)> done) override {
    done(absl::UnimplementedError("not part of these tests"));
  }
};

}  // namespace holdfast::primary
