#pragma once

#include <string>
#include <vector>

#include "base/mutex.h"

namespace holdfast::client {

// In which order nodes are asked: the one that answered last first, so that a client leaves a node only when
// that node fails; then the others in the order that the user gave. Any thread.
class Endpoints {
 public:
  explicit Endpoints(std::vector<std::string> addresses) : addresses_(std::move(addresses)) {}

  // Whom to ask for reads and watches. A hinted address comes first, once.
  std::vector<std::string> ReadOrder();

  // Whom to ask for a commit: the primary first, if it is known.
  std::vector<std::string> CommitOrder();

  // `address` answered (whatever it answered).
  void Answered(const std::string& address);

  // `address` did not: the next one is preferred from now on.
  void Failed(const std::string& address);

  // A node names the primary; it need not be among the endpoints. Empty: forget it.
  void LearnPrimary(const std::string& address);

  // A node that leaves service says where to go.
  void Hint(const std::string& address);

 private:
  const std::vector<std::string> addresses_;

  Mutex mu_;
  size_t current_ ABSL_GUARDED_BY(mu_) = 0;
  std::string primary_ ABSL_GUARDED_BY(mu_);
  std::string hint_ ABSL_GUARDED_BY(mu_);
};

}  // namespace holdfast::client
