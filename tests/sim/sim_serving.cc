#include "tests/sim/sim_serving.h"

#include <utility>

namespace holdfast::sim {
namespace {

// A ring so small that watchers which are a little behind are read for from the log.
constexpr size_t kRingBytes = 2 << 10;
constexpr absl::Duration kMaxWork = absl::Milliseconds(5);

}  // namespace

SimServing::SimServing(const Options& options)
    : store_(options.store),
      replica_(options.replica),
      watch_strand_(options.time, options.clock, options.random),
      workers_(options.time, options.clock, options.random),
      node_({options.node_id, options.site, [replica = replica_] { return replica->FreshAt(); },
             options.clock}),
      waiters_(&watch_strand_, store_),
      admission_({store_, &node_, &waiters_, options.clock}),
      reader_({store_, &admission_, options.clock, QueueOf(workers_, options.random),
               QueueOf(workers_, options.random)}),
      watches_({.log = &store_->log(),
                .readers = &store_->readers(),
                .node = &node_,
                .clock = options.clock,
                .executor = &watch_strand_,
                .workers = QueueOf(workers_, options.random),
                .lost_history = [this] { return serving::LostHistory::Of(*store_); },
                .max_ring_bytes = kRingBytes,
                .visible = [this] { return store_->visible().revision; }}) {
  store_->AddObserver(&waiters_);
  store_->AddObserver(&watches_);
  UpdateView();
}

SimServing::~SimServing() {
  store_->RemoveObserver(&watches_);
  store_->RemoveObserver(&waiters_);
  Shutdown();
}

void SimServing::UpdateView() {
  const replication::ReplicaView seen = replica_->view();
  serving::NodeView view;
  view.role = seen.role;
  view.cluster_id = seen.cluster_id;
  view.primary_node_id = seen.primary_node_id;
  view.primary_client_address = seen.primary_client_address;
  node_.Set(std::move(view));
}

void SimServing::PauseFor(absl::Duration span) {
  watch_strand_.PauseFor(span);
  workers_.PauseFor(span);
}

void SimServing::Shutdown() {
  watch_strand_.Shutdown();
  workers_.Shutdown();
}

absl::Status SimServing::CheckServes() const { return node_.CheckServes(store_->visible().revision); }

serving::TaskQueue SimServing::QueueOf(testing::SimExecutor& workers, Random* random) {
  return [&workers, random](std::function<void()> task) {
    workers.PostAfter(kMaxWork * random->Fraction(), std::move(task));
    return true;
  };
}

}  // namespace holdfast::sim
