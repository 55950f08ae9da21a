#include "tests/admin/sim_sites.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/time/time.h"
#include "node/node_status.h"
#include "primary/spell.h"

namespace holdfast::admin {
namespace {

constexpr char kFirst[] = "dc1-a";

void Fill(absl::Duration duration, google::protobuf::Duration* proto) {
  proto->set_seconds(absl::ToInt64Seconds(duration));
  proto->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration % absl::Seconds(1))));
}

// Virtual time has a length for each step, which would change with whatever is changed in the protocol.
v1::Operation WithEvenTimes(v1::Operation operation) {
  for (v1::OperationStep& step : *operation.mutable_steps())
    Fill(absl::Milliseconds(step.name() == "converge" ? 202 : 2), step.mutable_took());
  for (v1::NodeArrival& arrival : *operation.mutable_arrivals()) {
    if (arrival.has_after()) Fill(absl::Milliseconds(9), arrival.mutable_after());
  }
  if (operation.has_commit_pause()) Fill(absl::Milliseconds(21), operation.mutable_commit_pause());
  return operation;
}

void EvenTimes(v1::PlanOperationResponse&) {}
void EvenTimes(v1::ListOperationsResponse& response) {
  for (v1::Operation& operation : *response.mutable_operations())
    operation = WithEvenTimes(std::move(operation));
}
template <typename Response>
void EvenTimes(Response& response) {
  *response.mutable_operation() = WithEvenTimes(std::move(*response.mutable_operation()));
}

}  // namespace

const std::vector<std::string>& SimSites::Ids() {
  static const auto* const ids =
      new std::vector<std::string>{"dc1-a", "dc1-p1", "dc2-a", "dc2-b", "dc2-p1", "dc2-p2"};
  return *ids;
}

SimSites::SimSites() : OperationsTest(kFirst) {
  for (const std::string& id : Ids())
    Add(id, id.find("-p") == std::string::npos ? v1::NODE_KIND_SERVER : v1::NODE_KIND_PROXY);
  const auto begun = Init({"dc2-a", "dc2-b", "dc2-p1"}, 2);
  EXPECT_TRUE(begun && begun->ok()) << begun.value_or(absl::OkStatus());
  for (const char* id : {"dc1-a", "dc2-a", "dc2-b"}) Serve(id);
  CommitBy(kFirst, "olga", Ids());
  time_.RunFor(absl::Seconds(5));
}

template <typename Response, typename Ask>
absl::StatusOr<Response> SimSites::AnswerOf(const std::string& id, Ask ask) {
  MutexLock lock(&mu_);
  std::optional<absl::StatusOr<Response>> answer;
  node(id).strand().Post(
      [&] { ask([&answer](absl::StatusOr<Response> said) { answer = std::move(said); }); });
  time_.RunUntil([&] { return answer.has_value(); }, absl::Seconds(60));
  if (!answer) return absl::DeadlineExceededError("no answer on virtual time");
  if (answer->ok()) EvenTimes(**answer);
  return *std::move(answer);
}

FakeOperations SimSites::AnswersOf(const std::string& id) {
  FakeOperations answers;
  answers.status = [this, id] { return StatusOf(id); };
  if (!operations_.contains(id)) return answers;
  answers.plan = [this, id](const v1::PlanOperationRequest& request) {
    return AnswerOf<v1::PlanOperationResponse>(
        id, [&](auto done) { operations_[id]->Plan(request, std::move(done)); });
  };
  answers.start = [this, id](const v1::StartOperationRequest& request) {
    return AnswerOf<v1::StartOperationResponse>(
        id, [&](auto done) { operations_[id]->Begin(request, std::move(done)); });
  };
  answers.get = [this, id](const v1::GetOperationRequest& request) {
    return AnswerOf<v1::GetOperationResponse>(id, [&](auto done) {
      operations_[id]->Get(request, node(id).clock()->SinceBoot() + absl::Seconds(5), std::move(done));
    });
  };
  answers.list = [this, id] {
    return AnswerOf<v1::ListOperationsResponse>(id, [&](auto done) { done(operations_[id]->List()); });
  };
  answers.resume = [this, id](const v1::ResumeOperationRequest& request) {
    return AnswerOf<v1::ResumeOperationResponse>(id,
                                                 [&](auto done) { done(operations_[id]->Resume(request)); });
  };
  answers.abort = [this, id](const v1::AbortOperationRequest& request) {
    return AnswerOf<v1::AbortOperationResponse>(id,
                                                [&](auto done) { done(operations_[id]->Abort(request)); });
  };
  return answers;
}

