#include "serving/paged_read.h"

#include <utility>

namespace holdfast::serving {

void PagedRead::Start() {
  absl::StatusOr<ReadDemands> demands = Prepare();
  if (!demands.ok()) return done_(demands.status());
  demands_ = *std::move(demands);
  Ask();
}

void PagedRead::Ask() {
  options_.admission->OnWorker(demands_, limits_, options_.ranges,
                               [self = shared_from_this()](absl::StatusOr<ReadDecision> admitted) {
                                 if (!admitted.ok()) return self->done_(admitted.status());
                                 self->admitted_ = *std::move(admitted);
                                 const absl::Status begun = self->Begin();
                                 if (!begun.ok()) return self->done_(begun);
                                 self->Run();
                               });
}

void PagedRead::Run() {
  bool complete = false;
  while (!complete) {
    if (const absl::Status status = limits_.Check(*options_.clock); !status.ok()) return done_(status);
    const absl::StatusOr<bool> step = Step();
    if (!step.ok()) return Fail(step.status());
    complete = *step;
    // Behind the others; if the queue is full, their turn comes after this page instead.
    if (!complete && options_.ranges([self = shared_from_this()] { self->Run(); })) return;
  }
  Finish();
  done_(options_.admission->FillHeader(admitted_, header_));
}

void PagedRead::Fail(const absl::Status& status) {
  if (!ShouldAskAgain(status, demands_) || ++attempts_ > kMaxReadAttempts) return done_(status);
  Ask();
}

}  // namespace holdfast::serving
