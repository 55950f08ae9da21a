#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/mutex.h"

namespace holdfast::drill {

// The answer that a client has to a commit.
struct Acknowledgement {
  int64_t revision = 0;
  std::string node_id;  // who gave it
  absl::Duration at;    // since boot
};

// One commit as its client knows it: attempted, and acknowledged or of unknown outcome.
struct Write {
  int64_t number = 0;  // its place in the journal, from 0; the values of its keys name it
  std::string writer;
  std::vector<int> keys;  // ascending
  std::optional<Acknowledgement> acknowledged;
  // Where it is in a log, by the word of a node that could not tell whether it stays there; empty: nobody
  // said so.
  std::string said_in_log;
};

// An attempt at a commit that was not acknowledged.
struct FailedAttempt {
  std::string writer;
  std::string reason;
  absl::Duration at;  // since boot, when the answer was there
  absl::Duration took;
};

// What the drill's clients have attempted and what they were told: the only witness of what must not be lost.
// Any thread.
class Journal {
 public:
  // Before the first attempt. Answers with its number.
  int64_t Begin(const std::string& writer, std::vector<int> keys);

  // Once a write.
  void Acknowledge(int64_t number, const Acknowledgement& acknowledgement);

  // Not acknowledged, and why; `said_in_log` as in Write, empty if nobody said so. Any number of times.
  void Fail(int64_t number, const FailedAttempt& attempt, const std::string& said_in_log);

  std::vector<Write> writes() const;
  std::vector<FailedAttempt> failures() const;

  // What `node_id` acknowledged first, behind `after`, to `writer` (to anybody if it is empty).
  std::optional<Acknowledgement> FirstOf(const std::string& node_id, absl::Duration after,
                                         const std::string& writer = "") const;
  // What `node_id` acknowledged last, before `before`, to `writer` (to anybody if it is empty).
  std::optional<Acknowledgement> LastOf(const std::string& node_id, absl::Duration before,
                                        const std::string& writer = "") const;

 private:
  mutable Mutex mu_;
  std::vector<Write> writes_ ABSL_GUARDED_BY(mu_);
  std::vector<FailedAttempt> failures_ ABSL_GUARDED_BY(mu_);
};

}  // namespace holdfast::drill
