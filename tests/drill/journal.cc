#include "tests/drill/journal.h"

#include <utility>

#include "base/check.h"

namespace holdfast::drill {

int64_t Journal::Begin(const std::string& writer, std::vector<int> keys) {
  MutexLock lock(&mu_);
  Write& write = writes_.emplace_back();
  write.number = static_cast<int64_t>(writes_.size()) - 1;
  write.writer = writer;
  write.keys = std::move(keys);
  return write.number;
}

void Journal::Acknowledge(int64_t number, const Acknowledgement& acknowledgement) {
  MutexLock lock(&mu_);
  Write& write = writes_.at(static_cast<size_t>(number));
  HF_CHECK(!write.acknowledged.has_value(), "a write is acknowledged once");
  write.acknowledged = acknowledgement;
}

void Journal::Fail(int64_t number, const FailedAttempt& attempt, const std::string& said_in_log) {
  MutexLock lock(&mu_);
  failures_.push_back(attempt);
  if (!said_in_log.empty()) writes_.at(static_cast<size_t>(number)).said_in_log = said_in_log;
}

std::vector<FailedAttempt> Journal::failures() const {
  MutexLock lock(&mu_);
  return failures_;
}

std::vector<Write> Journal::writes() const {
  MutexLock lock(&mu_);
  return writes_;
}

std::optional<Acknowledgement> Journal::FirstOf(const std::string& node_id, absl::Duration after,
                                                const std::string& writer) const {
  MutexLock lock(&mu_);
  std::optional<Acknowledgement> first;
  for (const Write& write : writes_) {
    if (!write.acknowledged || write.acknowledged->node_id != node_id) continue;
    if (write.acknowledged->at <= after) continue;
    if (!writer.empty() && write.writer != writer) continue;
    if (!first || write.acknowledged->at < first->at) first = write.acknowledged;
  }
  return first;
}

std::optional<Acknowledgement> Journal::LastOf(const std::string& node_id, absl::Duration before,
                                               const std::string& writer) const {
  MutexLock lock(&mu_);
  std::optional<Acknowledgement> last;
  for (const Write& write : writes_) {
    if (!write.acknowledged || write.acknowledged->node_id != node_id) continue;
    if (write.acknowledged->at >= before) continue;
    if (!writer.empty() && write.writer != writer) continue;
    if (!last || write.acknowledged->at > last->at) last = write.acknowledged;
  }
  return last;
}

}  // namespace holdfast::drill
