#include "tests/sim/clients.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/uuid.h"

namespace holdfast::sim {
namespace {

constexpr int kMaxAttempts = 8;
constexpr absl::Duration kPatience = absl::Seconds(4);

absl::Duration ClientDelay(World& world) {
  return absl::Milliseconds(1) + absl::Milliseconds(4) * world.random->Fraction();
}

// Nothing happened, and nothing will.
bool IsRefusal(const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  return reason == "PRECONDITION_FAILED" || reason == "REQUEST_ID_REUSED" || reason == "OUTCOME_UNKNOWABLE" ||
         reason == "REQUEST_ID_AHEAD";
}

bool IsOutcomeUnknown(const absl::Status& status) { return ReasonOf(status) == "COMMIT_UNKNOWN"; }

}  // namespace

void Writers::Start() {
  World& world = cluster_->world();
  world.time.After(Around(world.scenario.commit_every, *world.random), [this, &world] {
    if (stopped_) return;
    const uint64_t burst = world.random->Below(8) == 0 ? 6 : 1;
    for (uint64_t i = 0; i < burst; ++i) CommitOne([](bool) {});
    Start();
  });
}

void Writers::CommitOne(std::function<void(bool)> done) {
  auto attempt = std::make_shared<Try>();
  attempt->request = MakeRequest();
  attempt->done = std::move(done);
  cluster_->world().checker.OnRequest(attempt->request);
  Send(attempt);
}

// Most clients' clocks are right, some are seconds off, a few are hours ahead. (Not where records are soon
// forgotten: if the primary's clock were as wrong, nobody else could commit for hours.)
Clock& Writers::ClockOfAClient() {
  World& world = cluster_->world();
  const uint64_t dice = world.random->Below(200);
  if (dice >= 40) return world.client_clock;
  testing::VirtualClock::Options options;
  options.wall_origin += dice == 0 && !world.scenario.compacts
                             ? absl::Hours(2 + static_cast<int64_t>(world.random->Below(3)))
                             : absl::Milliseconds(static_cast<int64_t>(world.random->Below(6000)) - 3000);
  skewed_clock_.emplace(&world.time, options);
  return *skewed_clock_;
}

v1::CommitRequest Writers::MakeRequest() {
  World& world = cluster_->world();
  Random& random = *world.random;
  v1::CommitRequest request;
  request.set_request_id(NewUuid7(ClockOfAClient(), random));
  request.set_author("sim");
  const uint64_t first = random.Next64() >> 1;
  const uint64_t count = 1 + random.Below(3);
  for (uint64_t i = 0; i < count; ++i) {
    v1::Mutation& mutation = *request.add_mutations();
    mutation.set_key(Key(first + i));
    if (random.Below(6) == 0) {
      mutation.set_delete_(true);
    } else {
      mutation.set_put(absl::StrCat("value ", ++made_, std::string(random.Below(200), '.')));
    }
  }
  if (random.Below(3) != 0) return request;
  v1::Precondition& precondition = *request.add_preconditions();
  precondition.set_key(Key(first));
  const Entry* const end = world.checker.facts(cluster_->primary()).visible;
  const int64_t now = end == nullptr ? 0 : end->position.revision.number();
  switch (random.Below(3)) {
    case 0:
      precondition.set_absent(true);
      break;
    case 1:
      precondition.set_mod_revision(std::max<int64_t>(1, now - static_cast<int64_t>(random.Below(4))));
      break;
    default:
      precondition.set_range_end("k/:");  // after all digits
      precondition.set_range_unchanged_since(
          std::max<int64_t>(1, now - static_cast<int64_t>(random.Below(3))));
      break;
  }
  return request;
}

void Writers::Send(const std::shared_ptr<Try>& attempt) {
  World& world = cluster_->world();
  ++attempt->attempts;
  attempt->answered = false;
  const int number = attempt->attempts;
  // Nobody waits for ever: silence is an unknown outcome.
  world.time.After(kPatience, [this, attempt, number] {
    if (attempt->answered || attempt->attempts != number) return;
    attempt->maybe_done = true;
    Again(attempt);
  });
  world.time.After(ClientDelay(world), [this, attempt, number, &world] {
    if (attempt->attempts != number) return;
    // Most know who is primary; some still go where it used to be, or to any server.
    SimNode& node = world.random->Below(5) != 0 ? cluster_->node(cluster_->primary()) : cluster_->AnyNode();
    if (!node.is_up() || node.plan().kind != v1::NODE_KIND_SERVER) return;
    const uint64_t life = node.life();
    node.commit_path().Commit(
        attempt->request, "", node.clock().SinceBoot() + absl::Seconds(3),
        [this, attempt, number, &node, life, &world](absl::StatusOr<v1::CommitResponse> answer) {
          if (!node.is_up() || node.life() != life) return;  // the answer never leaves the machine
          if (answer.ok()) {
            // What the node said counts from the moment it said it, heard or not.
            world.checker.OnAnswer(node.id(), attempt->request, answer, false);
          }
          world.time.After(ClientDelay(world), [this, attempt, number, &node, answer = std::move(answer)] {
            if (attempt->attempts == number && !attempt->answered) OnAnswer(attempt, node.id(), answer);
          });
        });
  });
}

void Writers::OnAnswer(const std::shared_ptr<Try>& attempt, const std::string& node,
                       const absl::StatusOr<v1::CommitResponse>& answer) {
  attempt->answered = true;
  World& world = cluster_->world();
  if (answer.ok()) {
    world.story.Note("CLIENT", absl::StrCat(node, " acknowledges ", Revision(answer->revision()).ToString(),
                                            answer->local() ? " (local)" : ""));
    return Finish(attempt, true);
  }
  const bool refused = IsRefusal(answer.status());
  attempt->maybe_done |= IsOutcomeUnknown(answer.status());
  world.checker.OnAnswer(node, attempt->request, answer, refused && !attempt->maybe_done);
  if (refused) return Finish(attempt, false);
  Again(attempt);
}

void Writers::Again(const std::shared_ptr<Try>& attempt) {
  attempt->answered = true;
  if (attempt->attempts >= kMaxAttempts) return Finish(attempt, false);
  World& world = cluster_->world();
  world.time.After(Around(absl::Milliseconds(400), *world.random), [this, attempt] { Send(attempt); });
}

void Writers::Finish(const std::shared_ptr<Try>& attempt, bool acknowledged) {
  std::exchange(attempt->done, [](bool) {})(acknowledged);
}

void Readers::Start() {
  World& world = cluster_->world();
  world.time.After(Around(absl::Milliseconds(100), *world.random), [this] {
    if (stopped_) return;
    ReadOnce();
    Start();
  });
}

void Readers::ReadOnce() {
  World& world = cluster_->world();
  SimNode* const node = cluster_->AnyUpNode();
  if (node == nullptr) return;
  world.checker.OnFreshness(node->id(), node->replica().view(), node->replica().Staleness(),
                            node->clock_rate());
  Revision at = node->store().visible().revision;
  if (at.is_zero()) return;
  if (world.random->Below(5) == 0) {  // history
    const Entry* entry = world.checker.facts(node->id()).visible;
    for (uint64_t back = world.random->Below(10); back > 0 && entry != nullptr && entry->parent != nullptr;
         --back) {
      entry = entry->parent;
    }
    if (entry != nullptr && entry->position.revision >= node->store().floor()) at = entry->position.revision;
  }
  const std::string key = AnyKey(*world.random);
  Read(*node, at, &key);
}

void Readers::ReadAll(SimNode& node) { Read(node, node.store().visible().revision, nullptr); }

void Readers::ListAll(SimNode& node) {
  if (!node.serving().CheckServes().ok()) return;
  World& world = cluster_->world();
  Revision at = node.store().visible().revision;
  v1::ListRequest request;
  request.set_range_end(std::string(1, '\0'));
  request.set_page_size(5);
  std::map<std::string, ModelRow> rows;
  do {
    v1::ListResponse response;
    std::optional<absl::Status> status;
    node.serving().reader().List(request, serving::CallLimits(), &response,
                                 [&status](const absl::Status& answer) { status = answer; });
    world.time.RunUntil([&status] { return status.has_value(); }, absl::Seconds(10));
    // A late commit may still be shown before the first page; the others are of its revision.
    const Revision named(response.revision());
    if (request.page_token().empty()) at = std::max(at, named);
    if (!status || !status->ok() || named != at) {
      world.violations.Add("I12", absl::StrCat(node.id(), " does not list all keys at ", at.ToString(), ": ",
                                               status ? status->ToString() : "no answer"));
      return;
    }
    for (const v1::KeyValue& kv : response.kvs())
      rows[kv.key()] = {kv.value(), kv.create_revision(), kv.mod_revision(), kv.version()};
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  world.coverage.Count("listings");
  world.checker.OnRead(node.id(), at, nullptr, rows);
}

void Readers::Read(SimNode& node, Revision at, const std::string* only_key) {
  World& world = cluster_->world();
  const auto refuse = [&](const absl::Status& status) {
    if (ReasonOf(status) == "IO_ERROR" && node.DiskMayFail()) return world.coverage.Count("reads_IO_ERROR");
    world.violations.Add("I12", absl::StrCat(node.id(), " does not answer a read at ", at.ToString(), ": ",
                                             status.ToString()));
  };
  absl::StatusOr<std::unique_ptr<storage::ReadLease>> lease = node.store().readers().Acquire();
  if (!lease.ok()) return refuse(lease.status());
  std::map<std::string, ModelRow> rows;
  const auto keep = [&rows](const storage::KeyVersion& row) {
    rows[std::string(row.key)] = {std::string(row.value), row.create_revision, row.mod_revision, row.version};
    return true;
  };
  if (only_key != nullptr) {
    const auto row = (*lease)->Get(*only_key, at);
    if (!row.ok()) return refuse(row.status());
    if (row->has_value()) keep(**row);
  } else {
    const auto rest = (*lease)->Scan("", std::string(1, '\0'), at, 10'000, false, keep);
    if (!rest.ok()) return refuse(rest.status());
  }
  world.checker.OnRead(node.id(), at, only_key, rows);
}

}  // namespace holdfast::sim
