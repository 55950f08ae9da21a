#include "tests/process/programs.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "admin/free_ports.h"
#include "admin/processes.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "rpc/address.h"

namespace holdfast::testing {
namespace {

constexpr absl::Duration kUntilExec = absl::Seconds(10);

// Until it ends.
admin::PortHolds& PortsOfThisProcess() {
  static auto& holds = *new admin::PortHolds();
  return holds;
}

// In the child, after fork: its log, or its caller, is told why.
[[noreturn]] void Fail(const std::string& what, int exit_status) {
  dprintf(STDERR_FILENO, "%s: %s\n", what.c_str(), strerror(errno));
  _exit(exit_status);
}

// In the child, after fork: never returns.
[[noreturn]] void Execute(const std::vector<std::string>& command,
                          const std::vector<std::string>& environment, int network) {
  if (network >= 0 && setns(network, CLONE_NEWNET) != 0) Fail("enter the network", 126);
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  for (const std::string& assignment : environment) putenv(const_cast<char*>(assignment.c_str()));
  sigset_t none;  // what our threads leave to one of them, a program must hear itself
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execv(arguments[0], arguments.data());
  Fail(command[0], 127);
}

struct Pipe {
  int read_end = -1;
  int write_end = -1;
  Pipe() {
    int ends[2];
    HF_CHECK(pipe2(ends, O_CLOEXEC) == 0, "pipe");
    read_end = ends[0];
    write_end = ends[1];
  }
};

// Until both are closed, or the bounds are reached: false then.
bool ReadBoth(int out_fd, std::string* out, int err_fd, std::string* err, const RunBounds& bounds) {
  constexpr int kLookMs = 100;  // at the bounds
  const bool bounded = bounds.time != absl::InfiniteDuration() || bounds.given_up != nullptr;
  const absl::Duration end = Elapsed() + bounds.time;
  pollfd ends[2] = {{out_fd, POLLIN, 0}, {err_fd, POLLIN, 0}};
  std::string* texts[2] = {out, err};
  int open_ends = 2;
  std::vector<char> buffer(1 << 16);
  while (open_ends > 0) {
    if (poll(ends, 2, bounded ? kLookMs : -1) < 0) break;
    if (Elapsed() >= end || (bounds.given_up != nullptr && *bounds.given_up)) return false;
    for (int i = 0; i < 2; ++i) {
      if (ends[i].fd < 0 || ends[i].revents == 0) continue;
      const ssize_t count = read(ends[i].fd, buffer.data(), buffer.size());
      if (count > 0) {
        texts[i]->append(buffer.data(), static_cast<size_t>(count));
      } else {
        ends[i].fd = -1;
        --open_ends;
      }
    }
  }
  return true;
}

int ThreadCount(pid_t pid) {
  std::error_code gone;
  const std::filesystem::directory_iterator threads("/proc/" + std::to_string(pid) + "/task", gone);
  return gone ? 0 : static_cast<int>(std::distance(begin(threads), end(threads)));
}

int ExitStatus(int wait_status) {
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

}  // namespace

std::string Program(const std::string& name) { return std::string(HOLDFAST_BIN_DIR) + "/" + name; }

std::string ProgramWithFailpoints(const std::string& name) {
  return std::string(HOLDFAST_FAILPOINTS_BIN_DIR) + "/" + name;
}

CommandResult Run(const std::vector<std::string>& command, const std::vector<std::string>& environment,
                  const RunBounds& bounds) {
  Pipe out;
  Pipe err;
  const pid_t child = fork();
  HF_CHECK(child >= 0, "fork");
  if (child == 0) {
    dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
    dup2(out.write_end, STDOUT_FILENO);
    dup2(err.write_end, STDERR_FILENO);
    Execute(command, environment, bounds.network);
  }
  close(out.write_end);
  close(err.write_end);
  CommandResult result;
  if (!ReadBoth(out.read_end, &result.out, err.read_end, &result.err, bounds)) kill(child, SIGKILL);
  close(out.read_end);
  close(err.read_end);
  int status = 0;
  waitpid(child, &status, 0);
  result.exit_status = ExitStatus(status);
  return result;
}

pid_t Spawn(const std::vector<std::string>& command, const std::string& log_path, int network,
            const std::vector<std::string>& environment) {
  const pid_t child = fork();
  HF_CHECK(child >= 0, "fork");
  if (child == 0) {
    setpgid(0, 0);
    dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
    const int log = open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    Execute(command, environment, network);
  }
  // Until then it has our command line, and who asks for a process of the program's finds none.
  Eventually(kUntilExec, [&] { return admin::CommandLineOf(child) == command || admin::HasEnded(child); });
  return child;
}

bool EndProcess(pid_t pid, int signal_number, absl::Duration patience, int* died_of) {
  *died_of = 0;
  if (pid == 0 || kill(pid, signal_number) != 0) return true;
  return Eventually(patience, [=] {
    int status = 0;  // ours: reap it; another's: no effect
    if (waitpid(pid, &status, WNOHANG) == pid && WIFSIGNALED(status) && WTERMSIG(status) != signal_number)
      *died_of = WTERMSIG(status);
    if (kill(pid, 0) != 0) return true;
    // A zombie of another parent is as good as gone, once all its threads have let go of their files.
    return admin::HasEnded(pid) && ThreadCount(pid) <= 1;
  });
}

std::vector<std::string> FreeAddresses(size_t count) {
  const absl::StatusOr<std::vector<int>> ports =
      admin::FindFreePorts(count, *SystemRandom(), PortsOfThisProcess());
  HF_CHECK(ports.ok(), ports.status().ToString());
  std::vector<std::string> addresses;
  for (const int port : *ports) addresses.push_back(absl::StrCat("127.0.0.1:", port));
  return addresses;
}

void HoldPortOf(const std::string& address) {
  const absl::StatusOr<rpc::Address> parsed = rpc::ParseAddress(address);
  HF_CHECK(parsed.ok(), parsed.status().ToString());
  PortsOfThisProcess().Hold(parsed->port);  // or another has it for a moment, who then finds it taken
}

std::string JsonText(const std::string& json, const std::string& name, const std::string& after) {
  const std::string key = absl::StrCat("\"", name, "\": \"");
  const size_t begin = json.find(key, std::min(json.find(after), json.size()));
  if (begin == std::string::npos) return "";
  return json.substr(begin + key.size(), json.find('"', begin + key.size()) - begin - key.size());
}

void PauseBetweenLooks() { poll(nullptr, 0, 5); }

absl::Duration Elapsed() { return RealClock()->SinceBoot(); }

}  // namespace holdfast::testing
