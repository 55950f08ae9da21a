#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "replication/inventory.h"
#include "tests/sim/operators.h"

namespace holdfast::sim {
namespace {

constexpr absl::Duration kAskTimeout = absl::Seconds(2);
constexpr absl::Duration kPatience = absl::Seconds(10);
constexpr uint64_t kSlots = 64;

Position ToPosition(const v1::LogPosition& position) {
  return {Revision(position.revision()), ChainHash::FromBytes(position.chain_hash()).value_or(ChainHash())};
}

}  // namespace

TakeOver::TakeOver(SimCluster* cluster, std::string candidate, bool may_override,
                   std::function<void(bool)> done)
    : cluster_(cluster),
      candidate_(std::move(candidate)),
      may_override_(may_override),
      done_(std::move(done)) {}

// R3: the smallest number of its slot above every epoch it has seen. R2: it promises itself first.
void TakeOver::Begin() {
  SimNode& node = cluster_->node(candidate_);
  if (!node.is_up()) return End(false, "the candidate is down");
  life_ = node.life();
  const storage::NodeStore::Identity& self = node.store().node().identity();
  const std::vector<v1::NodeInfo> members = node.replica().nodes();
  const auto own = std::find_if(members.begin(), members.end(), [&](const v1::NodeInfo& member) {
    return member.node_id() == candidate_ && member.has_slot() && member.incarnation() == self.incarnation;
  });
  if (own == members.end()) return End(false, "the candidate has no slot");
  uint64_t seen = std::max(node.store().node().promise().epoch(), node.store().appended().revision.epoch());
  for (const auto& other : cluster_->nodes())
    seen = std::max(seen, cluster_->world().checker.facts(other->id()).granted.epoch());
  promise_.set_epoch(seen + 1 + (kSlots + own->slot() - (seen + 1) % kSlots) % kSlots);
  promise_.set_candidate_node_id(candidate_);
  promise_.set_candidate_incarnation(self.incarnation);
  promise_.set_operation_id(absl::StrCat("take-over-", promise_.epoch()));
  promise_.set_operator_name("sim");
  cluster_->world().story.Note("OPERATOR",
                               absl::StrCat("promotes ", candidate_, " to epoch ", promise_.epoch()));
  cluster_->world().coverage.Count("take_overs_begun");
  node.strand().Post([self = shared_from_this()] { self->Ask(); });
  cluster_->world().time.After(kAskTimeout + absl::Seconds(1),
                               [self = shared_from_this()] { self->Judge(); });
}

void TakeOver::Ask() {
  SimNode& node = cluster_->node(candidate_);
  v1::PromiseRequest request;
  request.set_cluster_id(node.store().node().identity().cluster_id);
  *request.mutable_promise() = promise_;
  const absl::StatusOr<v1::PromiseResponse> own = node.replica().AcceptPromise(request);
  if (!own.ok()) {
    cluster_->world().story.Note("OPERATOR", absl::StrCat("no promise to itself: ", own.status().ToString()));
    return;
  }
  if (!node.is_up()) return;  // it died of the effort
  cluster_->world().checker.OnPromiseAnswer(candidate_, candidate_, own);
  answers_[candidate_] = *own;
  for (const auto& other : cluster_->nodes()) {
    if (other->id() == candidate_) continue;
    node.transport().Promise(
        other->id(), request, kAskTimeout,
        [self = shared_from_this(), id = other->id()](absl::StatusOr<v1::PromiseResponse> answer) {
          if (answer.ok()) self->answers_[id] = *std::move(answer);
        });
  }
}

std::vector<const v1::DurabilityRule*> TakeOver::Rules() const {
  const Entry* const end = cluster_->world().checker.facts(candidate_).end;
  Revision committed;
  for (const auto& [id, answer] : answers_)
    committed = std::max(committed, Revision(answer.committed().revision()));
  std::vector<const v1::DurabilityRule*> rules;
  for (const Entry* at = end == nullptr ? nullptr : end->rule_entry; at != nullptr;
       at = at->parent == nullptr ? nullptr : at->parent->rule_entry) {
    rules.push_back(at->rule);
    if (at->position.revision <= committed) break;
  }
  return rules;
}

// R4, R6.
bool TakeOver::IsProven() const {
  const auto own = answers_.find(candidate_);
  if (own == answers_.end()) return false;
  bool newest = true;
  for (const v1::DurabilityRule* rule : Rules()) {
    // A q = 0 spell that a later record has ended needs no promise (R5).
    if (rule->quorum() == 0 && !std::exchange(newest, false)) continue;
    newest = false;
    if (rule->quorum() == 0) return false;
    int promised = 0;
    for (const v1::Voter& voter : rule->voters()) {
      const auto answer = answers_.find(voter.node_id());
      if (answer == answers_.end() || answer->second.incarnation() != voter.incarnation()) continue;
      ++promised;
      if (answer->second.appended().revision() > own->second.appended().revision()) return false;
    }
    if (promised < PromiseQuorum(*rule)) return false;
  }
  return true;
}

void TakeOver::Judge() {
  SimNode& node = cluster_->node(candidate_);
  if (!node.is_up() || node.life() != life_) return End(false, "the candidate went down");
  if (!answers_.contains(candidate_)) return End(false, "no promise to itself");
  if (IsProven()) return AppendEpoch(/*overriding=*/false);
  if (may_override_) return AppendEpoch(/*overriding=*/true);
  End(false, absl::StrCat("not proven by ", answers_.size(), " promises"));
}

// R10, R21: not itself, and only those that promised and hold the candidate's log.
v1::DurabilityRule TakeOver::NewRule() const {
  World& world = cluster_->world();
  const Entry* const end = world.checker.facts(candidate_).end;
  v1::DurabilityRule rule;
  for (const auto& [id, answer] : answers_) {
    if (id == candidate_ || ToPosition(answer.appended()) != end->position) continue;
    v1::Voter& voter = *rule.add_voters();
    voter.set_node_id(id);
    voter.set_incarnation(answer.incarnation());
  }
  if (rule.voters_size() > 0)
    rule.set_quorum(1 + static_cast<uint32_t>(world.random->Below(rule.voters_size())));
  return rule;
}

storage::RecordDraft TakeOver::Draft(bool overriding) const {
  SimNode& node = cluster_->node(candidate_);
  storage::RecordDraft draft;
  draft.kind = v1::RECORD_KIND_EPOCH;
  draft.epoch.emplace();
  draft.epoch->set_node_id(candidate_);
  draft.epoch->set_incarnation(promise_.candidate_incarnation());
  draft.epoch->set_operation_id(promise_.operation_id());
  draft.epoch->set_operator_name(promise_.operator_name());
  if (overriding) {
    for (const v1::DurabilityRule* rule : Rules()) *draft.epoch->add_waived_rules() = *rule;
  }
  draft.rule = NewRule();
  v1::ClusterInfo cluster = node.replica().cluster();
  cluster.set_epoch(promise_.epoch());
  cluster.set_primary_node_id(candidate_);
  *cluster.mutable_rule() = *draft.rule;
  v1::Change change;
  change.set_key(std::string(replication::kClusterKey));
  change.set_value(replication::ToJson(cluster));
  draft.changes.push_back(std::move(change));
  return draft;
}

void TakeOver::AppendEpoch(bool overriding) {
  World& world = cluster_->world();
  SimNode& node = cluster_->node(candidate_);
  storage::RecordDraft draft = Draft(overriding);
  const std::string text =
      absl::StrCat(overriding ? "overrides: " : "is proven: ", candidate_, " begins epoch ", promise_.epoch(),
                   ", q=", draft.rule->quorum(), " of ", draft.rule->voters_size());
  // A process that ends before its turn comes never answers.
  world.time.After(kPatience, [self = shared_from_this()] { self->End(false, "no answer"); });
  node.strand().Post([self = shared_from_this(), draft = std::move(draft), overriding, text, &node, &world] {
    const Entry* const before = world.checker.facts(self->candidate_).end;
    std::set<const Entry*> pending = world.checker.NotCommitted(before);
    node.replica().BeginEpoch(self->promise_.epoch(), draft, [](const absl::Status&) {});
    const Entry* const end = world.checker.facts(self->candidate_).end;
    if (end == before || end->epoch() != self->promise_.epoch()) return self->End(false, "no EPOCH record");
    if (overriding) world.checker.OnOverride(end, std::move(pending));
    world.coverage.Count(overriding ? "take_overs_by_override" : "take_overs_proven");
    self->cluster_->SetPrimary(self->candidate_);
    self->End(true, text);
  });
}

void TakeOver::End(bool taken, const std::string& why) {
  if (done_ == nullptr) return;
  cluster_->world().story.Note("OPERATOR", absl::StrCat(taken ? "" : "gives up: ", why));
  if (!taken) cluster_->world().coverage.Count("take_overs_given_up");
  std::exchange(done_, nullptr)(taken);
}

}  // namespace holdfast::sim
