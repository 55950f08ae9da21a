#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "admin/environment.h"
#include "base/mutex.h"

namespace holdfast::admin {

// One line on standard error that is written over and over while something long runs; nothing unless that is
// a terminal. Set may be called by any thread.
class Progress {
 public:
  // `what` follows the numbers: "documents committed".
  Progress(const Environment& environment, std::string what);
  ~Progress();  // Done

  // `part` (several may run at once) has done `done` of `total`; 0 if the total is not known. At most ten
  // lines a second.
  void Set(size_t part, int64_t done, int64_t total);

  // Wipes the line.
  void Done();

 private:
  const Environment& environment_;
  const std::string what_;

  Mutex mu_;
  std::map<size_t, std::pair<int64_t, int64_t>> parts_ ABSL_GUARDED_BY(mu_);
  absl::Duration last_shown_ ABSL_GUARDED_BY(mu_) = -absl::InfiniteDuration();
  bool shown_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace holdfast::admin
