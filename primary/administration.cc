#include "primary/administration.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "primary/errors.h"
#include "primary/membership.h"
#include "primary/node_survey.h"
#include "primary/voter_checks.h"
#include "replication/errors.h"

namespace holdfast::primary {
namespace {

using replication::Inventory;

constexpr absl::Duration kPollInterval = absl::Milliseconds(50);

// A change under way.
struct NodesCall {
  v1::ChangeNodesRequest request;
  NodeSurvey::Addresses peers;  // whom it concerns: addresses by node id
  absl::Duration deadline;
  std::function<void(absl::StatusOr<v1::ChangeNodesResponse>)> done;
  SurveyAnswers answers;
};

// A cluster that is being begun.
struct InitCall {
  std::function<void(absl::StatusOr<v1::InitResponse>)> done;
  Executor::TimerId timer = 0;  // the end of the caller's patience
};

class AdministrationImpl : public Administration {
 public:
  explicit AdministrationImpl(Options options)
      : options_(std::move(options)),
        survey_({options_.store, options_.transport, options_.strand, options_.clock, options_.node_id}) {}

  void Init(v1::InitRequest request, absl::Duration deadline,
            std::function<void(absl::StatusOr<v1::InitResponse>)> done) override;
  void ChangeNodes(v1::ChangeNodesRequest request, absl::Duration deadline,
                   std::function<void(absl::StatusOr<v1::ChangeNodesResponse>)> done) override;
  void Stop() override;

 private:
  Inventory inventory() const {
    return {options_.replica->cluster(), options_.replica->nodes(), options_.replica->unsettled()};
  }
  absl::Duration now() const { return options_.clock->SinceBoot(); }

  void BeginCluster(const v1::InitRequest& request, absl::Duration deadline, const SurveyAnswers& answers,
                    const std::shared_ptr<InitCall>& call);
  void AnswerInit(const std::shared_ptr<InitCall>& call, absl::StatusOr<v1::InitResponse> answer);
  void AnswerInitUnknown(const std::shared_ptr<InitCall>& call, absl::string_view why);

  void AppendMembers(const std::shared_ptr<NodesCall>& call);
  void AppendWhenCaughtUp(const std::shared_ptr<NodesCall>& call);
  void AnswerWhenSettled(const std::shared_ptr<NodesCall>& call, Revision revision);
  absl::StatusOr<std::optional<storage::RecordDraft>> MakeDraft(const NodesCall& call, Scope scope) const;

  bool TimeIsUp(const NodesCall& call) const { return stopping_ || now() >= call.deadline; }

  const Options options_;
  NodeSurvey survey_;
  bool stopping_ = false;
  std::set<std::shared_ptr<InitCall>> begun_;  // their record is in the log, their callers wait
};

void AdministrationImpl::Init(v1::InitRequest request, absl::Duration deadline,
                              std::function<void(absl::StatusOr<v1::InitResponse>)> done) {
  const std::string& present = options_.store->node().identity().cluster_id;
  if (!present.empty()) return done(AlreadyInitializedError(options_.node_id, present));
  NodeSurvey::Addresses peers;
  for (const v1::NodeSpec& spec : request.nodes()) peers[spec.node_id()] = spec.peer_address();
  auto call = std::make_shared<InitCall>();
  call->done = std::move(done);
  survey_.Ask(peers, [this, request = std::move(request), deadline, call](const SurveyAnswers& answers) {
    BeginCluster(request, deadline, answers, call);
  });
}

// Whoever comes first answers: the commit, the end of the caller's patience, or the end of the node.
void AdministrationImpl::BeginCluster(const v1::InitRequest& request, absl::Duration deadline,
                                      const SurveyAnswers& answers, const std::shared_ptr<InitCall>& call) {
  if (stopping_) return AnswerInit(call, replication::StoppingError({}));
  std::string cluster_id = request.cluster_id();
  if (cluster_id.empty()) cluster_id = RandomHexId(*options_.random);
  absl::StatusOr<storage::RecordDraft> draft =
      FirstEpochDraft(request, options_.node_id, cluster_id, answers.incarnations, options_.clock->Now());
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
  survey_.Stop();
  // The replica has stopped and will answer none of them; the record is in the log, and counts after the next
  // start.
  const std::set<std::shared_ptr<InitCall>> begun = begun_;
  for (const std::shared_ptr<InitCall>& call : begun) AnswerInitUnknown(call, "this node stops");
}

void AdministrationImpl::ChangeNodes(v1::ChangeNodesRequest request, absl::Duration deadline,
                                     std::function<void(absl::StatusOr<v1::ChangeNodesResponse>)> done) {
  if (absl::Status admitted = options_.replica->CanAdmit(); !admitted.ok()) return done(admitted);
  const Inventory before = inventory();
  const NodeSurvey::Addresses known = PeerAddresses(before, request);
  auto call = std::make_shared<NodesCall>();
  for (const std::string& node_id : NodesToAsk(before, request)) {
    if (const auto it = known.find(node_id); it != known.end()) call->peers.insert(*it);
  }
  call->request = std::move(request);
  call->deadline = deadline;
  call->done = std::move(done);
  survey_.Ask(call->peers, [this, call](SurveyAnswers answers) {
    call->answers = std::move(answers);
    AppendMembers(call);
  });
}

absl::StatusOr<std::optional<storage::RecordDraft>> AdministrationImpl::MakeDraft(const NodesCall& call,
                                                                                  Scope scope) const {
  const Inventory before = inventory();
  HF_ASSIGN_OR_RETURN(
      std::optional<storage::RecordDraft> draft,
      SettingsDraft(before, call.request, call.answers.incarnations, scope, options_.clock->Now()));
  if (!draft || !draft->rule) return draft;
  const replication::Replica& replica = *options_.replica;
  HF_RETURN_IF_ERROR(CheckEnoughAlive(replica, call.answers, *draft->rule));
  HF_RETURN_IF_ERROR(
      CheckCaughtUp(*options_.store, replica, call.answers, before.cluster.rule(), *draft->rule));
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
      survey_.Ask(call->peers, [this, call](SurveyAnswers answers) {
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
