#include "serving/watch_hub.h"

#include <utility>

namespace holdfast::serving {
namespace {

constexpr int kMaxOpenDelays = 1000;
constexpr absl::Duration kOpenDelay = absl::Milliseconds(1);

}  // namespace

WatchHub::WatchHub(WatchCore::Options options)
    : core_(std::make_shared<WatchCore>(options)),
      executor_(options.executor),
      steps_(std::make_shared<Steps>()) {}

WatchHub::~WatchHub() = default;

void WatchHub::Post(std::function<void(WatchCore&)> task) {
  executor_->Post([weak = std::weak_ptr<WatchCore>(core_), task = std::move(task)] {
    if (const auto core = weak.lock()) task(*core);
  });
}

// The store shows a revision a moment before the core has heard of it: a stream that demands it waits for
// that.
void WatchHub::OpenWhenShown(const std::weak_ptr<WatchCore>& core, Executor* executor, WatchId id,
                             v1::WatchRequest request, std::shared_ptr<WatchSink> sink, int delays_left) {
  const absl::Duration delay = delays_left == kMaxOpenDelays ? absl::ZeroDuration() : kOpenDelay;
  executor->PostAfter(
      delay, [core, executor, id, request = std::move(request), sink = std::move(sink), delays_left] {
        const std::shared_ptr<WatchCore> alive = core.lock();
        if (alive == nullptr) return sink->Finish(absl::CancelledError("the node stops"));
        if (delays_left == 0 || Revision(request.min_revision()) <= alive->tail())
          return alive->Open(id, request, sink);
        OpenWhenShown(core, executor, id, request, sink, delays_left - 1);
      });
}

void WatchHub::Open(WatchId id, v1::WatchRequest request, std::shared_ptr<WatchSink> sink) {
  OpenWhenShown(core_, executor_, id, std::move(request), std::move(sink), kMaxOpenDelays);
}

void WatchHub::OnWritable(WatchId id) {
  Post([id](WatchCore& core) { core.OnWritable(id); });
}

void WatchHub::Close(WatchId id) {
  Post([id](WatchCore& core) { core.Close(id, absl::CancelledError("the client has gone")); });
}

void WatchHub::Drain(std::string try_address, std::function<void()> done) {
  Post([try_address = std::move(try_address), done = std::move(done)](WatchCore& core) {
    core.Drain(try_address, done);
  });
}

// Commits that become visible while the core is busy make one step: the queue does not grow with them.
void WatchHub::OnVisible(const Position& visible) {
  std::shared_ptr<VisibleStep> step;
  {
    MutexLock lock(&steps_->mu);
    if (steps_->open != nullptr) {
      steps_->open->visible = visible.revision;
      return;
    }
    step = std::make_shared<VisibleStep>(VisibleStep{visible.revision});
    steps_->open = step;
  }
  Post([steps = steps_, step = std::move(step)](WatchCore& core) {
    Revision reached;
    {
      MutexLock lock(&steps->mu);
      reached = step->visible;
      if (steps->open == step) steps->open = nullptr;
    }
    core.OnVisible(reached);
  });
}

// What follows must not be joined to what came before.
void WatchHub::CloseVisibleStep() {
  MutexLock lock(&steps_->mu);
  steps_->open = nullptr;
}

void WatchHub::OnRewound(const Position& ancestor, const Position& visible_before,
                         const std::vector<std::string>& touched_keys) {
  CloseVisibleStep();
  Post([from = ancestor.revision, before = visible_before.revision, touched_keys](WatchCore& core) {
    core.OnRewound(from, before, touched_keys);
  });
}

void WatchHub::OnReplaced(const Position& position) {
  CloseVisibleStep();
  Post([to = position.revision](WatchCore& core) { core.OnReplaced(to); });
}

}  // namespace holdfast::serving
