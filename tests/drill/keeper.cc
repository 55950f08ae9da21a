#include "tests/drill/keeper.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "base/check.h"
#include "tests/process/local_cluster.h"

namespace holdfast::drill {
namespace {

[[noreturn]] void Keep(int lifeline, const std::string& root) {
  sigset_t all;  // what ends the drill from a terminal is not for us
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, nullptr);
  char nothing = 0;
  while (read(lifeline, &nothing, 1) > 0) {
  }
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator(root, gone)) {
    if (entry.is_directory(gone)) testing::LocalCluster({entry.path().string()}).End();
  }
  _exit(0);
}

}  // namespace

Keeper::Keeper(const std::string& root) {
  int ends[2];
  HF_CHECK(pipe2(ends, O_CLOEXEC) == 0, "pipe");
  child_ = fork();
  HF_CHECK(child_ >= 0, "fork");
  if (child_ == 0) {
    close(ends[1]);
    Keep(ends[0], root);
  }
  close(ends[0]);
  lifeline_ = ends[1];
}

Keeper::~Keeper() {
  close(lifeline_);
  waitpid(child_, nullptr, 0);
}

}  // namespace holdfast::drill
