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
};

// What the drill's clients have attempted and what they were told: the only witness of what must not be lost.
// Any thread.
class Journal {
 public:
  // Before the first attempt. Answers with its number.
  int64_t Begin(const std::string& writer, std::vector<int> keys);

  // Once a write.
  void Acknowledge(int64_t number, const Acknowledgement& acknowledgement);

  std::vector<Write> writes() const;

  // What `node_id` acknowledged first, behind `after`, to `writer` (to anybody if it is empty).
  std::optional<Acknowledgement> FirstOf(const std::string& node_id, absl::Duration after,
                                         const std::string& writer = "") const;
  // What `node_id` acknowledged last, before `before`, to anybody.
  std::optional<Acknowledgement> LastOf(const std::string& node_id, absl::Duration before) const;

 private:
  mutable Mutex mu_;
  std::vector<Write> writes_ ABSL_GUARDED_BY(mu_);
};

}  // namespace holdfast::drill
