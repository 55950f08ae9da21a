#pragma once

#include <sys/types.h>

#include <string>

namespace holdfast::drill {

// A child process that does nothing until this process is gone, in whatever way; then it ends every node that
// still runs of the clusters below `root`. So a drill that is killed leaves nothing running, also nothing
// that it had stopped. Make it before the first thread.
class Keeper {
 public:
  explicit Keeper(const std::string& root);
  // Lets it look and waits until it has ended.
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

 private:
  int lifeline_ = -1;  // the child reads the end of it
  pid_t child_ = 0;
};

}  // namespace holdfast::drill
