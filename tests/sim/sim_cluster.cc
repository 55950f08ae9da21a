#include "tests/sim/sim_cluster.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace holdfast::sim {

SimCluster::SimCluster(World* world) : world_(world), primary_(world->scenario.nodes.front().node_id) {
  world_->on_primary = [this](const std::string& node_id, uint64_t epoch) { NotePrimary(node_id, epoch); };
  std::vector<std::string> seeds;
  for (const NodePlan& plan : world_->scenario.nodes) seeds.push_back(plan.node_id);
  for (const NodePlan& a : world_->scenario.nodes) {
    nodes_.push_back(std::make_unique<SimNode>(world_, a, seeds));
    for (const NodePlan& b : world_->scenario.nodes) {
      world_->network.SetLink(
          a.node_id, b.node_id,
          a.site == b.site ? world_->scenario.inside_site : world_->scenario.between_sites);
    }
  }
}

SimCluster::~SimCluster() { EndAll(); }

void SimCluster::EndAll() {
  for (const auto& node : nodes_) node->EndProcess(/*reset=*/true);
}

v1::NodeSpec SimCluster::SpecOf(const NodePlan& plan) {
  v1::NodeSpec spec;
  spec.set_node_id(plan.node_id);
  spec.set_site(plan.site);
  spec.set_kind(plan.kind);
  spec.set_client_address(plan.node_id + ":client");
  spec.set_peer_address(plan.node_id);
  spec.set_voter(plan.voter);
  return spec;
}

void SimCluster::NotePrimary(const std::string& node_id, uint64_t epoch) {
  if (epoch < primary_epoch_) return;  // it was down since, and finds out now
  primary_ = node_id;
  primary_epoch_ = epoch;
}

SimNode& SimCluster::node(const std::string& id) {
  for (const auto& node : nodes_) {
    if (node->id() == id) return *node;
  }
  HF_CHECK(false, "no such node");
}

SimNode* SimCluster::AnyUpNode() {
  SimNode& node = AnyNode();
  return node.is_up() ? &node : nullptr;
}

SimNode* SimCluster::AnyServingNode() {
  SimNode* const node = AnyUpNode();
  if (node == nullptr) return nullptr;
  const absl::Status serves = node->serving().CheckServes();
  if (serves.ok()) {
    serving_[node->id()] = {node->life(), std::nullopt};
    return node;
  }
  const Entry* const shown = world_->checker.facts(node->id()).visible;
  if (node->plan().kind != v1::NODE_KIND_PROXY || shown == nullptr) return nullptr;
  Serving& known = serving_[node->id()];
  if (known.life != node->life()) known = {node->life(), world_->time.now()};
  if (!known.silent_since || world_->time.now() - *known.silent_since > kMaxUntilServing) {
    world_->violations.Add(
        "I12", absl::StrCat(node->id(), " shows ", Name(shown), " and does not serve: ", serves.ToString()));
  }
  return nullptr;
}

v1::InitRequest SimCluster::InitRequest() const {
  v1::InitRequest request;
  request.set_quorum(world_->scenario.quorum);
  request.set_operator_name("sim");
  request.set_host("sim");
  for (const NodePlan& plan : world_->scenario.nodes) {
    if (!plan.late) *request.add_nodes() = SpecOf(plan);
  }
  return request;
}

bool SimCluster::Form() {
  for (const auto& node : nodes_) node->Start();
  world_->time.RunFor(absl::Milliseconds(200));
  SimNode& first = node(primary_);
  bool formed = false;
  const absl::Duration deadline = first.clock().SinceBoot() + absl::Seconds(20);
  // Over lossy links a question for an incarnation may get lost: the operator tries again.
  std::function<void()> init = [&] {
    if (!first.store().appended().revision.is_zero()) {
      formed = first.store().visible().revision == first.store().appended().revision;
      return;
    }
    first.administration().Init(
        InitRequest(), deadline, [&](const absl::StatusOr<v1::InitResponse>& response) {
          formed = formed || response.ok();
          if (!response.ok())
            world_->story.Note("OPERATOR", absl::StrCat("init: ", response.status().ToString()));
        });
  };
  for (int attempt = 0; attempt < 6 && !formed; ++attempt) {
    first.strand().Post(init);
    world_->time.RunUntil([&] { return formed; }, absl::Seconds(5));
  }
  Supervise();
  return formed;
}

void SimCluster::Supervise() {
  world_->time.After(absl::Milliseconds(100), [this] {
    for (const auto& node : nodes_) {
      const std::string& id = node->id();
      if (node->is_up()) {
        start_at_.erase(id);
        continue;
      }
      const auto [at, is_new] =
          start_at_.emplace(id, world_->time.now() + Around(mean_down_, *world_->random));
      if (world_->time.now() < at->second) continue;
      start_at_.erase(id);
      node->Start();
    }
    Supervise();
  });
}

const v1::DurabilityRule* SimCluster::RuleNow() const {
  const Entry* const end = world_->checker.facts(primary_).end;
  return end == nullptr ? nullptr : end->rule;
}

int SimCluster::ValidVoters() const {
  const v1::DurabilityRule* const rule = RuleNow();
  return rule == nullptr ? 0 : Valid(*rule, "");
}

int SimCluster::Valid(const v1::DurabilityRule& rule, const std::string& without) const {
  int valid = 0;
  for (const v1::Voter& voter : rule.voters()) {
    valid += voter.node_id() != without &&
             world_->checker.facts(voter.node_id()).incarnation == voter.incarnation();
  }
  return valid;
}

bool SimCluster::CanLose(const std::string& node_id) const {
  const NodeFacts& primary = world_->checker.facts(primary_);
  if (node_id == primary_ || primary.end == nullptr || primary.visible == nullptr) return false;
  if (last_operation_ && world_->time.now() < *last_operation_ + kUntilAllKnow) return false;
  for (const Entry* at = primary.end->rule_entry; at != nullptr;
       at = at->parent ? at->parent->rule_entry : nullptr) {
    if (at->rule->quorum() > 0 && Valid(*at->rule, node_id) < PromiseQuorum(*at->rule)) return false;
    if (at->position.revision <= primary.visible->position.revision) break;
  }
  return true;
}

bool SimCluster::Converged() const {
  const Entry* const end = world_->checker.facts(primary_).end;
  if (end == nullptr) return false;
  return std::all_of(nodes_.begin(), nodes_.end(), [&](const auto& node) {
    const NodeFacts& facts = world_->checker.facts(node->id());
    return node->is_up() && facts.end == end && facts.visible == end;
  });
}

}  // namespace holdfast::sim
