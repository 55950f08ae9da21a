#pragma once

#include "absl/time/time.h"
#include "base/random.h"

namespace holdfast {

// Exponential back-off with full jitter (Brooker, "Exponential Backoff And Jitter", 2015). One thread.
class Backoff {
 public:
  struct Options {
    absl::Duration initial = absl::Milliseconds(50);
    absl::Duration maximum = absl::Seconds(2);
  };

  // `random` must outlive this.
  Backoff(Options options, Random* random) : options_(options), random_(random) {}

  // The next delay: uniform in [bound/2, bound], where bound doubles from `initial` to `maximum` with each
  // call.
  absl::Duration Next();

  // After a success: the next delay starts from `initial` again.
  void Reset() { attempts_ = 0; }

 private:
  const Options options_;
  Random* const random_;
  int attempts_ = 0;
};

}  // namespace holdfast
