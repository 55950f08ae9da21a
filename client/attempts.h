#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/backoff.h"
#include "client/options.h"

namespace holdfast::client {

// The bounds of one call: its deadline, its rounds, and what the nodes said so far. One thread.
class Attempts {
 public:
  explicit Attempts(const Options& options);

  absl::Duration remaining() const;

  // How long one node may take when `others` more can be asked: half of what is left, so that a silent node
  // does not use up the whole deadline.
  absl::Duration Share(int others) const;

  // The same for a read, which is answered within milliseconds or by a node in trouble: in the first round
  // nobody gets longer than a second while others can be asked.
  absl::Duration ReadShare(int others) const;

  // True if another round may begin; `*delay` says how long to wait before it.
  bool NextRound(absl::Duration* delay);

  // Keeps what tells the caller most.
  void Note(const std::string& address, const absl::Status& status);

  // The failure to report when nobody answered.
  absl::Status Verdict() const;

 private:
  const Options& options_;
  const absl::Duration deadline_;
  Backoff backoff_;
  int rounds_ = 1;
  absl::Status best_;
  std::vector<std::string> lines_;
};

}  // namespace holdfast::client
