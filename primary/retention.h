#pragma once

#include "absl/time/time.h"
#include "base/executor.h"
#include "primary/commit_path.h"
#include "replication/replica.h"
#include "storage/store.h"

namespace holdfast::primary {

// Keeps the log within its retention policy: while this node is primary, writes a COMPACT record whenever the
// policy asks for a floor well above the present one (DESIGN 4, Retention). Strand.
class Retention {
 public:
  struct Options {
    storage::Store* store = nullptr;  // these must outlive this
    replication::Replica* replica = nullptr;
    CommitPath* commit_path = nullptr;
    Executor* strand = nullptr;
    Clock* clock = nullptr;
    absl::Duration interval = absl::Seconds(10);
  };

  explicit Retention(Options options) : options_(options) {}
  ~Retention() { options_.strand->Cancel(timer_); }

  void Start();

 private:
  void Look();

  const Options options_;
  Executor::TimerId timer_ = 0;
};

}  // namespace holdfast::primary
