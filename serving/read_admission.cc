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
  facts.shown = Look();
  HF_RETURN_IF_ERROR(options_.node->CheckServes(facts.shown.revision));
  facts.floor = options_.store->floor();
  if (demands.max_staleness) facts.now = options_.clock->SinceBoot();
  const auto of_this_epoch = [&facts](Revision asked) {
    return asked.is_zero() || asked.epoch() == facts.shown.revision.epoch();
  };
  // The history is needed, and put together, only for the rare revision of another epoch. It is what was
  // published with the revision: observers hear of a new epoch when reads are already judged by it.
  if (of_this_epoch(demands.min_revision) && of_this_epoch(demands.at_revision))
    return DecideRead(demands, facts, LostHistory());
  return DecideRead(demands, facts, LostHistory(options_.store->milestones(), facts.shown.revision));
}

Shown ReadAdmission::Look() const {
  const std::optional<absl::Duration> fresh_at = options_.node->FreshAt();  // before what is visible: Shown
  return {visible(), fresh_at};
}

absl::Status ReadAdmission::FillHeader(const ReadDecision& decision, v1::ResponseHeader* header) const {
  if (decision.max_staleness) HF_RETURN_IF_ERROR(decision.CheckFresh(options_.clock->SinceBoot()));
  options_.node->FillHeader(decision.shown, header);
  return absl::OkStatus();
}

void ReadAdmission::OnWorker(const ReadDemands& demands, const CallLimits& limits, const TaskQueue& queue,
                             Then then) const {
  const absl::Duration longest = options_.clock->SinceBoot() + kMaxMinRevisionWait;
  Try(std::make_shared<Call>(Call{demands, std::min(longest, limits.deadline), queue, std::move(then)}));
}

void ReadAdmission::Try(const std::shared_ptr<Call>& call) const {
  const absl::StatusOr<ReadDecision> decision = Decide(call->demands);
  if (!decision.ok()) return call->then(decision.status());
  if (decision->wait) return Wait(call, decision->revision);
  if (!call->queue([this, call] { Judge(call); })) call->then(TooBusyError("reads", kMaxQueuedRangeReads));
}

// On the worker: things may have changed while the call was queued.
void ReadAdmission::Judge(const std::shared_ptr<Call>& call) const {
  const absl::StatusOr<ReadDecision> decision = Decide(call->demands);
  if (!decision.ok()) return call->then(decision.status());
  if (decision->wait) return Wait(call, decision->revision);
  call->then(*decision);
}

void ReadAdmission::Wait(const std::shared_ptr<Call>& call, Revision revision) const {
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
  const Shown shown = Look();
  return StaleError(shown.revision, shown.Age(options_.clock->SinceBoot()),
                    absl::StrCat("revision ", revision.ToString()));
}

}  // namespace holdfast::serving
