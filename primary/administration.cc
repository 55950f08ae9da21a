#include "primary/administration.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "primary/errors.h"
#include "primary/membership.h"
#include "replication/errors.h"

namespace holdfast::primary {
namespace {

using replication::Inventory;

constexpr absl::Duration kAskTimeout = absl::Seconds(3);
constexpr absl::Duration kPollInterval = absl::Milliseconds(50);

// What nodes said when they were asked.
struct Answers {
  Incarnations incarnations;
  std::map<std::string, Position> held;  // the last durable record of each
};

// A change under way.
struct NodesCall {
  v1::ChangeNodesRequest request;
  std::map<std::string, std::string, std::less<>> peers;  // whom it concerns: addresses by node id
  absl::Duration deadline;
  std::function<void(absl::StatusOr<v1::ChangeNodesResponse>)> done;
  Answers answers;
};

// A cluster that is being begun.
struct InitCall {
  std::function<void(absl::StatusOr<v1::InitResponse>)> done;
  Executor::TimerId timer = 0;  // the end of the caller's patience
};

// Questions to several nodes at once.
struct Round {
  v1::PromiseRequest question;
  absl::Duration until;  // SinceBoot
  Answers answers;
  size_t waiting = 0;
  std::function<void(Answers)> done;

  void OneLess() {
    if (--waiting == 0) done(std::move(answers));
  }
};

class AdministrationImpl : public Administration {
 public:
  explicit AdministrationImpl(Options options) : options_(std::move(options)) {}

  void Init(v1::InitRequest request, absl::Duration deadline,
            std::function<void(absl::StatusOr<v1::InitResponse>)> done) override;
  void ChangeNodes(v1::ChangeNodesRequest request, absl::Duration deadline,
                   std::function<void(absl::StatusOr<v1::ChangeNodesResponse>)> done) override;
  void Stop() override;

 private:
  using Addresses = std::map<std::string, std::string, std::less<>>;

  // Asks each for its incarnation and position, without a promise; those that do not answer in time are
  // absent.
  void Ask(const Addresses& peers, std::function<void(Answers)> done);
  void AskOne(const std::shared_ptr<Round>& round, const std::string& node_id, const std::string& address);
  Inventory inventory() const { return {options_.replica->cluster(), options_.replica->nodes()}; }
  absl::Duration now() const { return options_.clock->SinceBoot(); }

  void BeginCluster(const v1::InitRequest& request, absl::Duration deadline, const Answers& answers,
                    const std::shared_ptr<InitCall>& call);
  void AnswerInit(const std::shared_ptr<InitCall>& call, absl::StatusOr<v1::InitResponse> answer);
  void AnswerInitUnknown(const std::shared_ptr<InitCall>& call, absl::string_view why);

  void AppendMembers(const std::shared_ptr<NodesCall>& call);
  void AppendWhenCaughtUp(const std::shared_ptr<NodesCall>& call);
  void AnswerWhenSettled(const std::shared_ptr<NodesCall>& call, Revision revision);
  absl::Status CheckEnoughAlive(const NodesCall& call, const v1::DurabilityRule& after) const;
  absl::Status CheckCaughtUp(const NodesCall& call, const v1::DurabilityRule& before,
                             const v1::DurabilityRule& after) const;
  absl::StatusOr<std::optional<storage::RecordDraft>> MakeDraft(const NodesCall& call, Scope scope) const;

  bool TimeIsUp(const NodesCall& call) const { return stopping_ || now() >= call.deadline; }

