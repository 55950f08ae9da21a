#include <csignal>
#include <string>
#include <vector>

#include "admin/cli.h"
#include "rpc/library.h"

int main(int argc, char** argv) {
  std::signal(
      SIGPIPE,
      SIG_IGN);  // `holdfast list | head` ends by the failed write, not by a signal in the middle of a commit
  holdfast::rpc::SilenceLibrary();
  holdfast::admin::Environment environment = holdfast::admin::ProcessEnvironment();
  return static_cast<int>(
      holdfast::admin::RunCommandLine(std::vector<std::string>(argv + 1, argv + argc), environment));
}