v1::StatusResponse SimSites::StatusOf(const std::string& id) {
  MutexLock lock(&mu_);
  failover::TestNode& asked = node(id);
  node::NodeStatus::Options options;
  options.store = &asked.store();
  options.replica = &asked.replica();
  options.files = &asked.files();
  options.clock = asked.clock();
  options.node_id = id;
  options.site = SiteOf(id);
  options.data_dir = "/d";
  options.watches = options.reads = options.commits = [] { return int64_t{0}; };
  options.draining = [] { return false; };
  if (asked.role() == v1::NODE_ROLE_PRIMARY && asked.replica().cluster().has_spell())
    options.spell_left = [] { return std::optional<absl::Duration>(absl::Minutes(52)); };
  v1::StatusResponse status = node::NodeStatus(std::move(options)).Get();
  if (status.header().has_staleness())
    Fill(absl::Milliseconds(300), status.mutable_header()->mutable_staleness());
  return status;
}

void SimSites::Lose(const std::string& id) {
  Kill(id);
  time_.RunFor(absl::Seconds(5));
}

void SimSites::CutOff(const std::vector<std::string>& these, const std::vector<std::string>& those) {
  for (const std::string& one : these) {
    for (const std::string& other : those) {
      network_.Cut(one, other);
      network_.Cut(other, one);
      network_.Reset(one, other);
    }
  }
  time_.RunFor(absl::Seconds(5));
}

void SimSites::HealAll() {
  network_.HealAll();
  time_.RunFor(absl::Seconds(5));
}

void SimSites::ForceBothSitesOn() {
  const std::vector<std::string> dc2 = {"dc2-a", "dc2-b", "dc2-p1", "dc2-p2"};
  CutOff({"dc1-a", "dc1-p1"}, dc2);
  v1::Overrides overrides;
  overrides.add_assert_sites_down("dc2");
  EXPECT_TRUE(BeginBy(PlanBy("dc1-a", v1::OPERATION_KIND_PROMOTE_IN_PLACE, overrides)).ok());
  EXPECT_EQ(EndOf("dc1-a").state(), v1::OPERATION_STATE_DONE) << Newest("dc1-a").DebugString();
  EXPECT_TRUE(BeginBy(PlanBy("dc2-a", v1::OPERATION_KIND_PROMOTE)).ok());
  EXPECT_EQ(EndOf("dc2-a").state(), v1::OPERATION_STATE_DONE) << Newest("dc2-a").DebugString();
  for (int i = 0; i < 2; ++i) CommitBy("dc1-a", "alice", {"dc1-p1"});
  for (int i = 0; i < 3; ++i) CommitBy("dc2-a", "bob", dc2);
}

void SimSites::CommitBy(const std::string& primary, const std::string& author,
                        const std::vector<std::string>& shown) {
  storage::RecordDraft draft;
  AddChange(&draft, "k", author);
  draft.commit.emplace();
  draft.commit->set_author(author);
  const Position position = Append(primary, draft);
  for (const std::string& id : shown) EXPECT_TRUE(RunUntilShown(id, position)) << id;
}

void SimSites::CommitOnlyAtProxy() {
  for (const char* id : {"dc1-p1", "dc2-a", "dc2-b", "dc2-p2"}) {
    network_.Cut(kFirst, id);
    network_.Reset(kFirst, id);
  }
  const Position last = Commit(kFirst, "more", "1");
  EXPECT_TRUE(time_.RunUntil([&] { return node("dc2-p1").store().appended() == last; }, absl::Seconds(10)));
  Kill(kFirst);
  network_.HealAll();
}

void SimSites::BeginSpell() {
  v1::ChangeSpellRequest request;
  request.mutable_duration()->set_seconds(3600);
  request.set_operator_name("olga@desk");
  request.set_host("desk");
  request.set_reason("work on the line");
  const auto draft =
      primary::SpellBeginDraft(node(kFirst).replica().cluster(), request, node(kFirst).clock()->Now());
  ASSERT_TRUE(draft.ok()) << draft.status();
  const Position begun = Append(kFirst, *draft);
  for (const std::string& id : Ids()) EXPECT_TRUE(RunUntilShown(id, begun)) << id;
}

v1::Plan SimSites::PlanBy(const std::string& id, v1::OperationKind kind, const v1::Overrides& overrides) {
  v1::PlanOperationRequest request;
  request.set_kind(kind);
  *request.mutable_overrides() = overrides;
  const auto planned = AnswersOf(id).plan(request);
  EXPECT_TRUE(planned.ok()) << planned.status();
  return planned.ok() ? planned->plan() : v1::Plan();
}

void SimSites::AtStep(const std::string& step, std::function<void()> happens) {
  on_step = [step, happens = std::move(happens)](const std::string& begun) {
    if (begun == step) happens();
  };
}

void SimSites::EndProcessAt(const std::string& id, const std::string& last_step) {
  Serve(id, last_step);
  ASSERT_TRUE(BeginBy(PlanBy(id, v1::OPERATION_KIND_PROMOTE)).ok());
  EXPECT_TRUE(time_.RunUntil([&] { return std::count(steps_.begin(), steps_.end(), last_step) > 0; },
                             absl::Seconds(30)));
  Kill(id);
  Restart(id);
}

void SimSites::Restart(const std::string& id) {
  node(id).Start({kFirst});
  Serve(id);
  time_.RunFor(absl::Seconds(5));
}

}  // namespace holdfast::admin
