#include "primary/commit_path.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "base/mutants.h"
#include "base/status_macros.h"
#include "primary/commit_queue.h"
#include "primary/commit_waiters.h"
#include "primary/errors.h"
#include "primary/judge.h"

namespace holdfast::primary {
namespace {

using Waiter = CommitWaiters::Waiter;

class CommitPathImpl : public CommitPath {
 public:
  explicit CommitPathImpl(Options options) : options_(std::move(options)) {
    options_.store->AddObserver(this);
  }
  ~CommitPathImpl() override {
    options_.strand->Cancel(deadline_timer_);
    options_.store->RemoveObserver(this);
  }

  void Commit(v1::CommitRequest request, std::string principal, absl::Duration deadline,
              Callback done) override;
  void AppendControl(MakeDraft make, absl::Duration deadline,
                     std::function<void(absl::StatusOr<Revision>)> done) override;
  void OnRoleChange() override;

  void OnAppended(absl::Span<const storage::LogRecordPtr>) override {}
  void OnVisible(const Position& visible) override;
  void OnRewound(const Position& ancestor, const Position&, const std::vector<std::string>&) override;
  void OnReplaced(const Position&) override;

 private:
  void DrainQueue();
  void RunBatch(std::vector<CommitQueue::Item> items);
  void FailBatch(std::vector<CommitQueue::Item>& items, std::vector<Waiter> judged,
                 const absl::Status& status);
  absl::Status AppendBatch(std::vector<CommitQueue::Item>& items, std::vector<Waiter>& judged);
  absl::StatusOr<Waiter> JudgeOne(storage::Store::Batch& batch, const CommitQueue::Item& item, Revision& end);
  absl::StatusOr<Revision> AppendDraft(const MakeDraft& make);
  void Wait(std::vector<Waiter> waiters);
  void Answer(Waiter waiter);
  void AnswerUndecided(std::vector<Waiter> waiters, absl::string_view why);
  void SetDeadlineTimer();
  void OnDeadline();

