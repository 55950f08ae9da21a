#include "tests/sim/operators.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "replication/promise_book.h"

namespace holdfast::sim {

void Operators::Start() {
  World& world = cluster_->world();
  world.time.After(Around(world.scenario.operate_every, *world.random), [this] {
    if (stopped_) return;
    One();
    Start();
  });
}

void Operators::One() {
  World& world = cluster_->world();
  const uint64_t dice = world.random->Below(12);
  if (world.scenario.takes_over && dice < 5) return MoveThePrimary();
  if (world.scenario.compacts && dice < 8) return Compact();
  if (dice == 8) return ChangeVoters(/*same_nodes=*/false);
  if (dice == 9) return ChangeMembers();
  RejoinAll();
  TidyOperations();
}

void Operators::MoveThePrimary() {
  World& world = cluster_->world();
  const uint64_t kind = world.random->Below(9);
  const bool insists = world.random->Below(2) == 0;
  if (kind < 2) return Promote(SomeCandidate(""), insists, /*planned=*/true);
  if (kind == 2) return Promote(SomeCandidate(""), insists, /*planned=*/false);  // the wrong way round
  if (kind == 3) return LoseTheSite();
  if (kind == 8) return LoseTwoInARow();
  const bool falls_behind = kind < 6;
  if (falls_behind) LetServersFallBehind();
  world.time.After(absl::Seconds(falls_behind ? 1 : 0), [this] { CutOff(/*whole_site=*/false, [] {}); });
  // What the lost primary alone takes meanwhile is a branch of its own.
  world.time.After(absl::Seconds(2), [this, &world, insists, kind] {
    SimNode* const one = SomeCandidate("");
    Promote(one, insists, /*planned=*/false);
    if (kind != 4 || one == nullptr) return;
    world.coverage.Count("two_operators_at_once");
    Promote(SomeCandidate(one->id()), insists, /*planned=*/false);
  });
}

// The sites do not see each other, and somebody opens an epoch on the primary's, on the other one, or on
// both.
void Operators::LoseTheSite() {
  World& world = cluster_->world();
  CutOff(/*whole_site=*/true, [this] { WantTheOtherBranch(); });
  world.time.After(absl::Seconds(1), [this, &world] {
    const std::string primary = cluster_->primary();
    const uint64_t which = world.random->Below(3);
    if (which != 0) Promote(&cluster_->node(primary), /*insists=*/true, /*planned=*/false);
    if (which != 1) Promote(SomeCandidate(primary), /*insists=*/true, /*planned=*/false);
  });
}

// The site that was promoted is lost as well, while the first one is just coming back.
void Operators::LoseTwoInARow() {
  World& world = cluster_->world();
  const std::string first = cluster_->primary();
  CutOff(/*whole_site=*/true, [] {});
  world.time.After(absl::Seconds(1),
                   [this, first] { Promote(SomeCandidate(first), /*insists=*/true, /*planned=*/false); });
  world.time.After(absl::Seconds(4) + Around(absl::Seconds(1), *world.random), [this, &world, first] {
    if (stopped_ || cluster_->primary() == first) return;
    world.coverage.Count("two_losses_in_a_row");
    const std::string second = cluster_->primary();
    CutOff(/*whole_site=*/world.random->Below(2) == 0, [] {});
    world.time.After(absl::Seconds(1), [this, second] {
      if (!stopped_) Promote(SomeCandidate(second), /*insists=*/true, /*planned=*/false);
    });
  });
}

void Operators::WantTheOtherBranch() {
  World& world = cluster_->world();
  if (world.random->Below(2) == 0) return;
  // Until it is told of the other epoch, or just after.
  world.time.After(absl::Milliseconds(500 + static_cast<int64_t>(world.random->Below(2000))), [this] {
    if (stopped_) return;
    for (const auto& node : cluster_->nodes()) {
      if (!node->is_up() || node->id() == cluster_->primary()) continue;
      const v1::NodeRole role = node->replica().view().role;
      const bool was_primary =
          role == v1::NODE_ROLE_PRIMARY || role == v1::NODE_ROLE_SUSPENDED || role == v1::NODE_ROLE_FENCED;
      if (was_primary) return Promote(node.get(), /*insists=*/true, /*planned=*/false);
    }
  });
}

// Only proxies hear of the last commits: a candidate has to fetch them.
void Operators::LetServersFallBehind() {
  World& world = cluster_->world();
  const std::string primary = cluster_->primary();
  std::vector<std::string> servers;
  for (const auto& node : cluster_->nodes()) {
    if (node->plan().kind == v1::NODE_KIND_SERVER && node->id() != primary) servers.push_back(node->id());
  }
  for (const std::string& server : servers) world.network.Cut(primary, server);
  world.time.After(absl::Seconds(8), [&world, primary, servers] {
    for (const std::string& server : servers) world.network.Heal(primary, server);
  });
}

void Operators::RejoinAll() {
  for (const auto& node : cluster_->nodes()) {
    if (!node->is_up() || node->id() == cluster_->primary()) continue;
    const v1::NodeRole role = node->replica().view().role;
    if (role == v1::NODE_ROLE_PRIMARY) TellOfEpoch(*node);
    if (role != v1::NODE_ROLE_FENCED && role != v1::NODE_ROLE_SUSPENDED) continue;
    const absl::Status rejoined = node->replica().Rejoin();
    cluster_->world().coverage.Count(rejoined.ok() ? "rejoins" : "rejoins_refused");
    cluster_->world().story.Note("OPERATOR", absl::StrCat("rejoins ", node->id(), ": ", rejoined.ToString()));
  }
}

// As the driver of a promotion does once it reaches the old primary: it asks for the promise again.
void Operators::TellOfEpoch(SimNode& node) {
  SimNode& primary = cluster_->node(cluster_->primary());
  if (!primary.is_up() || primary.replica().epoch() <= node.replica().epoch()) return;
  v1::PromiseRequest request;
  request.set_cluster_id(primary.store().node().identity().cluster_id);
  *request.mutable_promise() = primary.store().node().promise();
  primary.transport().Promise(node.id(), request, absl::Seconds(2),
                              [](const absl::StatusOr<v1::PromiseResponse>&) {});
}

// A site loss makes the promotion: the primary is cut off for a while, but still takes what its own site's
// clients bring.
void Operators::CutOff(bool whole_site, const std::function<void()>& is_back) {
  World& world = cluster_->world();
  const NodePlan& lost = cluster_->node(cluster_->primary()).plan();
  std::vector<std::pair<std::string, std::string>> ways;
  for (const auto& one : cluster_->nodes()) {
    for (const auto& other : cluster_->nodes()) {
      const bool is_way = whole_site ? one->plan().site == lost.site && other->plan().site != lost.site
                                     : one->id() == lost.node_id && other->id() != lost.node_id;
      if (!is_way) continue;
      ways.emplace_back(one->id(), other->id());
      ways.emplace_back(other->id(), one->id());
    }
  }
  for (const auto& [from, to] : ways) world.network.Cut(from, to);
  ++world.cuts;
  world.story.Note("FAULT",
                   absl::StrCat(whole_site ? "the sites are cut apart at " : "lost: ", lost.node_id));
  world.coverage.Count("faults");
  world.coverage.Count("sites_lost");
  world.time.After(absl::Seconds(whole_site ? 8 : 5) + Around(absl::Seconds(2), *world.random),
                   [&world, ways, id = lost.node_id, is_back] {
                     for (const auto& [from, to] : ways) world.network.Heal(from, to);
                     --world.cuts;
                     world.story.Note("FAULT", absl::StrCat(id, " is back"));
                     is_back();
                   });
}

SimNode* Operators::SomeCandidate(const std::string& but_not) {
  // The longest log has the best chance; now and then somebody else is tried.
  World& world = cluster_->world();
  SimNode* best = nullptr;
  for (const auto& node : cluster_->nodes()) {
    if (!node->is_up() || node->plan().kind != v1::NODE_KIND_SERVER || node->id() == but_not) continue;
    if (!stopped_ && node->id() == cluster_->primary() && world.random->Below(4) != 0) continue;
    if (best == nullptr || node->store().appended().revision > best->store().appended().revision ||
        world.random->Below(4) == 0) {
      best = node.get();
    }
  }
  return best;
}

void Operators::Promote(SimNode* candidate, bool insists, bool planned) {
  constexpr int kMaxPromoters = 3;
  if (candidate == nullptr || cluster_->world().promoters >= kMaxPromoters) return;
  ++cluster_->world().promoters;
  cluster_->NoteOperation();
  const std::string id = candidate->id();
  const auto done = [this, id, insists](Promoter::Ending ending) {
    --cluster_->world().promoters;
    if (ending != Promoter::Ending::kCandidateLost) return;
    SimNode* const other = SomeCandidate(id);
    if (other != nullptr) cluster_->world().coverage.Count("operations_left_to_another_node");
    Promote(other, insists, /*planned=*/false);
  };
  std::make_shared<Promoter>(cluster_, Order{id, insists, planned}, done)->Begin();
}

void Operators::TidyOperations() {
  for (const auto& node : cluster_->nodes()) {
    if (!node->is_up() || node->plan().kind != v1::NODE_KIND_SERVER) continue;
    const absl::StatusOr<v1::ListOperationsResponse> listed = node->operations().List();
    if (!listed.ok()) continue;
    for (const v1::Operation& operation : listed->operations()) TidyOperation(*node, operation);
  }
}

void Operators::TidyOperation(SimNode& node, const v1::Operation& operation) {
  World& world = cluster_->world();
  const bool is_open =
      operation.state() == v1::OPERATION_STATE_INCOMPLETE || operation.state() == v1::OPERATION_STATE_UNKNOWN;
  if (is_open || operation.state() == v1::OPERATION_STATE_RUNNING) {
    const bool aborts = !is_open && world.random->Below(2) == 0;
    node.strand().Post([&node, &world, aborts, is_open, id = operation.operation_id()] {
      v1::ResumeOperationRequest resume;
      resume.set_operation_id(id);
      v1::AbortOperationRequest abort;
      abort.set_operation_id(id);
      const bool done = aborts ? node.operations().Abort(abort).ok() : node.operations().Resume(resume).ok();
      if (!done) return;
      world.coverage.Count(aborts    ? "left_operations_aborted"
                           : is_open ? "unfinished_operations_resumed"
                                     : "left_operations_resumed");
    });
  }
}

void Operators::CheckJournals() {
  Checker& checker = cluster_->world().checker;
  for (const auto& node : cluster_->nodes()) {
    if (!node->is_up() || node->plan().kind != v1::NODE_KIND_SERVER) continue;
    const absl::StatusOr<v1::ListOperationsResponse> listed = node->operations().List();
    if (!listed.ok()) continue;
    for (v1::Operation operation : listed->operations()) {
      if (operation.state() == v1::OPERATION_STATE_RUNNING) {
        v1::AbortOperationRequest abort;
        abort.set_operation_id(operation.operation_id());
        const absl::StatusOr<v1::AbortOperationResponse> aborted = node->operations().Abort(abort);
        if (aborted.ok()) operation = aborted->operation();
      }
      checker.OnOperationEnd(node->id(), operation);
    }
  }
}

uint64_t Operators::HighestEpoch() const {
  uint64_t highest = 0;
  for (const auto& node : cluster_->nodes()) {
    highest = std::max(highest, cluster_->world().checker.facts(node->id()).granted.epoch());
    if (node->is_up()) highest = std::max(highest, node->store().node().promise().epoch());
  }
  return highest;
}

bool Operators::Settled() const {
  SimNode& primary = cluster_->node(cluster_->primary());
  if (cluster_->world().promoters > 0 || !primary.is_up() || !primary.replica().CanAdmit().ok()) return false;
  const v1::DurabilityRule* const rule = cluster_->RuleNow();
  const bool all_rejoined =
      std::none_of(cluster_->nodes().begin(), cluster_->nodes().end(), [&](const auto& node) {
        return node->is_up() && node->id() != primary.id() &&
               (node->replica().view().role == v1::NODE_ROLE_FENCED ||
                node->replica().view().role == v1::NODE_ROLE_PRIMARY ||
                node->replica().view().role == v1::NODE_ROLE_SUSPENDED);
      });
  return all_rejoined && primary.replica().epoch() >= HighestEpoch() && rule != nullptr &&
         primary.replica().nodes().size() == cluster_->nodes().size() &&
         cluster_->ValidVoters() == rule->voters_size();
}

// F7: who has handed its role over, and to nobody, takes it back by itself: no operator helps meanwhile.
bool Operators::WaitsForRole(SimNode& primary) {
  constexpr absl::Duration kPatience = absl::Seconds(60);
  World& world = cluster_->world();
  const v1::EpochPromise& given = primary.store().node().promise();
  const bool has_handed_over = replication::HandsOver(given, primary.id(), primary.replica().epoch()) &&
                               given.epoch() == HighestEpoch();
  if (!has_handed_over || primary.replica().CanAdmit().ok()) return false;
  if (!waits_since_) waits_since_ = world.time.now();
  if (world.time.now() < *waits_since_ + kPatience) return true;
  world.violations.Add("F7",
                       absl::StrCat(primary.id(), " has handed its role over to ", given.candidate_node_id(),
                                    ", who did not become primary, and does not take it back"));
  return false;
}

void Operators::Settle() {
  SimNode& primary = cluster_->node(cluster_->primary());
  if (!std::exchange(tidied_, true)) TidyOperations();
  if (cluster_->world().promoters > 0 || !primary.is_up()) return;
  const absl::Status admits = primary.replica().CanAdmit();
  if (admits.ok() && AddMissingMembers()) return;  // whoever is none may have promised what nobody else knows
  if (admits.ok() && primary.replica().epoch() >= HighestEpoch()) {
    RejoinAll();
    if (!Settled()) ChangeVoters(/*same_nodes=*/true);
    return;
  }
  if (ReasonOf(admits) == "RECOVERING" || WaitsForRole(primary)) return;
  const v1::DurabilityRule* const rule = cluster_->RuleNow();
  Promote(SomeCandidate(""), /*insists=*/rule != nullptr && rule->quorum() == 0, /*planned=*/false);
}

}  // namespace holdfast::sim