  const Options options_;
  bool stopping_ = false;
  std::set<std::shared_ptr<InitCall>> begun_;  // their record is in the log, their callers wait
};

void AdministrationImpl::Ask(const Addresses& peers, std::function<void(Answers)> done) {
  auto round = std::make_shared<Round>();
  round->done = std::move(done);
  round->until = now() + kAskTimeout;
  round->answers.incarnations[options_.node_id] = options_.store->node().identity().incarnation;
  round->question.set_cluster_id(options_.store->node().identity().cluster_id);
  round->question.set_inspect(true);
  round->waiting = peers.size() + 1;
  for (const auto& [node_id, address] : peers) {
    if (node_id == options_.node_id) {
      --round->waiting;
    } else {
      AskOne(round, node_id, address);
    }
  }
  options_.strand->Post([round] { round->OneLess(); });
}

// Again and again until the round's time is up: a channel that has just failed needs a moment.
void AdministrationImpl::AskOne(const std::shared_ptr<Round>& round, const std::string& node_id,
                                const std::string& address) {
  options_.transport->Promise(address, round->question, round->until - now(),
                              [this, round, node_id, address](absl::StatusOr<v1::PromiseResponse> answer) {
                                if (!answer.ok() && !stopping_ && now() + kPollInterval < round->until) {
                                  options_.strand->PostAfter(kPollInterval, [this, round, node_id, address] {
                                    AskOne(round, node_id, address);
                                  });
                                  return;
                                }
                                // Another node at this address speaks for itself only.
                                if (answer.ok() && answer->node_id() == node_id) {
                                  round->answers.incarnations[node_id] = answer->incarnation();
                                  const auto held = storage::FromProto(answer->appended());
                                  if (held.ok()) round->answers.held[node_id] = *held;
                                }
                                round->OneLess();
                              });
}

void AdministrationImpl::Init(v1::InitRequest request, absl::Duration deadline,
                              std::function<void(absl::StatusOr<v1::InitResponse>)> done) {
  const std::string& present = options_.store->node().identity().cluster_id;
  if (!present.empty()) return done(AlreadyInitializedError(options_.node_id, present));
  Addresses peers;
  for (const v1::NodeSpec& spec : request.nodes()) peers[spec.node_id()] = spec.peer_address();
  auto call = std::make_shared<InitCall>();
  call->done = std::move(done);
  Ask(peers, [this, request = std::move(request), deadline, call](const Answers& answers) {
    BeginCluster(request, deadline, answers, call);
  });
}

// Whoever comes first answers: the commit, the end of the caller's patience, or the end of the node.
void AdministrationImpl::BeginCluster(const v1::InitRequest& request, absl::Duration deadline,
                                      const Answers& answers, const std::shared_ptr<InitCall>& call) {
  if (stopping_) return AnswerInit(call, replication::StoppingError({}));
  std::string cluster_id = request.cluster_id();
  if (cluster_id.empty()) cluster_id = RandomHexId(*options_.random);
  absl::StatusOr<storage::RecordDraft> draft =
      FirstEpochDraft(request, options_.node_id, cluster_id, answers.incarnations);
  if (!draft.ok()) return AnswerInit(call, draft.status());
  begun_.insert(call);
  call->timer = options_.strand->PostAfter(deadline - now(),
                                           [this, call] { AnswerInitUnknown(call, "the deadline passed"); });
  options_.replica->InitCluster(cluster_id, *std::move(draft),
                                [this, call, cluster_id](const absl::Status& status) {
                                  if (!status.ok()) return AnswerInit(call, status);
                                  v1::InitResponse response;
                                  response.set_cluster_id(cluster_id);
                                  response.set_revision(Revision(0, 1).number());
                                  AnswerInit(call, std::move(response));
                                });
}

void AdministrationImpl::AnswerInit(const std::shared_ptr<InitCall>& call,
                                    absl::StatusOr<v1::InitResponse> answer) {
  if (!call->done) return;
  options_.strand->Cancel(call->timer);
  begun_.erase(call);
  std::exchange(call->done, nullptr)(std::move(answer));
}

void AdministrationImpl::AnswerInitUnknown(const std::shared_ptr<InitCall>& call, absl::string_view why) {
  const Revision first = options_.store->appended().revision;
  AnswerInit(call, CommitUnknownError(first, options_.replica->AcknowledgedAt(first), why));
}

void AdministrationImpl::Stop() {
  stopping_ = true;
  // The replica has stopped and will answer none of them; the record is in the log, and counts after the next
  // start.
  const std::set<std::shared_ptr<InitCall>> begun = begun_;
  for (const std::shared_ptr<InitCall>& call : begun) AnswerInitUnknown(call, "this node stops");
}

void AdministrationImpl::ChangeNodes(v1::ChangeNodesRequest request, absl::Duration deadline,
                                     std::function<void(absl::StatusOr<v1::ChangeNodesResponse>)> done) {
  if (absl::Status admitted = options_.replica->CanAdmit(); !admitted.ok()) return done(admitted);
  const Inventory before = inventory();
  const Addresses known = PeerAddresses(before, request);
  auto call = std::make_shared<NodesCall>();
  for (const std::string& node_id : NodesToAsk(before, request)) {
    if (const auto it = known.find(node_id); it != known.end()) call->peers.insert(*it);
  }
  call->request = std::move(request);
  call->deadline = deadline;
  call->done = std::move(done);
  Ask(call->peers, [this, call](Answers answers) {
    call->answers = std::move(answers);
    AppendMembers(call);
  });
}

// R21: a record names as new voters only nodes that hold what is committed. One that follows a relay, and so
// is none of our followers, speaks for itself; the record is looked up by its hash.
absl::Status AdministrationImpl::CheckCaughtUp(const NodesCall& call, const v1::DurabilityRule& before,
                                               const v1::DurabilityRule& after) const {
  const Revision committed = options_.store->visible().revision;
  const std::vector<v1::FollowerStatus> followers = options_.replica->followers();
  for (const v1::Voter& voter : after.voters()) {
    if (replication::IsVoter(before, voter.node_id(), voter.incarnation())) continue;
    Revision holds;
    for (const v1::FollowerStatus& follower : followers) {
      if (follower.node_id() != voter.node_id() || follower.incarnation() != voter.incarnation()) continue;
      holds = std::max(holds, Revision(follower.appended().revision()));
    }
    const auto answered = call.answers.held.find(voter.node_id());
    if (answered != call.answers.held.end() && answered->second.revision > holds) {
      HF_ASSIGN_OR_RETURN(const std::optional<Position> own,
                          options_.store->PositionAt(answered->second.revision));
      if (own == answered->second) holds = answered->second.revision;
    }
    if (holds < committed) return NotCaughtUpError(voter.node_id(), holds, committed);
  }
  return absl::OkStatus();
}

// A rule whose quorum needs a voter that may be gone for good could never commit its own record. Who does not
// answer may be named, but q others must have been heard under the incarnation that the rule names (R16).
absl::Status AdministrationImpl::CheckEnoughAlive(const NodesCall& call,
                                                  const v1::DurabilityRule& after) const {
  const std::vector<v1::FollowerStatus> followers = options_.replica->followers();
  uint32_t heard = 0;
  std::string silent;
  for (const v1::Voter& voter : after.voters()) {
    const auto answered = call.answers.incarnations.find(voter.node_id());
    const bool answers =
        answered != call.answers.incarnations.end() && answered->second == voter.incarnation();
    const bool follows =
        std::any_of(followers.begin(), followers.end(), [&](const v1::FollowerStatus& status) {
          return status.node_id() == voter.node_id() && status.incarnation() == voter.incarnation();
        });
    if (answers || follows) {
      ++heard;
    } else {
      silent = voter.node_id();
    }
  }
  return heard >= after.quorum() ? absl::OkStatus() : UnknownIncarnationError(silent);
}

absl::StatusOr<std::optional<storage::RecordDraft>> AdministrationImpl::MakeDraft(const NodesCall& call,
                                                                                  Scope scope) const {
  const Inventory before = inventory();
  HF_ASSIGN_OR_RETURN(std::optional<storage::RecordDraft> draft,
                      SettingsDraft(before, call.request, call.answers.incarnations, scope));
  if (draft && draft->rule) HF_RETURN_IF_ERROR(CheckEnoughAlive(call, *draft->rule));
  if (draft && draft->rule) HF_RETURN_IF_ERROR(CheckCaughtUp(call, before.cluster.rule(), *draft->rule));
  return draft;
}

// Where a new voter lags, or is new: its membership first, so that it can follow.
void AdministrationImpl::AppendMembers(const std::shared_ptr<NodesCall>& call) {
  if (!IsNotCaughtUp(MakeDraft(*call, Scope::kWhole).status())) return AppendWhenCaughtUp(call);
  options_.commit_path->AppendControl(
      [this, call](storage::Store::Batch&) { return MakeDraft(*call, Scope::kMembers); }, call->deadline,
      [this, call](const absl::StatusOr<Revision>& revision) {
        if (!revision.ok()) return call->done(revision.status());
        AppendWhenCaughtUp(call);
      });
}

void AdministrationImpl::AppendWhenCaughtUp(const std::shared_ptr<NodesCall>& call) {
  const absl::StatusOr<std::optional<storage::RecordDraft>> ready = MakeDraft(*call, Scope::kWhole);
  if (!ready.ok() && IsNotCaughtUp(ready.status()) && !TimeIsUp(*call)) {
    options_.strand->PostAfter(kPollInterval, [this, call] {
      Ask(call->peers, [this, call](Answers answers) {
        // A node that was wiped meanwhile is another voter (R16).
        for (const auto& [node_id, incarnation] : answers.incarnations) {
          call->answers.incarnations[node_id] = incarnation;
        }
        call->answers.held = std::move(answers.held);
        AppendWhenCaughtUp(call);
      });
    });
    return;
  }
  options_.commit_path->AppendControl(
      [this, call](storage::Store::Batch&) { return MakeDraft(*call, Scope::kWhole); }, call->deadline,
      [this, call](absl::StatusOr<Revision> revision) {
        if (!revision.ok()) return call->done(revision.status());
        AnswerWhenSettled(call, *revision);
      });
}

void AdministrationImpl::AnswerWhenSettled(const std::shared_ptr<NodesCall>& call, Revision revision) {
  const bool settled = options_.replica->RuleSettled();
  if (!settled && !TimeIsUp(*call)) {
    options_.strand->PostAfter(kPollInterval, [this, call, revision] { AnswerWhenSettled(call, revision); });
    return;
  }
  v1::ChangeNodesResponse response;
  response.set_revision(revision.number());
  const Inventory after = inventory();
  for (const v1::NodeInfo& node : after.nodes) *response.add_nodes() = node;
  *response.mutable_rule() = after.cluster.rule();
  response.set_settled(settled);
  call->done(std::move(response));
}

}  // namespace

std::unique_ptr<Administration> Administration::Create(Options options) {
  return std::make_unique<AdministrationImpl>(std::move(options));
}

}  // namespace holdfast::primary
