// Being primary: beginning an epoch, resuming one (R18), counting, and losing it.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "base/mutants.h"
#include "base/status_macros.h"
#include "replication/errors.h"
#include "replication/replica_impl.h"
#include "replication/slot_loan.h"
#include "replication/store_log.h"
#include "storage/errors.h"

namespace holdfast::replication {
namespace {

constexpr absl::Duration kQuestionTimeout = absl::Seconds(2);

}  // namespace

void ReplicaImpl::InitCluster(const std::string& cluster_id, storage::RecordDraft first_epoch,
                              std::function<void(absl::Status)> done) {
  const auto refuse = [&](absl::Status status) {
    options_.strand->Post([done = std::move(done), status = std::move(status)] { done(status); });
  };
  storage::NodeStore& node = options_.store->node();
  const std::string& own = node.identity().cluster_id;
  if (HasLog() || (!own.empty() && own != cluster_id)) return refuse(AlreadyInitializedError(own));
  if (options_.kind != v1::NODE_KIND_SERVER) return refuse(WrongRoleError("a proxy cannot begin a cluster"));
  const StreamIdentity stream{0, options_.node_id, node.identity().incarnation};
  // R7, R17: the promise is durable before the record. Repeated after a crash, it is this very one again.
  const absl::StatusOr<StreamAdmission> admission = AdmitStream(node.promise(), stream);
  if (!admission.ok()) return refuse(admission.status());
  if (*admission == StreamAdmission::kAdmitOncePromised) {
    if (absl::Status stored = node.StorePromise(PromiseFor(stream)); !stored.ok()) return refuse(stored);
  }
  BeginEpoch(0, std::move(first_epoch), std::move(done));
  if (role_ != Role::kPrimary || !own.empty()) return;
  // After the record: a crash in between leaves a log that names its cluster (Recover).
  if (absl::Status joined = node.JoinCluster(cluster_id); !joined.ok()) return Halt(joined);
  UpdateView();
}

void ReplicaImpl::BeginEpoch(uint64_t epoch, storage::RecordDraft first,
                             std::function<void(absl::Status)> done) {
  if (absl::Status status = BeginEpochNow(epoch, first); !status.ok()) {
    options_.strand->Post([done = std::move(done), status = std::move(status)] { done(status); });
    return;
  }
  AnswerBegin(SuspendedError(options_.node_id, epoch));  // of an older epoch that nobody waits for any more
  begin_done_ = std::move(done);
  begin_revision_ = options_.store->appended().revision;
  follower_.Stop();
  copies_.EndAll(options_.store->visible().revision);
  own_epoch_ = epoch;
  BecomePrimary();
}

absl::Status ReplicaImpl::BeginEpochNow(uint64_t epoch, const storage::RecordDraft& first) {
  storage::Store& store = *options_.store;
  if (role_ == Role::kHalted || role_ == Role::kStopped) return CanAdmit();
  HF_RETURN_IF_ERROR(not_begun_);
  if (reload_posted_)
    return InventoryNotReadError();  // R3: who has which slot is said by the log that is kept
  if (first.kind != v1::RECORD_KIND_EPOCH || !first.epoch || !first.rule ||
      first.epoch->node_id() != options_.node_id ||
      first.epoch->incarnation() != store.node().identity().incarnation) {
    return InvalidMessageError("first", "not an EPOCH record of this node and incarnation with its rule");
  }
  HF_RETURN_IF_ERROR(Rule::FromProto(*first.rule, options_.node_id).status());
  const StreamIdentity stream{epoch, options_.node_id, store.node().identity().incarnation};
  if (!IsPromisedTo(store.node().promise(), stream)) return PromisedElsewhereError(store.node().promise());
  const std::optional<storage::Milestone> newest = NewestEpoch(store);
  const bool is_last = newest && newest->position.revision.epoch() == epoch;
  if (newest && newest->position.revision.epoch() >= epoch &&
      !(is_last && MutantActive(Mutant::kEpochTwice))) {
    return LowerEpochError(newest->position.revision.epoch(), epoch);
  }
  HF_RETURN_IF_ERROR(CheckSlot(epoch));
  HF_ASSIGN_OR_RETURN(const auto batch, store.BeginBatch());
  HF_RETURN_IF_ERROR(batch->Append(epoch, options_.node_id, first).status());
  HF_RETURN_IF_ERROR(HOLDFAST_FAILPOINT_STATUS("epoch.before-append"));
  HF_RETURN_IF_ERROR(batch->Commit());
  HOLDFAST_FAILPOINT("epoch.after-append");
  return absl::OkStatus();
}

// R3: so that no two nodes, and no two incarnations of one, ever own the same epoch (I2).
absl::Status ReplicaImpl::CheckSlot(uint64_t epoch) const {
  if (MutantActive(Mutant::kPlainEpochNumbers)) return absl::OkStatus();
  if (epoch == 0) return absl::OkStatus();  // InitCluster: the first primary has slot 0
  const v1::NodeInfo* const self = inventory_.inventory().Find(options_.node_id);
  const bool has_slot = self != nullptr && self->has_slot() &&
                        self->incarnation() == options_.store->node().identity().incarnation;
  const std::optional<v1::SlotLoan> loan = held_loan();
  if (!has_slot && !loan) return WithoutSlotError(options_.node_id);
  const uint32_t slot = has_slot ? self->slot() : loan->slot();
  if (epoch % kMaxServers != slot) return OthersEpochError(epoch, slot);
  return absl::OkStatus();
}

absl::StatusOr<v1::SlotLoan> ReplicaImpl::LendSlot(const v1::LendSlotRequest& request) {
  if (options_.kind != v1::NODE_KIND_PROXY) return WrongRoleError("only proxies lend their slots");
  if (role_ == Role::kHalted || role_ == Role::kStopped) return CanAdmit();
  if (follower_.streaming()) {
    return WrongRoleError(absl::StrCat("a primary feeds '", options_.node_id,
                                       "', and can give a slot itself: holdfast nodes set ",
                                       request.node_id()));
  }
  // R3: a record that is not committed may be cut again, and its slot given to another node.
  HF_ASSIGN_OR_RETURN(const Inventory committed, inventory_.ReadVisible());
  return replication::LendSlot(options_.store->node(), committed, request);
}

absl::Status ReplicaImpl::TakeSlot(const v1::TakeSlotRequest& request) {
  if (options_.kind != v1::NODE_KIND_SERVER) return WrongRoleError("only a server can be promoted");
  const std::string& own = options_.store->node().identity().cluster_id;
  if (request.cluster_id() != own) return WrongClusterError(own, request.cluster_id());
  return replication::TakeSlot(options_.store->node(), inventory_.inventory(), request.loan());
}

std::optional<v1::SlotLoan> ReplicaImpl::held_loan() const {
  return HeldLoan(options_.store->node(), inventory_.inventory()).value_or(std::nullopt);
}

void ReplicaImpl::BecomePrimary() {
  questions_.Renew();
  resume_.reset();
  count_.emplace(options_.store, own_epoch_, Self());
  begin_end_ = options_.store->appended().revision;
  if (MutantActive(Mutant::kHarvestShown))
    options_.store->AdvanceVisible(options_.store->appended()).status().IgnoreError();
  SetRole(Role::kPrimary, "primary");
  EndSenders(NoUpstreamError(options_.node_id));  // those who waited, and those of an older epoch
  OnOwnAppend();
}

void ReplicaImpl::OnOwnAppend() {
  if (role_ != Role::kPrimary) return;
  // Written before anybody is told (R8), so that a log that has lost its end is noticed at the next start.
  // A full disk, or what else may pass, is no reason to stop: the records themselves are durable, and the
  // next append notes them too.
  const absl::Status noted = options_.store->node().NoteAcknowledged(options_.store->appended());
  if (!noted.ok() && !storage::MayPass(noted)) return Halt(noted);
  count_->OnOwnAppend();
  AdvanceCommit();
  ForEachSender([](Sender& sender) { sender.OnAppended(); });
}

void ReplicaImpl::AdvanceCommit() {
  const Position committed = count_->Committed();
  if (committed.revision > options_.store->visible().revision) {
    const absl::StatusOr<bool> advanced = options_.store->AdvanceVisible(committed);
    if (!advanced.ok()) return;  // tried again with the next acknowledgement; nothing was shown
    NoteFreshPrimary();
    if (absl::Status noted = NoteCommittedRule(); !noted.ok()) activity_ = std::string(noted.message());
    ForEachSender([](Sender& sender) {
      sender.OnAppended();  // what goes out carries the new commit position with it
      sender.OnCommitMoved();
    });
  }
  if (begin_done_ && options_.store->visible().revision >= begin_revision_) AnswerBegin(absl::OkStatus());
}

void ReplicaImpl::AnswerBegin(const absl::Status& status) {
  if (!begin_done_) return;
  options_.strand->Post([done = std::exchange(begin_done_, nullptr), status] { done(status); });
}

void ReplicaImpl::OnHolds(Sender* sender, uint64_t stream_epoch, const Position& held,
                          Revision durable_committed) {
  if (role_ != Role::kPrimary) return;
  if (count_->OnHolds({sender->hello().node_id(), sender->hello().incarnation()}, stream_epoch, held.revision,
                      durable_committed))
    AdvanceCommit();
}

Replica::Acknowledgement ReplicaImpl::AcknowledgedAt(Revision revision) const {
  return count_ ? count_->AcknowledgedAt(revision) : Acknowledgement();
}

bool ReplicaImpl::RuleSettled() const { return role_ == Role::kPrimary && count_->RuleSettled(); }

// R17: at the moment at which it knows, it stops to act for its epoch.
void ReplicaImpl::LosePrimary(Role role, uint64_t other_epoch, std::string activity) {
  questions_.Renew();
  resume_.reset();
  frozen_until_ = -absl::InfiniteDuration();
  other_epoch_ = std::max(other_epoch_, other_epoch);
  SetRole(role, std::move(activity));
  const absl::Status why = role == Role::kFenced ? FencedError(options_.node_id, other_epoch_, "")
                                                 : SuspendedError(options_.node_id, other_epoch_);
  EndSenders(why);
  copies_.EndAll(options_.store->visible().revision);
  AnswerBegin(why);
}

// ---- R18 ----

std::map<std::string, std::string> ReplicaImpl::OtherServers() const {
  std::map<std::string, std::string> servers;
  for (const v1::NodeInfo& node : inventory_.inventory().nodes) {
    if (node.kind() == v1::NODE_KIND_SERVER && node.node_id() != options_.node_id)
      servers.emplace(node.node_id(), node.incarnation());
  }
  return servers;
}

void ReplicaImpl::StartRecovering() {
  Resume::Options ask;
  ask.node_id = options_.node_id;
  ask.epoch = own_epoch_;
  ask.appended = options_.store->appended();
  for (const RuleRecord& record : RulesFrom(*options_.store, options_.store->visible().revision)) {
    // R20: whom it waives may be gone for good.
    std::erase_if(ask.rules, [&record](const Rule& rule) { return record.waives(rule); });
    ask.rules.push_back(record.rule);
  }
  ask.other_servers = OtherServers();
  for (const v1::NodeInfo& node : inventory_.inventory().nodes) {
    if (node.kind() == v1::NODE_KIND_PROXY) ask.proxies.insert(node.node_id());
  }
  resume_.emplace(std::move(ask));
  handed_over_.Clear();
  SetRole(Role::kRecovering, absl::StrCat("recovering: waits for ", resume_->explanation()));
  AskVoters();
}

void ReplicaImpl::AskVoters() {
  questions_.Renew();
  questions_open_ = 0;
  v1::PromiseRequest request;
  request.set_cluster_id(options_.store->node().identity().cluster_id);
  request.set_inspect(true);
  for (const std::string& node_id : resume_->whom()) {
    const v1::NodeInfo* node = inventory_.FindToVote(node_id);
    if (node == nullptr) continue;
    ++questions_open_;
    options_.transport->Promise(
        node->peer_address(), request, kQuestionTimeout,
        questions_.Wrap([this](const absl::StatusOr<v1::PromiseResponse>& answer) {
          --questions_open_;
          if (answer.ok()) {
            if (answer->promise().has_handed_over() && answer->promise().epoch() > handed_over_.epoch())
              handed_over_ = answer->promise();
            resume_->OnAnswer(*answer);
          }
          JudgeAnswers(questions_open_ == 0);
        }));
  }
  if (questions_open_ == 0) JudgeAnswers(/*round_over=*/true);
}

void ReplicaImpl::JudgeAnswers(bool round_over) {
  const Resume::Verdict verdict = resume_->verdict();
  const uint64_t highest = resume_->highest_epoch();
  std::string explanation = resume_->explanation();
  if (verdict == Resume::kFenced)
    return LosePrimary(Role::kFenced, highest, absl::StrCat("fenced: ", explanation));
  if (verdict == Resume::kSuspended) {
    // It died before it had promised itself: taken back like a hand-over that it had agreed to (F7).
    if (handed_over_.epoch() == highest) NoteHandOver(handed_over_);
    return LosePrimary(Role::kSuspended, highest, absl::StrCat("suspended: ", explanation));
  }
  // With q = 0 one answer is enough, but whoever else can be reached is heard first.
  const std::vector<RuleRecord> rules = RulesFrom(*options_.store, options_.store->appended().revision);
  const bool local = rules.empty() || rules.back().rule.quorum == 0;
  if (verdict == Resume::kReady && (round_over || !local)) return BecomePrimary();
  activity_ = absl::StrCat("recovering: waits for ", explanation);
  UpdateView();
  if (!round_over) return;
  options_.strand->PostAfter(question_backoff_.Next(), questions_.Wrap([this] { AskVoters(); }));
}

}  // namespace holdfast::replication
