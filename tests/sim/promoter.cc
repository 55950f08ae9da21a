#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "replication/store_log.h"
#include "tests/sim/operators.h"

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

Promoter::Promoter(SimCluster* cluster, std::string candidate, bool may_override, bool planned,
                   std::function<void()> done)
    : cluster_(cluster),
      candidate_(std::move(candidate)),
      may_override_(may_override),
      planned_(planned),
      done_(std::move(done)) {}

bool Promoter::IsGone() const {
  SimNode& node = cluster_->node(candidate_);
  return !node.is_up() || node.life() != life_;
}

void Promoter::Begin() {
  SimNode& node = cluster_->node(candidate_);
  if (!node.is_up()) return End("the candidate is down");
  life_ = node.life();
  cluster_->world().coverage.Count("take_overs_begun");
  const auto newest = replication::NewestEpoch(node.store());
  const bool in_place = newest && newest->epoch && newest->epoch->node_id() == candidate_;
  request_.set_kind(in_place   ? v1::OPERATION_KIND_PROMOTE_IN_PLACE
                    : planned_ ? v1::OPERATION_KIND_SWITCHOVER
                               : v1::OPERATION_KIND_PROMOTE);
  Watch();
  Plan();
}

void Promoter::Plan() {
  if (IsGone() || done_ == nullptr) return;
  if (++plans_ > kMaxPlans) return End("no plan can be had");
  SimNode& node = cluster_->node(candidate_);
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
    overrides.set_accept_unknown_loss(true);
  }
  if (IsBlockedBy(plan, "new-voters")) overrides.set_accept_local(true);
  if (IsBlockedBy(plan, "overrides")) {
    overrides.clear_accept_unknown_loss();
    overrides.clear_accept_local();
  }
  return overrides.SerializeAsString() != before;
}

void Promoter::OnPlan(const absl::StatusOr<v1::PlanOperationResponse>& planned) {
  if (IsGone() || done_ == nullptr) return;
  if (!planned.ok()) return End(planned.status().ToString());
  const v1::Plan& plan = planned->plan();
  if (!plan.admissible()) {
    const std::string why = absl::StrCat(plan.checks(0).name(), ": ", plan.checks(0).seen());
    cluster_->world().coverage.Count("plan_blocked_by_" + plan.checks(0).name());
    if (!may_override_ || !Insist(plan)) return End(why);
    return Plan();
  }
  v1::StartOperationRequest start;
  start.set_kind(request_.kind());
  *start.mutable_overrides() = request_.overrides();
  start.set_plan_id(plan.plan_id());
  start.set_operator_name("sim");
  cluster_->world().story.Note("OPERATOR", absl::StrCat("promotes ", candidate_, " to epoch ", plan.epoch(),
                                                        ": ", plan.verdict().says()));
  cluster_->node(candidate_)
      .operations()
      .Begin(start, [self = shared_from_this()](const absl::StatusOr<v1::StartOperationResponse>& begun) {
        self->OnBegun(begun);
      });
}

void Promoter::OnBegun(const absl::StatusOr<v1::StartOperationResponse>& begun) {
  if (!begun.ok()) {
    cluster_->world().coverage.Count("operation_" + ReasonOf(begun.status()));
    return ReasonOf(begun.status()) == "PLAN_CHANGED" ? Plan() : End(begun.status().ToString());
  }
  operation_id_ = begun->operation().operation_id();
  World& world = cluster_->world();
  if (world.random->Below(8) != 0) return;
  // Somebody thinks better of it.
  world.time.After(Around(absl::Milliseconds(300), *world.random), [self = shared_from_this()] {
    if (self->IsGone() || self->done_ == nullptr) return;
    SimNode& node = self->cluster_->node(self->candidate_);
    v1::AbortOperationRequest abort;
    abort.set_operation_id(self->operation_id_);
    node.strand().Post([self, abort, &node] {
      const bool aborted = node.operations().Abort(abort).ok();
      self->cluster_->world().coverage.Count(aborted ? "operations_aborted" : "aborts_refused");
    });
  });
}

// Until it has ended, or its process has. One that a crash interrupted before its record is gone on with now
// and then; behind it, the node goes on by itself.
void Promoter::Watch() {
  World& world = cluster_->world();
  world.time.After(kLookInterval, [self = shared_from_this(), &world] {
    if (self->done_ == nullptr) return;
    if (++self->looks_ > kMaxLooks) return self->End("nobody goes on with it");
    if (self->IsGone()) {
      SimNode& node = self->cluster_->node(self->candidate_);
      if (self->operation_id_.empty() || !node.is_up()) {
        world.coverage.Count("candidates_lost");
        if (self->operation_id_.empty() || world.random->Below(2) == 0)
          return self->End("the candidate went down");
        return self->Watch();
      }
      self->life_ = node.life();
      v1::ResumeOperationRequest resume;
      resume.set_operation_id(self->operation_id_);
      node.strand().Post([resume, &node, &world] {
        const bool resumed = node.operations().Resume(resume).ok();
        world.coverage.Count(resumed ? "operations_resumed" : "resumes_refused");
      });
      return self->Watch();
    }
    if (self->operation_id_.empty()) return self->Watch();
    const absl::StatusOr<v1::ListOperationsResponse> listed =
        self->cluster_->node(self->candidate_).operations().List();
    if (!listed.ok()) return self->End(listed.status().ToString());
    for (const v1::Operation& operation : listed->operations()) {
      if (operation.operation_id() != self->operation_id_) continue;
      if (operation.state() == v1::OPERATION_STATE_RUNNING) return self->Watch();
      const std::string state = v1::OperationState_Name(operation.state());
      world.coverage.Count("operation_ended_" + state.substr(std::string("OPERATION_STATE_").size()));
      return self->End(absl::StrCat(state, " ", operation.error()));
    }
    self->End("the journal does not know the operation");
  });
}

void Promoter::End(const std::string& why) {
  if (done_ == nullptr) return;
  cluster_->world().story.Note("OPERATOR", absl::StrCat("has done with ", candidate_, ": ", why));
  if (operation_id_.empty()) cluster_->world().coverage.Count("take_overs_given_up");
  std::exchange(done_, nullptr)();
}

}  // namespace holdfast::sim
