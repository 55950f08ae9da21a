#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "failover/operations.h"
#include "tests/replication/replica_fixture.h"

namespace holdfast::failover {

using replication::TestNode;

// p is primary; a and b are standbys, x and z proxies. Two of {a, b, x} vote.
class OperationsTest : public replication::ReplicaTest {
 protected:
  explicit OperationsTest(std::string first = "p")
      : ReplicaTest(std::move(first)), random_(SeededRandom(5)) {}
  ~OperationsTest() override { operations_.clear(); }

  void Begin() {
    for (const char* id : {"p", "a", "b"}) Add(id);
    for (const char* id : {"x", "z"}) Add(id, v1::NODE_KIND_PROXY);
    const auto begun = Init({"a", "b", "x"}, 2);
    ASSERT_TRUE(begun && begun->ok()) << begun.value_or(absl::OkStatus());
    for (const char* id : {"p", "a", "b"}) Serve(id);
    CommitEverywhere("k");
  }
  // What a server of this process offers to operators. Loses power when `last_step` of an operation begins.
  void Serve(const std::string& id, const std::string& last_step = "") {
    TestNode& server = node(id);
    Operations::Options options;
    options.store = &server.store();
    options.replica = &server.replica();
    options.transport = &server.transport();
    options.strand = &server.strand();
    options.clock = server.clock();
    options.random = random_.get();
    options.files = &server.files();
    options.on_change = [this, &server, last_step](const v1::Operation& now) {
      steps_.push_back(now.steps_size() == 0 ? "" : now.steps().rbegin()->name());
      if (steps_.back() == last_step) server.LosePower();
      if (on_step) on_step(steps_.back());
    };
    operations_[id] = std::make_unique<Operations>(std::move(options));
    server.on_change = [operations = operations_[id].get()] { operations->OnRoleChange(); };
    server.strand().Post([operations = operations_[id].get()] { operations->Start(); });
    time_.RunFor(absl::Milliseconds(1));
  }
  void Kill(const std::string& id) {
    operations_.erase(id);
    node(id).on_change = nullptr;
    node(id).Kill();
  }
  Position CommitEverywhere(const std::string& key) {
    std::string primary = PrimaryBesideP();
    const bool is_beside_p = !primary.empty();
    if (!is_beside_p) primary = Primary();
    EXPECT_EQ(primary.size(), 1u) << primary;
    const Position position = Commit(primary, key, "1");
    for (auto& [id, member] : nodes_) {
      if (!member->is_up() || (id == "p" && is_beside_p && network_.IsCut("p", primary))) continue;
      // A promise may still be on its way to the primary of an operation that was given up: then it takes its
      // role back, and there is an EPOCH record behind the commit.
      const auto shows = [&position, at = member.get()] {
        if (at->store().visible().revision < position.revision) return false;
        const auto held = at->store().PositionAt(position.revision);
        return held.ok() && *held == position;
      };
      EXPECT_TRUE(time_.RunUntil(shows, absl::Seconds(30))) << id;
    }
    return position;
  }
  // Who admits commits; nobody, or everybody who does.
  std::string Primary() {
    std::string primary;
    for (auto& [id, member] : nodes_) {
      if (member->is_up() && member->replica().CanAdmit().ok()) primary += id;
    }
    return primary;
  }
  // The same, but for p, which may be cut off and not have heard.
  std::string PrimaryBesideP() {
    std::string primary = Primary();
    std::erase(primary, 'p');
    return primary;
  }

  void BeginAnew() {
    operations_.clear();
    for (auto& [id, killed] : nodes_) killed->Kill();
    nodes_.clear();
    steps_.clear();
    network_.HealAll();
    Begin();
  }

  v1::Plan PlanAt(const std::string& id, v1::OperationKind kind = v1::OPERATION_KIND_SWITCHOVER) {
    std::optional<v1::Plan> plan;
    v1::PlanOperationRequest request;
    request.set_kind(kind);
    node(id).strand().Post([&] {
      operations_[id]->Plan(request, [&](const absl::StatusOr<v1::PlanOperationResponse>& planned) {
        ASSERT_TRUE(planned.ok()) << planned.status();
        plan = planned->plan();
      });
    });
    EXPECT_TRUE(time_.RunUntil([&] { return plan.has_value(); }, absl::Seconds(10)));
    return plan.value_or(v1::Plan());
  }
  // Says yes to a plan: OK once it has begun, or why it has not.
  absl::Status Confirm(const std::string& id, const v1::Plan& plan, const std::string& who = "kim") {
    v1::StartOperationRequest request;
    request.set_kind(plan.kind());
    *request.mutable_overrides() = plan.overrides();
    request.set_plan_id(plan.plan_id());
    request.set_operator_name(who);
    request.set_host("the host of " + who);
    std::optional<absl::Status> begun;
    node(id).strand().Post([&] {
      operations_[id]->Begin(request, [&](const absl::StatusOr<v1::StartOperationResponse>& response) {
        begun = response.status();
      });
    });
    EXPECT_TRUE(time_.RunUntil([&] { return begun.has_value(); }, absl::Seconds(10)));
    return begun.value_or(absl::UnknownError("no answer"));
  }
  // Confirms what is planned.
  void Start(const std::string& id, v1::OperationKind kind = v1::OPERATION_KIND_SWITCHOVER) {
    const v1::Plan plan = PlanAt(id, kind);
    ASSERT_TRUE(plan.admissible()) << plan.DebugString();
    const absl::Status begun = Confirm(id, plan);
    ASSERT_TRUE(begun.ok()) << begun;
  }
  v1::Operation Newest(const std::string& id) {
    const auto listed = operations_[id]->List();
    EXPECT_TRUE(listed.ok()) << listed.status();
    return listed.ok() && listed->operations_size() > 0 ? listed->operations(0) : v1::Operation();
  }
  v1::Operation End(const std::string& id) {
    EXPECT_TRUE(
        time_.RunUntil([&] { return Newest(id).state() != v1::OPERATION_STATE_RUNNING; }, absl::Seconds(60)))
        << Newest(id).DebugString();
    return Newest(id);
  }

  const std::unique_ptr<Random> random_;
  std::map<std::string, std::unique_ptr<Operations>> operations_;
  std::vector<std::string> steps_;
  std::function<void(const std::string& step)> on_step;  // of any operation, as often as it changes
};

}  // namespace holdfast::failover
