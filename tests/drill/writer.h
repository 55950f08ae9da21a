#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/random.h"
#include "tests/drill/commit_call.h"
#include "tests/drill/findings.h"
#include "tests/drill/halt.h"
#include "tests/drill/journal.h"

namespace holdfast::drill {

// Commits changes of two keys each at a steady rate, on a thread of its own, and keeps the journal. A commit
// that is not acknowledged is sent again, with its request id, until it is or the writer is stopped: then its
// outcome stays unknown. Any thread.
class Writer {
 public:
  struct Options {
    std::string name;
    CommitCall call;
    int key_count = 0;
    double per_second = 20;
    // One attempt at each commit and on to the next, whatever came of it: its outcome then stays unknown.
    bool gives_up = false;
    uint64_t seed = 1;
    Journal* journal = nullptr;  // must outlive the writer
    Clock* clock = RealClock();  // must outlive the writer
  };

  explicit Writer(Options options);  // begins at once
  ~Writer();

  // Ends the thread.
  void Stop();

  // Refusals that no repetition can mend: there should be none.
  Findings refusals() const;
  int64_t refused_count() const;

 private:
  void Run();
  void CommitOne();

  const Options options_;
  const std::unique_ptr<Random> random_;  // of the thread
  Halt halt_;
  mutable Mutex mu_;
  Findings refusals_ ABSL_GUARDED_BY(mu_);
  int64_t refused_count_ ABSL_GUARDED_BY(mu_) = 0;
  std::thread thread_;
};

// The commit of a write, by its number in the journal.
v1::CommitRequest RequestOf(int64_t number, const std::vector<int>& keys, const std::string& request_id);

}  // namespace holdfast::drill