  Options options_;
  CommitQueue queue_;
  CommitWaiters waiters_;
  Executor::TimerId deadline_timer_ = 0;
  absl::Duration timer_due_ = absl::InfiniteDuration();
};

void CommitPathImpl::Commit(v1::CommitRequest request, std::string principal, absl::Duration deadline,
                            Callback done) {
  CommitQueue::Item item;
  item.digest = RequestDigest(request);
  item.bytes = request.ByteSizeLong();
  item.request = std::move(request);
  item.principal = std::move(principal);
  item.deadline = std::min(deadline, options_.clock->SinceBoot() + kMaxCommitDeadline);
  item.done = std::move(done);
  switch (queue_.Push(item)) {
    case CommitQueue::Pushed::kFull:
      options_.strand->Post([done = std::move(item.done)] { done(CommitQueueFullError(kMaxQueuedCommits)); });
      return;
    case CommitQueue::Pushed::kFirst:
      options_.strand->Post([this] { DrainQueue(); });
      return;
    case CommitQueue::Pushed::kQueued:
      return;
  }
}

// One batch a turn, so that acknowledgements and heartbeats get theirs in between.
void CommitPathImpl::DrainQueue() {
  std::vector<CommitQueue::Item> items = queue_.TakeBatch();
  if (items.empty()) return;
  RunBatch(std::move(items));
  options_.strand->Post([this] { DrainQueue(); });
}

void CommitPathImpl::RunBatch(std::vector<CommitQueue::Item> items) {
  std::vector<Waiter> judged;
  if (absl::Status status = AppendBatch(items, judged); !status.ok()) {
    FailBatch(items, std::move(judged), status);
    return;
  }
  Wait(std::move(judged));
  options_.replica->OnOwnAppend();
  OnVisible(options_.store->visible());  // answers that made no record may be due already
}

// Nothing of the batch happened, and whatever was judged was judged on it: all get the reason. Only who asked
// for a record that was there before waits for it as ever: it is not refused because another of its batch
// failed.
void CommitPathImpl::FailBatch(std::vector<CommitQueue::Item>& items, std::vector<Waiter> judged,
                               const absl::Status& status) {
  std::vector<Waiter> repeated;
  for (Waiter& waiter : judged) {
    if (waiter.did == Waiter::Did::kRepeat && waiter.revision <= options_.store->appended().revision) {
      repeated.push_back(std::move(waiter));
    } else {
      waiter.done(status);
    }
  }
  for (CommitQueue::Item& item : items) {
    if (item.done) item.done(status);
  }
  Wait(std::move(repeated));
  OnVisible(options_.store->visible());
}

// Moves `done` of each item that was judged into `judged`. An error means that the transaction was rolled
// back.
absl::Status CommitPathImpl::AppendBatch(std::vector<CommitQueue::Item>& items, std::vector<Waiter>& judged) {
  HF_RETURN_IF_ERROR(options_.replica->CanAdmit());
  if (waiters_.size() + items.size() > static_cast<size_t>(kMaxQueuedCommits)) {
    return CommitQueueFullError(kMaxQueuedCommits);  // the voters are slower than the callers
  }
  HF_ASSIGN_OR_RETURN(const std::unique_ptr<storage::Store::Batch> batch, options_.store->BeginBatch());
  const absl::Duration now = options_.clock->SinceBoot();
  Revision end = options_.store->appended().revision;
  for (CommitQueue::Item& item : items) {
    if (item.deadline <= now) {
      std::exchange(item.done, nullptr)(CommitNotBegunError());
      continue;
    }
    HF_ASSIGN_OR_RETURN(Waiter waiter, JudgeOne(*batch, item, end));
    waiter.deadline = item.deadline;
    waiter.done = std::exchange(item.done, nullptr);
    judged.push_back(std::move(waiter));
  }
  return batch->Commit();
}

// A refusal of the request is an answer like any other: it rests on the state at `end`, so it waits until
// that is committed. An error here is the store's own.
absl::StatusOr<Waiter> CommitPathImpl::JudgeOne(storage::Store::Batch& batch, const CommitQueue::Item& item,
                                                Revision& end) {
  absl::StatusOr<Judgement> judgement =
      Judge(batch, options_.store->log().oldest(), item.request, item.digest, item.principal);
  Waiter waiter{.revision = end, .answer = v1::CommitResponse(), .done = nullptr, .deadline = {}};
  waiter.did = Waiter::Did::kNothing;
  if (!judgement.ok()) {
    if (!IsRefusal(judgement.status())) return judgement.status();
    waiter.answer = judgement.status();
    return waiter;
  }
  v1::CommitResponse response;
  if (judgement->repeated) {
    waiter.did = Waiter::Did::kRepeat;
    waiter.revision = *judgement->repeated;
    response.set_repeated(true);
    response.set_changed(true);
  } else if (judgement->draft) {
    HF_ASSIGN_OR_RETURN(const storage::LogRecordPtr record,
                        batch.Append(options_.replica->epoch(), options_.node_id, *judgement->draft));
    waiter.did = Waiter::Did::kAppend;
    waiter.revision = end = record->position.revision;
    response.set_changed(true);
  }
  response.set_revision(waiter.revision.number());
  waiter.answer = std::move(response);
  return waiter;
}

void CommitPathImpl::AppendControl(MakeDraft make, absl::Duration deadline,
                                   std::function<void(absl::StatusOr<Revision>)> done) {
  const absl::StatusOr<Revision> revision = AppendDraft(make);
  if (!revision.ok() || revision->is_zero()) return done(revision);
  v1::CommitResponse response;
  response.set_revision(revision->number());
  Waiter waiter{.revision = *revision, .answer = std::move(response), .done = nullptr, .deadline = deadline};
  // In a turn of its own: answers are found within a notification of the store, and whoever hears this one
  // may append the next record, of which later observers would then hear first.
  waiter.done = [strand = options_.strand,
                 done = std::move(done)](const absl::StatusOr<v1::CommitResponse>& answer) {
    strand->Post([done, answer] {
      if (answer.ok()) return done(Revision(answer->revision()));
      done(answer.status());
    });
  };
  std::vector<Waiter> waiters;
  waiters.push_back(std::move(waiter));
  Wait(std::move(waiters));
  options_.replica->OnOwnAppend();
}

// Zero if there was nothing to change.
absl::StatusOr<Revision> CommitPathImpl::AppendDraft(const MakeDraft& make) {
  HF_RETURN_IF_ERROR(options_.replica->CanAdmit());
  HF_ASSIGN_OR_RETURN(const std::unique_ptr<storage::Store::Batch> batch, options_.store->BeginBatch());
  HF_ASSIGN_OR_RETURN(const std::optional<storage::RecordDraft> draft, make(*batch));
  if (!draft) return Revision();
  HF_ASSIGN_OR_RETURN(const storage::LogRecordPtr record,
                      batch->Append(options_.replica->epoch(), options_.node_id, *draft));
  HF_RETURN_IF_ERROR(batch->Commit());
  return record->position.revision;
}

void CommitPathImpl::Wait(std::vector<Waiter> waiters) {
  for (Waiter& waiter : waiters) waiters_.Add(std::move(waiter));
  SetDeadlineTimer();
}

void CommitPathImpl::Answer(Waiter waiter) {
  if (waiter.answer.ok()) {
    const replication::Replica::Acknowledgement held = options_.replica->AcknowledgedAt(waiter.revision);
    waiter.answer->set_acknowledged(held.acknowledged);
    waiter.answer->set_local(held.local);
  }
  waiter.done(std::move(waiter.answer));
}

// Whatever is in the log may still be committed. What made no record is no answer yet: the state that it
// rests on may still be lost.
void CommitPathImpl::AnswerUndecided(std::vector<Waiter> waiters, absl::string_view why) {
  for (Waiter& waiter : waiters) {
    if (MutantActive(Mutant::kUnknownIsSuccess)) {
      Answer(std::move(waiter));
    } else if (waiter.did == Waiter::Did::kNothing) {
      const absl::Status admitted = options_.replica->CanAdmit();
      waiter.done(admitted.ok() ? CommitNotDecidedError(waiter.revision, why) : admitted);
    } else {
      waiter.done(
          CommitUnknownError(waiter.revision, options_.replica->AcknowledgedAt(waiter.revision), why));
    }
  }
}

void CommitPathImpl::OnVisible(const Position& visible) {
  for (Waiter& waiter : waiters_.TakeVisible(visible.revision)) Answer(std::move(waiter));
}

void CommitPathImpl::OnRewound(const Position& ancestor, const Position&, const std::vector<std::string>&) {
  AnswerUndecided(waiters_.TakeAbove(ancestor.revision), "this node is no longer the primary");
}

void CommitPathImpl::OnReplaced(const Position&) { OnRoleChange(); }

void CommitPathImpl::OnRoleChange() {
  // A primary that only admits nothing for a moment decides what is in its log as ever.
  if (options_.replica->view().role == v1::NODE_ROLE_PRIMARY) return;
  AnswerUndecided(waiters_.TakeAbove(Revision()), "this node is no longer the primary");
}

void CommitPathImpl::SetDeadlineTimer() {
  const absl::Duration due = waiters_.next_deadline();
  if (due >= timer_due_) return;  // the timer in place is early enough; it sets the next
  options_.strand->Cancel(deadline_timer_);
  timer_due_ = due;
  deadline_timer_ = options_.strand->PostAfter(due - options_.clock->SinceBoot(), [this] { OnDeadline(); });
}

void CommitPathImpl::OnDeadline() {
  timer_due_ = absl::InfiniteDuration();
  AnswerUndecided(waiters_.TakeExpired(options_.clock->SinceBoot()), "the deadline passed");
  SetDeadlineTimer();
}

}  // namespace

std::unique_ptr<CommitPath> CommitPath::Create(Options options) {
  return std::make_unique<CommitPathImpl>(std::move(options));
}

}  // namespace holdfast::primary
