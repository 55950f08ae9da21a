#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace holdfast::replication {

// Calls that a node has taken and not answered yet: when it stops, whoever waits is told, instead of waiting
// for an answer that cannot come any more. One strand; must outlive what Keep returned.
class OpenAnswers {
 public:
  // `done`, to be called once like it; unless AnswerAll was first.
  template <typename Response>
  std::function<void(absl::StatusOr<Response>)> Keep(std::function<void(absl::StatusOr<Response>)> done) {
    const uint64_t id = next_++;
    auto kept = std::make_shared<std::function<void(absl::StatusOr<Response>)>>(std::move(done));
    open_[id] = [kept](const absl::Status& status) { std::exchange(*kept, nullptr)(status); };
    return [this, id, kept](absl::StatusOr<Response> answer) {
      if (open_.erase(id) > 0) std::exchange(*kept, nullptr)(std::move(answer));
    };
  }

  void AnswerAll(const absl::Status& status) {
    for (auto& [id, answer] : std::exchange(open_, {})) answer(status);
  }

 private:
  uint64_t next_ = 1;
  std::map<uint64_t, std::function<void(const absl::Status&)>> open_;
};

}  // namespace holdfast::replication
