#include "tests/sim/promoter.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "replication/store_log.h"

namespace holdfast::sim {
namespace {

constexpr absl::Duration kLookInterval = absl::Milliseconds(200);
constexpr int kMaxPlans = 6;
constexpr int kMaxLooks = 400;

// Of the sites whose nodes the plan is held up by.
std::set<std::string> SitesOf(const v1::Plan& plan, const std::string& check_name) {
  std::set<std::string> nodes;
  for (const v1::Check& check : plan.checks()) {
    if (check.name() == check_name && check.outcome() == v1::CHECK_OUTCOME_BLOCKED)
      nodes.insert(check.node_id());
  }
  if (check_name == "promises") {
    for (const v1::RuleCount& count : plan.verdict().rules()) {
      for (const v1::MissingVoter& missing : count.missing()) nodes.insert(missing.node_id());
    }
  }
  std::set<std::string> sites;
  for (const v1::NodeView& node : plan.view().nodes()) {
    if (nodes.contains(node.member().node_id())) sites.insert(node.member().site());
  }
  return sites;
}

bool IsBlockedBy(const v1::Plan& plan, const std::string& check_name) {
  return std::any_of(plan.checks().begin(), plan.checks().end(), [&](const v1::Check& check) {
    return check.name() == check_name && check.outcome() == v1::CHECK_OUTCOME_BLOCKED;
  });
}

}  // namespace

Promoter::Promoter(SimCluster* cluster, Order order, std::function<void(Ending)> done)
    : cluster_(cluster),
      order_(std::move(order)),
      done_(std::move(done)),
      fate_(cluster->world().random->Below(4)) {}

bool Promoter::IsGone() const {
  SimNode& node = cluster_->node(order_.candidate);
  return !node.is_up() || node.life() != life_;
}

void Promoter::Begin() {
  SimNode& node = cluster_->node(order_.candidate);
  if (!node.is_up()) return End("the candidate is down");
  life_ = node.life();
  cluster_->world().coverage.Count("take_overs_begun");
  const auto newest = replication::NewestEpoch(node.store());
  const bool in_place = newest && newest->epoch && newest->epoch->node_id() == order_.candidate;
  request_.set_kind(in_place         ? v1::OPERATION_KIND_PROMOTE_IN_PLACE
                    : order_.planned ? v1::OPERATION_KIND_SWITCHOVER
                                     : v1::OPERATION_KIND_PROMOTE);
  Watch();
  Plan();
}

void Promoter::Plan() {
  if (IsGone() || done_ == nullptr) return;
  if (++plans_ > kMaxPlans) return End("no plan can be had");
  SimNode& node = cluster_->node(order_.candidate);
  node.strand().Post([self = shared_from_this(), &node] {
    node.operations().Plan(self->request_, [self](const absl::StatusOr<v1::PlanOperationResponse>& planned) {
      self->OnPlan(planned);
    });
  });
}

bool Promoter::Insist(const v1::Plan& plan) {
  const std::string before = request_.overrides().SerializeAsString();
  v1::Overrides& overrides = *request_.mutable_overrides();
  const auto assert_down = [&](const std::string& check_name) {
    for (const std::string& site : SitesOf(plan, check_name)) {
      const auto& known = overrides.assert_sites_down();
      if (std::find(known.begin(), known.end(), site) == known.end()) overrides.add_assert_sites_down(site);
    }
  };
  if (IsBlockedBy(plan, "primary-gone")) assert_down("primary-gone");
  if (IsBlockedBy(plan, "promises")) {
    if (request_.kind() == v1::OPERATION_KIND_PROMOTE_IN_PLACE) assert_down("promises");
    if (plan.verdict().kind() == v1::VERDICT_KIND_BOUNDED) {
      overrides.set_accept_loss(plan.verdict().lost_at_most());
    } else {
      overrides.set_accept_unknown_loss(true);
    }
  }
  if (IsBlockedBy(plan, "new-voters")) overrides.set_accept_local(true);
  if (IsBlockedBy(plan, "overrides")) {
    overrides.clear_accept_unknown_loss();
    overrides.clear_accept_loss();
    overrides.clear_accept_local();
    overrides.clear_choose_branch();
  }
  return overrides.SerializeAsString() != before;
}

// Any of them; if that cannot be, the candidate's own.
bool Promoter::Choose(const v1::Plan& plan) {
  if (plan.branches().empty()) {
    const bool had_chosen = !request_.overrides().choose_branch().empty();
    request_.mutable_overrides()->clear_choose_branch();
    return had_chosen;
  }
  // Of the branch that is not the newest one.
  const bool in_place = request_.kind() == v1::OPERATION_KIND_PROMOTE_IN_PLACE;
  if (in_place && IsBlockedBy(plan, "last-primary")) request_.set_kind(v1::OPERATION_KIND_PROMOTE);
  const bool again = !request_.overrides().choose_branch().empty();
  const int which = again ? 0 : static_cast<int>(cluster_->world().random->Below(plan.branches_size()));
  request_.mutable_overrides()->set_choose_branch(plan.branches(which).name());
  return request_.kind() != v1::OPERATION_KIND_SWITCHOVER;
}

void Promoter::OnPlan(const absl::StatusOr<v1::PlanOperationResponse>& planned) {
  if (IsGone() || done_ == nullptr) return;
  if (!planned.ok()) return End(planned.status().ToString());
  const v1::Plan& plan = planned->plan();
  if (plan.admissible()) return Confirm(plan);
  const std::string why = absl::StrCat(plan.checks(0).name(), ": ", plan.checks(0).seen());
  std::set<std::string> in_the_way;
  for (const v1::Check& check : plan.checks()) {
    if (check.outcome() == v1::CHECK_OUTCOME_BLOCKED) in_the_way.insert(check.name());
  }
  for (const std::string& name : in_the_way) cluster_->world().coverage.Count("plan_blocked_by_" + name);
  // Between branches every operator must choose; what else is in the way, only some insist on.
  if (!(IsBlockedBy(plan, "branches") ? Choose(plan) : order_.insists && Insist(plan))) return End(why);
  Plan();
}

void Promoter::Confirm(const v1::Plan& plan) {
  World& world = cluster_->world();
  v1::StartOperationRequest start;
  start.set_kind(request_.kind());
  *start.mutable_overrides() = request_.overrides();
  start.set_plan_id(plan.plan_id());
  start.set_operator_name("sim");
  world.story.Note("OPERATOR", absl::StrCat("promotes ", order_.candidate, " to epoch ", plan.epoch(), ": ",
                                            plan.verdict().says()));
  failover::Operations& operations = cluster_->node(order_.candidate).operations();
  operations.Begin(start,
                   [self = shared_from_this()](const absl::StatusOr<v1::StartOperationResponse>& begun) {
                     self->OnBegun(begun);
                   });
  if (world.random->Below(8) != 0) return;
  // Did it not answer? Once more.
  operations.Begin(
      start, [self = shared_from_this(), &world](const absl::StatusOr<v1::StartOperationResponse>& begun) {
        world.coverage.Count("second_confirmations");
        if (begun.ok()) self->NoteInsisted(begun->operation().operation_id());
      });
}

// Before the operation takes its first step.
void Promoter::NoteInsisted(const std::string& operation_id) {
  if (request_.overrides().ByteSizeLong() > 0) cluster_->world().insisted.insert(operation_id);
}

void Promoter::OnBegun(const absl::StatusOr<v1::StartOperationResponse>& begun) {
  World& world = cluster_->world();
  if (!begun.ok()) {
    world.coverage.Count("operation_" + ReasonOf(begun.status()));
    return ReasonOf(begun.status()) == "PLAN_CHANGED" ? Plan() : End(begun.status().ToString());
  }
  operation_id_ = begun->operation().operation_id();
  NoteInsisted(operation_id_);
  switch (world.random->Below(8)) {
    case 0:
      return AbortSoon();
    case 1:
    case 2:
      return cluster_->node(order_.candidate)
          .CrashAtOperationStep(1 + static_cast<int>(world.random->Below(9)));
    case 3:
      world.coverage.Count("commands_gone");
      return End("nobody watches any more");
    default:
      return;
  }
}

// Somebody thinks better of it.
void Promoter::AbortSoon() {
  World& world = cluster_->world();
  world.time.After(Around(absl::Milliseconds(100), *world.random), [self = shared_from_this(), &world] {
    if (self->IsGone() || self->done_ == nullptr) return;
    SimNode& node = self->cluster_->node(self->order_.candidate);
    v1::AbortOperationRequest abort;
    abort.set_operation_id(self->operation_id_);
    node.strand().Post([abort, &node, &world] {
      const absl::StatusOr<v1::AbortOperationResponse> aborted = node.operations().Abort(abort);
      world.coverage.Count(aborted.ok() ? "operations_aborted" : "aborts_refused");
      if (aborted.ok() && aborted->operation().asked_size() > 0)
        world.coverage.Count("operations_aborted_after_promises");
    });
  });
}

bool Promoter::GoOnWithoutCandidate() {
  World& world = cluster_->world();
  SimNode& node = cluster_->node(order_.candidate);
  if (operation_id_.empty() || fate_ < 2) {
    world.coverage.Count("candidates_lost");
    const bool takes_over = !operation_id_.empty() && fate_ == 0;
    End("the candidate went down", takes_over ? Ending::kCandidateLost : Ending::kOver);
    return false;
  }
  if (!node.is_up()) return true;
  world.coverage.Count("candidates_lost");
  life_ = node.life();
  node.strand().Post([&node, &world, id = operation_id_, resumes = fate_ == 2] {
    v1::ResumeOperationRequest resume;
    resume.set_operation_id(id);
    v1::AbortOperationRequest abort;
    abort.set_operation_id(id);
    const bool done = resumes ? node.operations().Resume(resume).ok() : node.operations().Abort(abort).ok();
    world.coverage.Count(absl::StrCat(resumes ? "resumes_" : "aborts_", done ? "after_a_crash" : "refused"));
  });
  return true;
}

// Until it has ended, or nobody can go on with it.
void Promoter::Watch() {
  cluster_->world().time.After(kLookInterval, [self = shared_from_this()] {
    if (self->done_ == nullptr) return;
    if (++self->looks_ > kMaxLooks) return self->End("nobody goes on with it");
    if (self->IsGone()) {
      if (self->GoOnWithoutCandidate()) self->Watch();
      return;
    }
    if (self->operation_id_.empty()) return self->Watch();
    const absl::StatusOr<v1::ListOperationsResponse> listed =
        self->cluster_->node(self->order_.candidate).operations().List();
    if (!listed.ok()) return self->End(listed.status().ToString());
    for (const v1::Operation& operation : listed->operations()) {
      if (operation.operation_id() != self->operation_id_) continue;
      if (operation.state() == v1::OPERATION_STATE_RUNNING) return self->Watch();
      return self->End(absl::StrCat(v1::OperationState_Name(operation.state()), " ", operation.error()));
    }
    self->End("the journal does not know the operation");
  });
}

void Promoter::End(const std::string& why, Ending ending) {
  if (done_ == nullptr) return;
  World& world = cluster_->world();
  world.story.Note("OPERATOR", absl::StrCat("has done with ", order_.candidate, ": ", why));
  if (operation_id_.empty()) world.coverage.Count("take_overs_given_up");
  std::exchange(done_, nullptr)(ending);
}

}  // namespace holdfast::sim
