#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "failover/own_node.h"
#include "failover/plan.h"
#include "failover/promotion.h"
#include "failover/view_gatherer.h"
#include "replication/store_log.h"
#include "tests/replication/replica_fixture.h"

namespace holdfast::failover {

using replication::TestNode;

// p is primary in dc1; a and b, the pair, and the proxies x and z are in dc2. Two of {a, b, x}.
class PromotionTest : public replication::ReplicaTest {
 protected:
  void Begin(const std::vector<std::string>& voters = {"a", "b", "x"}, uint32_t quorum = 2) {
    for (const char* id : {"p", "a", "b"}) Add(id);
    for (const char* id : {"x", "z"}) Add(id, v1::NODE_KIND_PROXY);
    const auto begun = Init(voters, quorum);
    ASSERT_TRUE(begun && begun->ok()) << begun.value_or(absl::OkStatus());
    for (const char* id : {"a", "b", "x", "z"})
      ASSERT_TRUE(RunUntilShown(id, node("p").store().visible())) << id;
  }
  // All of it once more from nothing.
  void BeginAnew() {
    for (auto& [id, killed] : nodes_) killed->Kill();
    nodes_.clear();
    network_.HealAll();
    Begin();
  }
  Position CommitEverywhere(const std::string& key) {
    const Position position = Commit("p", key, "1");
    for (const char* id : {"a", "b", "x", "z"}) EXPECT_TRUE(RunUntilShown(id, position)) << id;
    return position;
  }

  // A record that x alone has, beside the lost primary: not acknowledged, and kept all the same (R6).
  Position CommitOnlyAtX() {
    for (const char* id : {"a", "b", "z"}) {
      network_.Cut("p", id);
      network_.Reset("p", id);
    }
    const Position last = Commit("p", "more", "1");
    EXPECT_TRUE(time_.RunUntil([&] { return node("x").store().appended() == last; }, absl::Seconds(10)));
    Isolate("p");
    return last;
  }
  void Unite(const std::string& id) {
    for (auto& [other, unused] : nodes_) {
      network_.Heal(id, other);
      network_.Heal(other, id);
    }
  }

  v1::Plan PlanAt(const std::string& id, const v1::Overrides& overrides = {},
                  v1::OperationKind kind = v1::OPERATION_KIND_PROMOTE) {
    TestNode& candidate = node(id);
    ViewGatherer gatherer({&candidate.store(), &candidate.replica(), &candidate.transport(),
                           &candidate.strand(), candidate.clock()});
    std::optional<v1::ClusterView> view;
    candidate.strand().Post(
        [&] { gatherer.Gather({}, {}, [&](v1::ClusterView gathered) { view = std::move(gathered); }); });
    EXPECT_TRUE(time_.RunUntil([&] { return view.has_value(); }, absl::Seconds(5)));
    PlanInput input;
    input.overrides = overrides;
    input.candidate = OwnLog(candidate.store(), candidate.replica());
    const auto newest = replication::NewestEpoch(candidate.store());
    if (newest && newest->epoch) input.newest_epoch = *newest->epoch;
    input.self_role = candidate.role();
    input.kind = kind;
    for (const v1::NodeInfo& member : candidate.replica().nodes()) {
      if (member.node_id() == id) input.self = member;
    }
    if (const auto loan = candidate.replica().held_loan()) {
      input.self.set_slot(loan->slot());
      input.self.set_incarnation(loan->incarnation());
    }
    input.self_promised = candidate.store().node().promise().epoch();
    input.disk_free_bytes = int64_t{1} << 40;
    input.view = *view;
    return MakePlan(input);
  }

  // A promotion in its node's process.
  struct Running {
    std::unique_ptr<Journal> journal;
    std::unique_ptr<Promotion> promotion;
    std::vector<std::string> steps;                        // as they begin
    std::function<void(const std::string& step)> on_step;  // as one begins
  };
  // Loses power when `last_step` has begun.
  std::unique_ptr<Running> Start(const std::string& id, v1::Operation operation,
                                 const std::string& last_step = "") {
    TestNode& candidate = node(id);
    auto running = std::make_unique<Running>();
    running->journal = std::make_unique<Journal>(&candidate.store().node());
    Promotion::Options options;
    options.store = &candidate.store();
    options.replica = &candidate.replica();
    options.transport = &candidate.transport();
    options.strand = &candidate.strand();
    options.clock = candidate.clock();
    options.journal = running->journal.get();
    options.on_change = [&candidate, last_step, running = running.get()](const v1::Operation& now) {
      const std::string& name = now.steps().rbegin()->name();
      if (!running->steps.empty() && running->steps.back() == name) return;
      running->steps.push_back(name);
      if (name == last_step) candidate.LosePower();
      if (running->on_step) running->on_step(name);
    };
    running->promotion = std::make_unique<Promotion>(std::move(options), std::move(operation));
    candidate.strand().Post([promotion = running->promotion.get()] { promotion->Begin(); });
    return running;
  }
  static v1::Operation Of(const v1::Plan& plan) {
    v1::Operation operation;
    operation.set_operation_id(absl::StrCat("op-of-", plan.candidate(), "-", plan.epoch()));
    *operation.mutable_plan() = plan;
    operation.set_state(v1::OPERATION_STATE_RUNNING);
    operation.set_operator_name("kim");
    return operation;
  }
  v1::Operation End(const Running& running) {
    EXPECT_TRUE(time_.RunUntil([&] { return running.promotion->has_ended(); }, absl::Seconds(60)))
        << running.promotion->operation().DebugString();
    return running.promotion->operation();
  }
  v1::Operation Promote(const std::string& id, const v1::Overrides& overrides = {},
                        v1::OperationKind kind = v1::OPERATION_KIND_PROMOTE) {
    const v1::Plan plan = PlanAt(id, overrides, kind);
    EXPECT_TRUE(plan.admissible()) << plan.DebugString();
    return End(*Start(id, Of(plan)));
  }
  bool RunUntilStep(const Running& running, const std::string& step) {
    return time_.RunUntil([&] { return std::count(running.steps.begin(), running.steps.end(), step) > 0; },
                          absl::Seconds(60));
  }
  // The newest operation in the journal of a node.
  v1::Operation Journaled(const std::string& id) {
    Journal journal(&node(id).store().node());
    const absl::StatusOr<std::vector<v1::Operation>> operations = journal.List();
    EXPECT_TRUE(operations.ok() && !operations->empty()) << operations.status();
    return operations.ok() && !operations->empty() ? operations->front() : v1::Operation();
  }
  bool Follows(const std::string& id, const std::string& primary) {
    return time_.RunUntil([&] { return node(id).store().visible() == node(primary).store().visible(); },
                          absl::Seconds(30));
  }
};

}  // namespace holdfast::failover
