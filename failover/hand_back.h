#pragma once

#include <functional>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "failover/node_parts.h"
#include "holdfast/v1/replication.pb.h"
#include "replication/lifetime.h"

namespace holdfast::failover {

// What a primary does that has promised its role away in a planned hand-over of that very role (F7): once the
// candidate is primary it follows it, as if told to rejoin, for it has handed everything over; if the
// candidate's epoch does not begin, it takes its role back with an epoch of its own. One that has begun, as
// others show, it follows in any case: if its candidate is gone again, who is next is an operator's to say.
// Safe however late or wrong its picture is: taking back is a promotion like any other, with promises, and
// finds a record that was written. Strand.
class HandBack {
 public:
  struct Options : NodeParts {
    // Looks whether this node may be promoted, and begins that if so; is called again, less and less often.
    // False if somebody else's plan or operation is under way, so that it did not look.
    std::function<bool(const v1::EpochPromise& given)> take_back;
  };
  explicit HandBack(Options options) : options_(std::move(options)) { ForgetAttempts(); }

  // Whenever the role or the promise may have changed, and at the start.
  void Look();
  void Stop() { round_.Renew(); }

 private:
  bool IsToWatch() const;
  void Ask();
  void OnAnswer(const absl::StatusOr<v1::PromiseResponse>& said);
  void AskLater(absl::Duration pause);
  void Follow();
  void TakeBack();
  void ForgetAttempts();

  const Options options_;
  std::optional<absl::Duration> since_;                      // SinceBoot
  uint64_t epoch_ = 0;                                       // of the promise that is watched over
  absl::Duration take_back_at_ = -absl::InfiniteDuration();  // SinceBoot: not before
  absl::Duration take_back_pause_;                           // behind the next attempt
  replication::Lifetime round_;
};

}  // namespace holdfast::failover
