#include "serving/read_admission.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "serving/errors.h"

namespace holdfast::serving {

struct ReadAdmission::Call {
  ReadDemands demands;
  absl::Duration wait_until;  // SinceBoot
  TaskQueue queue;
  Then then;
};

absl::Status CallLimits::Check(Clock& clock) const {
  if (cancelled && cancelled()) return absl::CancelledError("the client has gone");
  if (deadline != absl::InfiniteDuration() && clock.SinceBoot() >= deadline) return DeadlineError();
  return absl::OkStatus();
}

absl::StatusOr<ReadDecision> ReadAdmission::Decide(const ReadDemands& demands) const {
  NodeFacts facts;
  facts.visible = visible();
  HF_RETURN_IF_ERROR(options_.node->CheckServes(facts.visible));
  facts.floor = options_.store->floor();
  if (demands.max_staleness) facts.staleness = options_.node->Staleness();
  const auto of_this_epoch = [&facts](Revision asked) {
    return asked.is_zero() || asked.epoch() == facts.visible.epoch();
  };
  // The history is needed, and copied, only for the rare revision of another epoch.
  if (of_this_epoch(demands.min_revision) && of_this_epoch(demands.at_revision))
    return DecideRead(demands, facts, LostHistory());
  return DecideRead(demands, facts, options_.history->Now());
}

void ReadAdmission::OnWorker(const ReadDemands& demands, const CallLimits& limits, const TaskQueue& queue,
                             Then then) const {
  const absl::Duration longest = options_.clock->SinceBoot() + kMaxMinRevisionWait;
  Try(std::make_shared<Call>(Call{demands, std::min(longest, limits.deadline), queue, std::move(then)}));
}

void ReadAdmission::Try(std::shared_ptr<Call> call) const {
  const absl::StatusOr<ReadDecision> decision = Decide(call->demands);
  if (!decision.ok()) return call->then(decision.status());
  if (decision->wait) return Wait(std::move(call), decision->revision);
  if (!call->queue([this, call] { Judge(call); })) call->then(TooBusyError("reads", kMaxQueuedRangeReads));
}

// On the worker: things may have changed while the call was queued.
void ReadAdmission::Judge(std::shared_ptr<Call> call) const {
  const absl::StatusOr<ReadDecision> decision = Decide(call->demands);
  if (!decision.ok()) return call->then(decision.status());
  if (decision->wait) return Wait(std::move(call), decision->revision);
  call->then(decision->revision);
}

void ReadAdmission::Wait(std::shared_ptr<Call> call, Revision revision) const {
  const absl::Duration left = call->wait_until - options_.clock->SinceBoot();
  if (left <= absl::ZeroDuration()) return call->then(TimeIsUp(revision));
  const bool waits = options_.waiters->Wait(revision, left, [this, call, revision](bool look_again) {
    if (look_again) return Try(call);
    // This is the timers' thread: the answer is somebody else's work, unless nobody takes it.
    const auto refuse = [this, call, revision] { call->then(TimeIsUp(revision)); };
    if (!call->queue(refuse)) refuse();
  });
  if (!waits) call->then(TooBusyError("waiting reads", kMaxVisibleWaiters));
}

absl::Status ReadAdmission::TimeIsUp(Revision revision) const {
  return StaleError(visible(), options_.node->Staleness(), absl::StrCat("revision ", revision.ToString()));
}

}  // namespace holdfast::serving
