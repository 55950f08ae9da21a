#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

// Programs of this machine that outlive the command. Any thread.
namespace holdfast::admin {

// Starts `program` with `arguments` in a session of its own, so that no terminal ends it; standard input is
// empty, both outputs are appended to `log`. Answers with the process id. IO_ERROR.
absl::StatusOr<int64_t> StartProgram(const std::string& program, const std::vector<std::string>& arguments,
                                     const std::string& log);

// Whether process `pid` runs and has `argument` (a configuration file, say) on its command line. A process id
// alone may by now be another program's.
bool IsRunning(int64_t pid, const std::string& argument);

// The arguments of a process; empty if it has ended.
std::vector<std::string> CommandLineOf(int64_t pid);

// Whether nothing is left of a process but, perhaps, its entry in the table.
bool HasEnded(int64_t pid);

// The process that runs with `flag` followed by `value` on its command line; 0 if there is none. For a
// program whose id was lost because its starter died before it was noted.
int64_t FindRunning(const std::string& flag, const std::string& value);

// A process by its id and an argument of its command line.
struct Running {
  int64_t pid = 0;
  std::string argument;
};

// Sends SIGTERM to those that run, in order, waits for all to end, and after `grace` sends SIGKILL; without
// any grace that is the first they hear. Answers how many were killed.
int EndPrograms(const std::vector<Running>& programs, absl::Duration grace);

}  // namespace holdfast::admin
