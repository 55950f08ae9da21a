#include "serving/watch_hub.h"

#include <utility>

#include "base/mutants.h"

namespace holdfast::serving {

WatchHub::WatchHub(const WatchCore::Options& options)
    : core_(std::make_shared<WatchCore>(options)),
      executor_(options.executor),
      steps_(std::make_shared<Steps>()) {}

WatchHub::~WatchHub() = default;

void WatchHub::Post(std::function<void(WatchCore&)> task) {
  executor_->Post([weak = std::weak_ptr<WatchCore>(core_), task = std::move(task)] {
    if (const auto core = weak.lock()) task(*core);
  });
}

void WatchHub::Open(WatchId id, v1::WatchRequest request, std::shared_ptr<WatchSink> sink) {
  executor_->Post(
      [weak = std::weak_ptr<WatchCore>(core_), id, request = std::move(request), sink = std::move(sink)] {
        const std::shared_ptr<WatchCore> core = weak.lock();
        if (core == nullptr) return sink->Finish(absl::CancelledError("the node stops"));
        core->Open(id, request, sink);
      });
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

void WatchHub::Undrain() {
  Post([](WatchCore& core) { core.Undrain(); });
}

// Nobody is told of what is not visible yet.
void WatchHub::OnAppended(absl::Span<const storage::LogRecordPtr> records) {
  if (MutantActive(Mutant::kWatchShowsAppended)) OnVisible(records.back()->position);
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

void WatchHub::OnReplaced(const Position& visible) {
  CloseVisibleStep();
  Post([to = visible.revision](WatchCore& core) { core.OnReplaced(to); });
}

}  // namespace holdfast::serving
