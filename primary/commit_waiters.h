#pragma once

#include <functional>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/revision.h"
#include "holdfast/v1/config.pb.h"

namespace holdfast::primary {

// Answers that wait until a revision is shown. Pure bookkeeping on the strand: nothing here looks at a clock
// or calls anyone.
class CommitWaiters {
 public:
  using Callback = std::function<void(absl::StatusOr<v1::CommitResponse>)>;

  struct Waiter {
    Revision revision;  // the answer holds once this is visible
    absl::StatusOr<v1::CommitResponse> answer;
    Callback done;
    absl::Duration deadline;  // SinceBoot
    // What the request did: appended a record at `revision`; asked for the one that is there since before; or
    // nothing, so that the answer rests on the state at `revision` alone.
    enum class Did { kAppend, kRepeat, kNothing } did = Did::kAppend;
  };

  void Add(Waiter waiter);

  // Takes out those at or below `visible`, in order of revision.
  std::vector<Waiter> TakeVisible(Revision visible);
  // Takes out those whose deadline is at or before `now`.
  std::vector<Waiter> TakeExpired(absl::Duration now);
  // Takes out those above `revision`.
  std::vector<Waiter> TakeAbove(Revision revision);

  // The earliest deadline; InfiniteDuration if nobody waits.
  absl::Duration next_deadline() const;
  size_t size() const { return waiters_.size(); }

 private:
  using ById = std::map<std::pair<Revision, uint64_t>, Waiter>;

  Waiter Take(ById::iterator it);

  uint64_t next_id_ = 0;
  ById waiters_;
  std::set<std::pair<absl::Duration, std::pair<Revision, uint64_t>>> deadlines_;
};

}  // namespace holdfast::primary
