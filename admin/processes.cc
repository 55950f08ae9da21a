#include "admin/processes.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "admin/errors.h"
#include "base/clock.h"
#include "base/poll.h"

namespace holdfast::admin {
namespace {

// Everything that a child must not inherit from a command on a terminal.
class SpawnSettings {
 public:
  explicit SpawnSettings(const std::string& log) {
    posix_spawn_file_actions_init(&files_);
    posix_spawn_file_actions_addopen(&files_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files_, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                     0644);
    posix_spawn_file_actions_adddup2(&files_, STDOUT_FILENO, STDERR_FILENO);
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes_, &none);
    sigset_t defaults;
    sigemptyset(&defaults);
    for (const int signal : {SIGPIPE, SIGINT, SIGTERM, SIGCHLD}) sigaddset(&defaults, signal);
    posix_spawnattr_setsigdefault(&attributes_, &defaults);
    posix_spawnattr_setflags(&attributes_,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&files_);
    posix_spawnattr_destroy(&attributes_);
  }

  const posix_spawn_file_actions_t* files() const { return &files_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t files_;
  posix_spawnattr_t attributes_;
};

// A process that waits to be told of its end; the number of a process is given to another only after that.
class ProcessHandle {
 public:
  explicit ProcessHandle(int64_t pid)
      : pid_(static_cast<pid_t>(pid)), fd_(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0))) {}
  ~ProcessHandle() {
    if (fd_ >= 0) close(fd_);
  }
  ProcessHandle(const ProcessHandle&) = delete;
  ProcessHandle& operator=(const ProcessHandle&) = delete;

  void Signal(int signal) {
    if (fd_ >= 0) syscall(SYS_pidfd_send_signal, fd_, signal, nullptr, 0);
  }

  bool WaitForEnd(absl::Duration timeout) {
    if (fd_ < 0) return true;
    pollfd poll_fd{fd_, POLLIN, 0};
    const bool ended = poll(&poll_fd, 1, static_cast<int>(absl::ToInt64Milliseconds(timeout))) == 1;
    if (ended) waitpid(pid_, nullptr, WNOHANG);  // if it is our child
    return ended;
  }

 private:
  const pid_t pid_;
  const int fd_;
};

// What can be read of /proc/PID/NAME; the process may end at any moment, and reading then fails.
std::string ReadProcFile(int64_t pid, absl::string_view name) {
  const std::string path = absl::StrCat("/proc/", pid, "/", name);
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  std::string text;
  std::array<char, 4096> part;
  for (ssize_t size; (size = read(fd, part.data(), part.size())) > 0;) text.append(part.data(), size);
  close(fd);
  return text;
}

// The state letter of /proc/PID/stat, which follows the name in parentheses; 'Z' has ended.
char StateOf(int64_t pid) {
  const std::string text = ReadProcFile(pid, "stat");
  const size_t end = text.rfind(')');
  return end == std::string::npos || end + 2 >= text.size() ? 'Z' : text[end + 2];
}

}  // namespace

std::vector<std::string> CommandLineOf(int64_t pid) {
  std::string line = ReadProcFile(pid, "cmdline");
  if (line.empty()) return {};
  if (line.back() == '\0') line.pop_back();
  return absl::StrSplit(line, '\0');
}

bool HasEnded(int64_t pid) { return StateOf(pid) == 'Z'; }

absl::StatusOr<int64_t> StartProgram(const std::string& program, const std::vector<std::string>& arguments,
                                     const std::string& log) {
  std::vector<char*> argv = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const SpawnSettings settings(log);
  pid_t pid = 0;
  const int error =
      posix_spawn(&pid, program.c_str(), settings.files(), settings.attributes(), argv.data(), environ);
  if (error != 0) return FileError("start", program, strerror(error));
  // The child is known by its arguments, which its new image shows a moment after the call returns.
  PollUntil(*RealClock(), absl::Seconds(1), [&] { return !CommandLineOf(pid).empty() || HasEnded(pid); });
  return pid;
}

bool IsRunning(int64_t pid, const std::string& argument) {
  if (pid <= 0 || HasEnded(pid)) return false;
  const std::vector<std::string> words = CommandLineOf(pid);
  return std::find(words.begin(), words.end(), argument) != words.end();
}

int64_t FindRunning(const std::string& flag, const std::string& value) {
  const std::vector<std::string> wanted = {flag, value};
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    int64_t pid = 0;
    if (!absl::SimpleAtoi(entry.path().filename().string(), &pid) || HasEnded(pid)) continue;
    const std::vector<std::string> words = CommandLineOf(pid);
    if (std::search(words.begin(), words.end(), wanted.begin(), wanted.end()) != words.end()) return pid;
  }
  return 0;
}

int EndPrograms(const std::vector<Running>& programs, absl::Duration grace) {
  std::vector<std::unique_ptr<ProcessHandle>> handles;
  for (const Running& program : programs) {
    auto handle =
        std::make_unique<ProcessHandle>(program.pid);  // before the check, so that it names what was checked
    if (!IsRunning(program.pid, program.argument)) continue;
    handle->Signal(grace > absl::ZeroDuration() ? SIGTERM : SIGKILL);
    handles.push_back(std::move(handle));
  }
  const absl::Duration end = RealClock()->SinceBoot() + grace;
  int killed = 0;
  for (const auto& handle : handles) {
    if (handle->WaitForEnd(std::max(absl::ZeroDuration(), end - RealClock()->SinceBoot()))) continue;
    handle->Signal(SIGKILL);
    handle->WaitForEnd(absl::Seconds(10));
    ++killed;
  }
  return killed;
}

}  // namespace holdfast::admin
