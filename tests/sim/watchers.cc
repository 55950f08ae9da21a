#include "tests/sim/watchers.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace holdfast::sim {
namespace {

constexpr int kWatchers = 3;
constexpr absl::Duration kBusy = absl::Seconds(1);

}  // namespace

struct Watchers::Watch {
  explicit Watch(WatchJudge j) : judge(std::move(j)) {}

  WatchJudge judge;
  SimNode* node = nullptr;  // null: not open
  uint64_t life = 0;        // of the node's process
  uint64_t stream = 0;      // which of this watch's streams it is
  serving::WatchId id = 0;
  bool busy = false;  // cannot take a message now
};

// One stream's end at the client.
class Watchers::Sink : public serving::WatchSink {
 public:
  Sink(Watchers* watchers, std::shared_ptr<Watch> watch)
      : watchers_(watchers), watch_(std::move(watch)), stream_(watch_->stream) {}

  bool CanWrite() override { return !IsCurrent() || !watch_->busy; }

  void Write(serving::WatchMessage message) override {
    if (!IsCurrent()) return;
    v1::WatchResponse response;
    if (!response.ParseFromString(message.Flatten())) return watch_->judge.OnMalformed(watch_->node->id());
    watch_->judge.OnMessage(watch_->node->id(), response);
    World& world = watchers_->cluster_->world();
    if (world.random->Below(6) != 0) return;
    watch_->busy = true;
    world.time.After(Around(absl::Milliseconds(300), *world.random), [this_stream = stream_, watch = watch_] {
      if (watch->stream != this_stream) return;
      watch->busy = false;
      if (IsOpen(*watch)) watch->node->serving().watches().OnWritable(watch->id);
    });
  }

  void Finish(const absl::Status& status) override {
    if (!IsCurrent()) return;
    SimNode* const node = std::exchange(watch_->node, nullptr);
    watch_->judge.OnEnded(node->id(), status);
  }

  // The process that feeds the watch is alive, and the watch is still there.
  static bool IsOpen(const Watch& watch) {
    return watch.node != nullptr && watch.node->is_up() && watch.node->life() == watch.life;
  }

  bool IsCurrent() const { return watch_->stream == stream_ && IsOpen(*watch_); }

 private:
  Watchers* const watchers_;
  const std::shared_ptr<Watch> watch_;
  const uint64_t stream_;
};

Watchers::Watchers(SimCluster* cluster) : cluster_(cluster) {}

Watchers::~Watchers() {
  for (const auto& watch : watches_) ++watch->stream;  // late words find nobody
}

v1::WatchRequest Watchers::MakeRequest() {
  Random& random = *cluster_->world().random;
  v1::WatchRequest request;
  switch (random.Below(3)) {
    case 0:
      request.set_key(AnyKey(random));
      break;
    case 1:
      request.set_key("k/");
      request.set_range_end("k0");
      break;
    default:  // the cluster's own keys too
      request.set_range_end(std::string(1, '\0'));
      break;
  }
  request.set_no_deletes(random.Below(5) == 0);
  request.set_no_puts(!request.no_deletes() && random.Below(8) == 0);
  request.set_include_previous(random.Below(4) == 0);
  request.mutable_progress_interval()->set_seconds(1);
  return request;
}

void Watchers::Start() {
  for (int i = 0; i < kWatchers; ++i) {
    watches_.push_back(
        std::make_shared<Watch>(WatchJudge(&cluster_->world(), absl::StrCat("watcher ", i), MakeRequest())));
  }
  Look();
}

void Watchers::Look() {
  World& world = cluster_->world();
  for (const auto& watch : watches_) {
    if (!Sink::IsOpen(*watch)) {
      Open(watch);
    } else if (!settled_ && world.random->Below(20) == 0) {
      Leave(*watch);
    } else if (!settled_ && world.random->Below(8) == 0) {
      if (SimNode* const node = NodeToBeCut()) {
        ComeEarly(watch, node, node->life(), absl::Milliseconds(1), 800);
      } else if (SimNode* const any = cluster_->AnyServingNode()) {
        ComeEarly(watch, any, any->life(), absl::Milliseconds(20), 40);
      }
    }
  }
  world.time.After(Around(absl::Milliseconds(200), *world.random), [this] { Look(); });
}

