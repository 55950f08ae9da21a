#include "replication/replica.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "replication/errors.h"
#include "replication/replica_impl.h"
#include "replication/store_log.h"
#include "storage/errors.h"
#include "storage/record_codec.h"

namespace holdfast::replication {
namespace {

// Values of node.db.
constexpr absl::string_view kCommittedRule = "committed_rule";
constexpr absl::string_view kRejoined = "rejoined_epoch";
constexpr absl::string_view kRepair = "repair";

}  // namespace

std::unique_ptr<Replica> Replica::Create(Options options) {
  return std::make_unique<ReplicaImpl>(std::move(options));
}

ReplicaImpl::ReplicaImpl(Options options)
    : options_(std::move(options)),
      inventory_(options_.store),
      copies_(options_),
      follower_(options_, this),
      question_backoff_({}, options_.random),
      retry_backoff_({}, options_.random),
      started_at_(options_.clock->SinceBoot()) {
  UpdateView();
}

ReplicaImpl::~ReplicaImpl() { Stop(); }

void ReplicaImpl::Start() {
  options_.store->AddObserver(this);
  observing_ = true;
  copies_.Start();
  Begin();
}

void ReplicaImpl::Begin() {
  not_begun_ = Recover();
  if (not_begun_.ok()) return retry_backoff_.Reset();
  if (!storage::MayPass(not_begun_)) return Halt(not_begun_);
  activity_ = absl::StrCat("cannot begin yet, tries again: ", std::string(not_begun_.message()));
  UpdateView();
  options_.strand->PostAfter(retry_backoff_.Next(), lifetime_.Wrap([this] { Begin(); }));
}

void ReplicaImpl::Stop() {
  if (role_ == Role::kStopped) return;
  std::vector<std::string> elsewhere;
  for (const UpstreamPolicy::Candidate& candidate : Candidates()) elsewhere.push_back(candidate.peer_address);
  EndSenders(StoppingError(elsewhere));
  follower_.Stop();
  copies_.EndAll(Revision());
  questions_.Renew();
  lifetime_.Renew();
  answers_.AnswerAll(StoppingError({}));
  if (observing_) options_.store->RemoveObserver(this);
  observing_ = false;
  role_ = Role::kStopped;
  begin_done_ = nullptr;
  fresh_at_ns_ = kNever;
}

absl::Status ReplicaImpl::Recover() {
  const absl::Status known = RecoverKnown();
  if (!known.ok()) {
    if (!storage::IsDamaged(known)) return known;
    HF_ASSIGN_OR_RETURN(const bool was_primary, OwnsNewestEpoch());
    if (was_primary) return storage::DamagedPrimaryError(options_.store->options().data_dir, known);
    HF_RETURN_IF_ERROR(options_.store->node().PutValue(kRepair, known.message()));
  }
  return RecoverRole();
}

absl::Status ReplicaImpl::RecoverKnown() {
  storage::NodeStore& node = options_.store->node();
  if (node.identity().node_id != options_.node_id) HF_RETURN_IF_ERROR(node.SetNodeId(options_.node_id));
  HF_ASSIGN_OR_RETURN(const auto known, node.GetValue(kCommittedRule));
  if (v1::LogPosition position; known && position.ParseFromString(*known)) {
    HF_ASSIGN_OR_RETURN(durable_committed_, storage::FromProto(position));
    // A power cut may have taken the visible position, which is written but not synced; this was synced.
    HF_RETURN_IF_ERROR(options_.store->AdvanceVisible(durable_committed_).status());
  }
  HF_RETURN_IF_ERROR(LoadPin());
  HF_RETURN_IF_ERROR(inventory_.Reload());
  // A crash between the first EPOCH record and the durable cluster id: the log knows it.
  if (HasLog() && node.identity().cluster_id.empty()) {
    HF_RETURN_IF_ERROR(node.JoinCluster(inventory_.inventory().cluster.cluster_id()));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> ReplicaImpl::OwnsNewestEpoch() {
  storage::NodeStore& node = options_.store->node();
  const std::optional<storage::Milestone> newest = NewestEpoch(*options_.store);
  const bool was_primary = newest && newest->epoch && newest->epoch->node_id() == options_.node_id &&
                           newest->epoch->incarnation() == node.identity().incarnation;
  if (!was_primary) return false;
  HF_ASSIGN_OR_RETURN(const auto rejoined, node.GetValue(kRejoined));
  // With an epoch every earlier one is given up: the log may end there once the later one is cut.
  uint64_t given_up = 0;
  return !rejoined || !absl::SimpleAtoi(*rejoined, &given_up) || newest->position.revision.epoch() > given_up;
}

absl::Status ReplicaImpl::RecoverRole() {
  storage::NodeStore& node = options_.store->node();
  HF_ASSIGN_OR_RETURN(const auto repair, node.GetValue(kRepair));
  HF_ASSIGN_OR_RETURN(const bool was_primary, OwnsNewestEpoch());
  if (repair) {
    // The crash may have come before the new incarnation was durable; another one does no harm.
    HF_RETURN_IF_ERROR(node.RenewIncarnation(*repair));
    SetRole(Role::kFollower, "repairs damaged data");
    follower_.StartRepair();
  } else if (was_primary) {
    own_epoch_ = NewestEpoch(*options_.store)->position.revision.epoch();
    if (IsPromisedTo(node.promise(), OwnStream())) {
      StartRecovering();
    } else {
      LosePrimary(Role::kSuspended, node.promise().epoch(),
                  absl::StrCat("suspended: has promised epoch ", node.promise().epoch()));
    }
  } else {
    SetRole(Role::kFollower, "looks for an upstream");
    follower_.Start();
  }
  return absl::OkStatus();
}

absl::Status ReplicaImpl::Rejoin() {
  if (role_ != Role::kSuspended && role_ != Role::kFenced) {
    return WrongRoleError("only a suspended or fenced former primary can rejoin");
  }
  HF_RETURN_IF_ERROR(HOLDFAST_FAILPOINT_STATUS("rejoin.before-note"));
  HF_RETURN_IF_ERROR(options_.store->node().PutValue(kRejoined, absl::StrCat(own_epoch_)));
  HOLDFAST_FAILPOINT("rejoin.after-note");
  EndSenders(NoUpstreamError(options_.node_id));
  fresh_at_ns_ = kNever;  // the bound spoke of a history that may have ended long ago
  SetRole(Role::kFollower, "rejoins");
  follower_.Start();
  return absl::OkStatus();
}

absl::Status ReplicaImpl::Repair(absl::string_view why) {
  if (!IsFollowing()) {
    return MakeError(absl::StatusCode::kDataLoss, "DATA_DAMAGED",
                     absl::StrCat("the data of this primary is damaged (", why,
                                  ") and may hold what no other node has: keep its data directory for review "
                                  "and restore a snapshot, "
                                  "`holdfast snapshot restore FILE --data-dir DIR`"));
  }
  if (follower_.repairing()) return absl::OkStatus();
  storage::NodeStore& node = options_.store->node();
  // In this order: a crash in between repeats the repair.
  HF_RETURN_IF_ERROR(node.PutValue(kRepair, why));
  HF_RETURN_IF_ERROR(node.RenewIncarnation(why));
  SetRole(Role::kFollower, absl::StrCat("repairs damaged data: ", why));
  follower_.StartRepair();
  return absl::OkStatus();
}

void ReplicaImpl::OnRepaired(const std::string& kept_as) {
  if (absl::Status status = options_.store->node().DeleteValue(kRepair); !status.ok()) {
    activity_ =
        absl::StrCat("repaired; the note of it could not be removed: ", std::string(status.message()));
  }
  if (options_.on_repaired) options_.on_repaired(kept_as);
}

void ReplicaImpl::Halt(const absl::Status& status) {
  if (!halted_.ok()) return;
  halted_ = status;
  EndSenders(status);
  follower_.Stop();
  copies_.EndAll(Revision());
  questions_.Renew();
  SetRole(Role::kHalted, absl::StrCat("stopped serving: ", std::string(status.message())));
  AnswerBegin(status);
  if (options_.on_halt) options_.strand->Post(lifetime_.Wrap([this] { options_.on_halt(halted_); }));
}

// ---- The store's word ----

void ReplicaImpl::OnAppended(absl::Span<const storage::LogRecordPtr> records) {
  recent_.Append(records);
  inventory_.OnAppended(records);
  const bool known_to_others = std::any_of(
      records.begin(), records.end(),
      [](const storage::LogRecordPtr& record) { return record->message.kind() != v1::RECORD_KIND_COMMIT; });
  if (!known_to_others) return;
  if (count_) count_->OnRuleAppended();
  UpdateView(/*rule_changed=*/true);
}

void ReplicaImpl::OnVisible(const Position& visible) {
  follower_.OnVisible(visible.revision);
  OnUpstreamChanged();
}

void ReplicaImpl::OnRewound(const Position& ancestor, const Position&, const std::vector<std::string>&) {
  LogWasReplaced(ancestor.revision);
}

void ReplicaImpl::OnReplaced(const Position&) { LogWasReplaced(Revision()); }

void ReplicaImpl::LogWasReplaced(Revision kept) {
  kept.is_zero() ? recent_.Clear() : recent_.CutAfter(kept);
  EndSenders(NoUpstreamError(options_.node_id));  // what they sent may be gone; they begin anew
  copies_.EndAll(kept);
  ForgetBound();
  UpdateView();  // it may belong to a cluster only since now, and already shows what it holds
  if (std::exchange(reload_posted_, true)) return;
  // Later: the store is in the middle of its work, and reading it now could wait for that.
  options_.strand->Post(lifetime_.Wrap([this] { ReloadInventory(); }));
}

void ReplicaImpl::ForgetBound() {
  follower_.ForgetFreshness();
  if (fresh_at_ns_ != kAlways) fresh_at_ns_ = kNever;
}

void ReplicaImpl::ReloadInventory() {
  reload_posted_ = false;
  absl::Status status = inventory_.Reload();
  // What is known of the inventory is good enough to find somebody who has a sound copy.
  if (storage::IsDamaged(status) && IsFollowing()) status = Repair(status.message());
  if (status.ok()) {
    retry_backoff_.Reset();
    return UpdateView();
  }
  if (!storage::MayPass(status)) return Halt(status);
  reload_posted_ = true;
  options_.strand->PostAfter(retry_backoff_.Next(), lifetime_.Wrap([this] { ReloadInventory(); }));
}

// R21: once a rule is visible here, that is made durable, so that its voters can be said to know it.
absl::Status ReplicaImpl::NoteCommittedRule() {
  const Revision visible = options_.store->visible().revision;
  std::optional<Position> newest;
  for (const storage::Milestone& milestone : options_.store->milestones()) {
    if (milestone.rule && milestone.position.revision <= visible) newest = milestone.position;
  }
  if (!newest || newest->revision <= durable_committed_.revision) return absl::OkStatus();
  HF_RETURN_IF_ERROR(
      options_.store->node().PutValue(kCommittedRule, storage::ToProto(*newest).SerializeAsString()));
  durable_committed_ = *newest;
  return absl::OkStatus();
}

// ---- What the follower asks ----

std::vector<UpstreamPolicy::Candidate> ReplicaImpl::Candidates() {
  std::vector<UpstreamPolicy::Candidate> candidates;
  const Inventory& inventory = inventory_.inventory();
  const v1::FollowVerdict& verdict = follower_.verdict();
  // Whoever was promised a higher epoch than that of the last stream is, or will be, the primary.
  const v1::EpochPromise& promise = options_.store->node().promise();
  const bool promised_on = promise.epoch() > verdict.stream_epoch() && !promise.candidate_node_id().empty();
  const std::string& primary = promised_on                         ? promise.candidate_node_id()
                               : verdict.primary_node_id().empty() ? inventory.cluster.primary_node_id()
                                                                   : verdict.primary_node_id();
  const auto add = [&](UpstreamPolicy::Candidate candidate) {
    const bool known = std::any_of(candidates.begin(), candidates.end(), [&](const auto& other) {
      return other.peer_address == candidate.peer_address;
    });
    if (known || candidate.peer_address.empty() || candidate.peer_address == options_.peer_address) return;
    candidates.push_back(std::move(candidate));
  };
  if (!promised_on && !verdict.primary_peer_address().empty()) {
    const v1::NodeInfo* node = inventory.Find(primary);
    add({verdict.primary_peer_address(), primary, true, node != nullptr && node->site() == options_.site,
         true});
  }
  for (const v1::NodeInfo& node : inventory.nodes) {
    if (node.node_id() == options_.node_id) continue;
    add({node.peer_address(), node.node_id(), node.node_id() == primary, node.site() == options_.site,
         node.kind() == v1::NODE_KIND_SERVER});
  }
  for (const std::string& seed : options_.seed_addresses) add({seed, "", false, false, false});
  return candidates;
}

v1::FollowHello ReplicaImpl::MakeHello() {
  storage::Store& store = *options_.store;
  v1::FollowHello hello;
  hello.set_cluster_id(store.node().identity().cluster_id);
  hello.set_node_id(options_.node_id);
  hello.set_incarnation(store.node().identity().incarnation);
  hello.set_site(options_.site);
  hello.set_node_kind(options_.kind);
  *hello.mutable_promise() = store.node().promise();
  hello.add_fed_through(options_.node_id);
  hello.set_version(options_.version);
  const Position appended = store.appended();
  FillHello({appended, store.visible(), store.floor()}, HistoryOf(store, appended.revision),
            StoreLog(&store, appended), &hello);
  return hello;
}

absl::Status ReplicaImpl::Admit(const StreamIdentity& stream, const std::string& cluster_id) {
  storage::NodeStore& node = options_.store->node();
  HF_ASSIGN_OR_RETURN(const StreamAdmission admission, AdmitStream(node.promise(), stream));
  if (cluster_id.empty()) return InvalidMessageError("cluster_id", "the upstream names no cluster");
  if (node.identity().cluster_id.empty()) HF_RETURN_IF_ERROR(node.JoinCluster(cluster_id));
  if (node.identity().cluster_id != cluster_id)
    return WrongClusterError(node.identity().cluster_id, cluster_id);
  if (admission == StreamAdmission::kAdmit) return absl::OkStatus();
  return node.StorePromise(PromiseFor(stream));
}

void ReplicaImpl::OnUpstreamChanged() {
  if (!IsFollowing()) return;
  const std::optional<absl::Duration> fresh_at = follower_.FreshAt();
  fresh_at_ns_ = fresh_at ? absl::ToInt64Nanoseconds(*fresh_at) : kNever;
  // Whoever is fed through here must learn of another path, or a loop could close unseen (FOLLOW_LOOP).
  if (follower_.streaming() &&
      (last_path_ != follower_.fed_through() || last_stream_ != follower_.stream())) {
    last_path_ = follower_.fed_through();
    if (last_stream_ != follower_.stream()) copies_.EndAll(options_.store->visible().revision);
    last_stream_ = follower_.stream();
    EndSenders(NoUpstreamError(options_.node_id));
  }
  activity_ = follower_.activity();
  UpdateView();
}

void ReplicaImpl::OnProgress() {
  if (absl::Status status = NoteCommittedRule(); !status.ok()) activity_ = std::string(status.message());
  OnUpstreamChanged();
  ForEachSender([](Sender& sender) {
    sender.OnAppended();
    sender.OnCommitMoved();
  });
}

}  // namespace holdfast::replication
