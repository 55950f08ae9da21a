#include "tests/sim/watchers.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace holdfast::sim {
namespace {

constexpr int kWatchers = 3;

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

 private:
  bool IsCurrent() const { return watch_->stream == stream_ && IsOpen(*watch_); }

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
    }
  }
  world.time.After(Around(absl::Milliseconds(200), *world.random), [this] { Look(); });
}

void Watchers::Open(const std::shared_ptr<Watch>& shared) {
  Watch& watch = *shared;
  SimNode* const node = cluster_->AnyServingNode();
  watch.node = nullptr;
  ++watch.stream;
  if (node == nullptr) return;
  watch.node = node;
  watch.life = node->life();
  watch.busy = false;
  watch.judge.OnOpened();
  watch.id = node->serving().watches().NewId();
  cluster_->world().coverage.Count("watches_opened");
  node->serving().watches().Open(watch.id, watch.judge.Request(), std::make_shared<Sink>(this, shared));
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