// Somebody is told of something a moment before `node` shows it, and opens his watch there: as soon as the
// node has shown it, it may be cut again, before the hub has come to either.
void Watchers::ComeEarly(const std::shared_ptr<Watch>& watch, SimNode* node, uint64_t life,
                         absl::Duration pause, int looks) {
  if (settled_ || looks == 0 || !node->is_up() || node->life() != life) return;
  World& world = cluster_->world();
  const Entry* const shown = world.checker.facts(node->id()).visible;
  for (const auto& other : cluster_->nodes()) {
    const Entry* const read = world.checker.facts(other->id()).visible;
    const bool is_ahead = read != shown && History::IsOnPath(shown, read);
    if (!other->is_up() || !is_ahead || !History::IsOnPath(watch->judge.told(), read)) continue;
    if (Sink::IsOpen(*watch)) Leave(*watch);
    return OpenAt(watch, node, watch->judge.Open(read, /*from_now=*/world.random->Below(2) == 0));
  }
  world.time.After(pause, [=, this] { ComeEarly(watch, node, life, pause, looks - 1); });
}

// One that serves what somebody's higher epoch does not have.
SimNode* Watchers::NodeToBeCut() {
  Checker& checker = cluster_->world().checker;
  for (const auto& node : cluster_->nodes()) {
    const Entry* const shown = checker.facts(node->id()).visible;
    if (shown == nullptr || !node->is_up() || !node->serving().CheckServes().ok()) continue;
    for (const auto& other : cluster_->nodes()) {
      const Entry* const end = checker.facts(other->id()).end;
      if (end != nullptr && end->epoch() > shown->epoch() && !History::IsOnPath(shown, end))
        return node.get();
    }
  }
  return nullptr;
}

void Watchers::Open(const std::shared_ptr<Watch>& watch) {
  SimNode* const node = cluster_->AnyServingNode();
  watch->node = nullptr;
  ++watch->stream;
  if (node != nullptr) OpenAt(watch, node, NextRequest(watch->judge));
}

void Watchers::OpenAt(const std::shared_ptr<Watch>& shared, SimNode* node, const v1::WatchRequest& request) {
  Watch& watch = *shared;
  ++watch.stream;
  watch.node = node;
  watch.life = node->life();
  watch.busy = false;
  watch.id = node->serving().watches().NewId();
  cluster_->world().coverage.Count("watches_opened");
  const auto sink = std::make_shared<Sink>(this, shared);
  // As serving/watch_stream_grpc.h does it.
  serving::ReadDemands demands;
  demands.min_revision = Revision(request.min_revision());
  const serving::TaskQueue at_once = [](const std::function<void()>& task) {
    task();
    return true;
  };
  node->serving().admission().OnWorker(
      demands, {}, at_once,
      [this, node, id = watch.id, request, sink](const absl::StatusOr<serving::ReadDecision>& at) {
        if (!sink->IsCurrent()) return;
        if (!at.ok()) return sink->Finish(at.status());
        Random& random = *cluster_->world().random;
        if (!settled_ && request.min_revision() != 0 && random.Below(2) == 0)
          node->serving().KeepWatchesBusyFor(Around(kBusy, random));
        node->serving().watches().Open(id, request, sink);
      });
}

// Some demand nothing, others what they were told, or what was read a moment ago, here or at another node: by
// themselves, and they need only what comes after it, or by somebody else.
v1::WatchRequest Watchers::NextRequest(WatchJudge& judge) {
  Random& random = *cluster_->world().random;
  const Entry* const told = judge.told();
  if (random.Below(3) == 0) return judge.Open(nullptr, /*from_now=*/false);
  SimNode* const reader = random.Below(2) == 0 ? nullptr : cluster_->AnyServingNode();
  const Entry* const read = reader == nullptr ? told : cluster_->world().checker.facts(reader->id()).visible;
  if (!History::IsOnPath(told, read)) return judge.Open(told, /*from_now=*/false);
  return judge.Open(read, /*from_now=*/random.Below(2) == 0);
}

void Watchers::Leave(Watch& watch) {
  ++watch.stream;
  watch.node->serving().watches().Close(watch.id);
  watch.node = nullptr;
}

bool Watchers::CaughtUp(const Entry* end) const {
  return std::all_of(watches_.begin(), watches_.end(),
                     [end](const auto& watch) { return watch->judge.told() == end; });
}

}  // namespace holdfast::sim
