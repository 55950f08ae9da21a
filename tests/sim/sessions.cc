#include "tests/sim/sessions.h"

#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"

namespace holdfast::sim {

struct Sessions::Read {
  size_t session = 0;
  SimNode* node = nullptr;
  const Entry* seen = nullptr;
  std::optional<absl::Duration> max_staleness;
  v1::GetRequest request;
  v1::GetResponse response;
};

void Sessions::Start() {
  World& world = cluster_->world();
  world.time.After(Around(absl::Milliseconds(120), *world.random), [this] {
    if (stopped_) return;
    ReadOnce();
    Start();
  });
}

void Sessions::ReadOnce() {
  World& world = cluster_->world();
  Random& random = *world.random;
  SimNode* const node = cluster_->AnyUpNode();
  if (node == nullptr || !node->serving().CheckServes().ok()) return;
  auto read = std::make_shared<Read>();
  read->session = random.Below(kSessions);
  read->node = node;
  read->seen = seen_[read->session];
  read->request.set_key(absl::StrCat("k/", random.Below(12)));
  v1::ReadOptions& options = *read->request.mutable_options();
  if (read->seen != nullptr) options.set_min_revision(read->seen->position.revision.number());
  if (random.Below(3) == 0) {
    read->max_staleness = absl::Milliseconds(200 << random.Below(5));
    const int64_t nanos = absl::ToInt64Nanoseconds(*read->max_staleness);
    options.mutable_max_staleness()->set_seconds(nanos / 1'000'000'000);
    options.mutable_max_staleness()->set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
  }
  serving::CallLimits limits;
  limits.deadline = node->clock().SinceBoot() + absl::Seconds(3);
  node->serving().reader().Get(read->request, limits, &read->response,
                               [this, read, life = node->life()](const absl::Status& status) {
                                 if (!read->node->is_up() || read->node->life() != life) return;
                                 OnAnswer(*read, status);
                               });
}

void Sessions::OnAnswer(Read& read, const absl::Status& status) {
  World& world = cluster_->world();
  const std::string reason = ReasonOf(status);
  world.coverage.Count(absl::StrCat("session_reads_", status.ok() ? "ok" : reason));
  if (reason == "REWOUND") return OnLost(read);
  if (!status.ok() && reason != "KEY_NOT_FOUND") return;
  // Answered in the same step in which it was read, so this is what it was read at.
  const Entry* const shown = world.checker.facts(read.node->id()).visible;
  if (!History::IsOnPath(read.seen, shown)) {
    world.violations.Add(
        "I5", absl::StrCat(read.node->id(), " answers at ", shown ? shown->position.ToString() : "0",
                           " whoever has seen ", read.seen->position.ToString()));
    return;
  }
  std::map<std::string, ModelRow> rows;
  if (status.ok()) {
    const v1::KeyValue& kv = read.response.kv();
    rows[kv.key()] = {kv.value(), kv.create_revision(), kv.mod_revision(), kv.version()};
  }
  world.checker.OnRead(read.node->id(), shown->position.revision, &read.request.key(), rows);
  if (read.max_staleness) {
    world.checker.OnFreshness(read.node->id(), read.node->replica().view(), read.max_staleness,
                              read.node->clock_rate());
  }
  const Entry*& seen = seen_[read.session];
  if (History::IsOnPath(seen, shown)) seen = shown;  // answers overtake each other
}

// What it has seen is said to be lost: it begins anew.
void Sessions::OnLost(Read& read) {
  World& world = cluster_->world();
  const Entry* const shown = world.checker.facts(read.node->id()).visible;
  if (History::IsOnPath(read.seen, shown) || History::IsOnPath(shown, read.seen)) {
    world.violations.Add("I5", absl::StrCat(read.node->id(), " calls ", read.seen->position.ToString(),
                                            " lost and shows ", shown->position.ToString()));
  }
  if (seen_[read.session] == read.seen) seen_[read.session] = nullptr;
}

}  // namespace holdfast::sim
