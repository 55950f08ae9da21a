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
  const Entry* seen = nullptr;     // by the client, before
  const Entry* visible = nullptr;  // at the node, when it was asked
  std::optional<absl::Duration> max_staleness;
  serving::CallLimits limits;
  std::string key;  // empty: all keys
  v1::GetRequest get;
  v1::GetResponse got;
  v1::ListRequest list;
  v1::ListResponse listed;

  const v1::ResponseHeader& header() const { return key.empty() ? listed.header() : got.header(); }
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
  SimNode* const node = cluster_->AnyServingNode();
  if (node == nullptr) return;
  auto read = std::make_shared<Read>();
  read->session = random.Below(kSessions);
  read->node = node;
  read->seen = seen_[read->session];
  read->visible = world.checker.facts(node->id()).visible;
  if (random.Below(6) != 0) read->key = AnyKey(random);
  v1::ReadOptions& options =
      *(read->key.empty() ? read->list.mutable_options() : read->get.mutable_options());
  if (read->seen != nullptr) options.set_min_revision(read->seen->position.revision.number());
  if (random.Below(3) == 0) {
    read->max_staleness = absl::Milliseconds(200 << random.Below(5));
    const int64_t nanos = absl::ToInt64Nanoseconds(*read->max_staleness);
    options.mutable_max_staleness()->set_seconds(nanos / 1'000'000'000);
    options.mutable_max_staleness()->set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
  }
  read->limits.deadline = node->clock().SinceBoot() + absl::Seconds(3);
  const auto done = [this, read, life = node->life()](const absl::Status& status) {
    if (read->node->is_up() && read->node->life() == life) OnAnswer(*read, status);
  };
  if (read->key.empty()) {
    read->list.set_range_end(std::string(1, '\0'));
    node->serving().reader().List(read->list, read->limits, &read->listed, done);
  } else {
    read->get.set_key(read->key);
    node->serving().reader().Get(read->get, read->limits, &read->got, done);
  }
}

// I12: a node that serves refuses only what the read itself demands too much.
bool Sessions::MayRefuse(const Read& read, const std::string& reason) {
  if (reason == "STALE") return read.seen != nullptr || read.max_staleness;
  if (reason == "REWOUND") return read.seen != nullptr;
  if (reason == "IO_ERROR") return read.node->DiskMayFail();
  if (reason == "DEADLINE") return read.node->clock().SinceBoot() >= read.limits.deadline;  // it stood still
  // A former primary has rejoined while the read waited.
  return reason == "STANDBY" && read.node->plan().kind == v1::NODE_KIND_SERVER;
}

void Sessions::OnAnswer(Read& read, const absl::Status& status) {
  World& world = cluster_->world();
  const std::string reason = ReasonOf(status);
  world.coverage.Count(
      absl::StrCat(read.key.empty() ? "session_lists_" : "session_reads_", status.ok() ? "ok" : reason));
  const bool answered = status.ok() || (!read.key.empty() && reason == "KEY_NOT_FOUND");
  if (!answered && !MayRefuse(read, reason)) {
    world.violations.Add("I12", absl::StrCat(read.node->id(), " refuses a read: ", status.ToString()));
  }
  if (reason == "REWOUND") return OnLost(read);
  if (!answered) return;
  const Entry* const shown = AnsweredAt(read, status);
  const Revision at = shown == nullptr ? Revision() : shown->position.revision;
  if (!History::IsOnPath(read.seen, shown)) {
    world.violations.Add("I5", absl::StrCat(read.node->id(), " answers at ", at.ToString(),
                                            " whoever has seen ", read.seen->position.ToString()));
    return;
  }
  CheckHeader(read, status, at);
  world.checker.OnRead(read.node->id(), at, read.key.empty() ? nullptr : &read.key, RowsOf(read, status));
  if (read.max_staleness) {
    world.checker.OnFreshness(read.node->id(), read.node->replica().view(), read.max_staleness,
                              read.node->clock_rate());
  }
  const Entry*& seen = seen_[read.session];
  if (History::IsOnPath(seen, shown)) seen = shown;  // answers overtake each other
}

// A key is answered in the same step in which it is read, at what is visible then; a list over several, at
// what was visible in the first, which only its header says. Never at less than was visible when it was asked
// for.
const Entry* Sessions::AnsweredAt(const Read& read, const absl::Status& status) const {
  const Entry* const visible = cluster_->world().checker.facts(read.node->id()).visible;
  const Revision named(read.header().revision());
  if (!read.key.empty() || !status.ok() || !History::IsOnPath(read.visible, visible)) return visible;
  const Entry* at = visible;
  while (at != read.visible && at->position.revision > named) at = at->parent;
  return at;
}

// The header is all that a client knows of what it was shown: the next `min_revision` comes from it.
void Sessions::CheckHeader(const Read& read, const absl::Status& status, Revision at) {
  if (!status.ok()) return;  // an error has none
  World& world = cluster_->world();
  const v1::ResponseHeader& header = read.header();
  const Revision named(header.revision());
  if (named != at || (read.key.empty() && Revision(read.listed.revision()) != at)) {
    world.violations.Add("I5", absl::StrCat(read.node->id(), " names ", named.ToString(),
                                            " in an answer that shows ", at.ToString()));
  }
  if (!header.has_staleness()) return;
  const absl::Duration bound =
      absl::Seconds(header.staleness().seconds()) + absl::Nanoseconds(header.staleness().nanos());
  world.checker.OnFreshness(read.node->id(), read.node->replica().view(), bound, read.node->clock_rate());
}

std::map<std::string, ModelRow> Sessions::RowsOf(const Read& read, const absl::Status& status) {
  std::map<std::string, ModelRow> rows;
  const auto add = [&rows](const v1::KeyValue& kv) {
    rows[kv.key()] = {kv.value(), kv.create_revision(), kv.mod_revision(), kv.version()};
  };
  if (!status.ok()) return rows;
  if (!read.key.empty()) add(read.got.kv());
  for (const v1::KeyValue& kv : read.listed.kvs()) add(kv);
  return rows;
}

// What it has seen is said to be lost: it begins anew.
void Sessions::OnLost(Read& read) {
  World& world = cluster_->world();
  const Entry* const shown = world.checker.facts(read.node->id()).visible;
  if (History::IsOnPath(read.seen, shown) || History::IsOnPath(shown, read.seen)) {
    world.violations.Add("I5", absl::StrCat(read.node->id(), " calls ", read.seen->position.ToString(),
                                            " lost and shows ", Name(shown)));
  }
  if (seen_[read.session] == read.seen) seen_[read.session] = nullptr;
}

}  // namespace holdfast::sim
