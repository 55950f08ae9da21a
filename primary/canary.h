#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/revision.h"

namespace holdfast::primary {

// What a rehearsal does as a client of the node that it has opened. Calls wait, at most `patience`. One
// thread.
class Canary {
 public:
  virtual ~Canary() = default;

  // Commits one key, once, however often it has to be sent: a node that has just opened may not admit commits
  // yet. Errors as ConfigService.Commit.
  virtual absl::StatusOr<Revision> Commit(const std::string& key, const std::string& value,
                                          absl::Duration patience) = 0;
  // The key's value at `least` or later. Errors as ConfigService.Get.
  virtual absl::StatusOr<std::string> Read(const std::string& key, Revision least,
                                           absl::Duration patience) = 0;
};

// A canary for the node that listens at this address of this machine.
using OpenCanary = std::function<absl::StatusOr<std::unique_ptr<Canary>>(const std::string& address)>;

}  // namespace holdfast::primary
