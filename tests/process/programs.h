#pragma once

// Other programs and their ports, for tests and for the drill: nothing of GoogleTest is in here.
#include <sys/types.h>

#include <atomic>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace holdfast::testing {

// How long another process may take for anything on a machine that is busy with other things: the bound of a
// condition, not a promise.
inline constexpr absl::Duration kPatience = absl::Seconds(60);

// What a command did.
struct CommandResult {
  int exit_status = -1;  // 128 + n if a signal ended it
  std::string out;
  std::string err;
};

// The text of a member, behind `after`, in what a command printed as JSON; empty if there is none.
std::string JsonText(const std::string& json, const std::string& name, const std::string& after = "");

// When a command is not waited for any longer: it is killed then, and its exit status is 128 + 9. And where
// it runs.
struct RunBounds {
  absl::Duration time = absl::InfiniteDuration();
  const std::atomic<bool>* given_up = nullptr;  // looked at a few times a second
  int network = -1;                             // the namespace that it runs in, by a descriptor; -1: ours
};

// The programs of this build: Program("holdfast-proxy").
std::string Program(const std::string& name);
// The same with failpoints (tests/failpoints).
std::string ProgramWithFailpoints(const std::string& name);

// Runs a command to its end with `environment` ("NAME=value") added to ours. Any thread.
CommandResult Run(const std::vector<std::string>& command, const std::vector<std::string>& environment = {},
                  const RunBounds& bounds = {});

// Starts a program in a process group of its own, its output appended to `log_path`, in the network of a
// namespace's descriptor (-1: ours), with `environment` added to ours. Returns its pid once the program
// runs or has ended, in its log why it could not begin; the caller ends it (EndProcess).
pid_t Spawn(const std::vector<std::string>& command, const std::string& log_path, int network = -1,
            const std::vector<std::string>& environment = {});

// Sends a signal, then waits until the process is gone (at most `patience`); false if it is still there.
// Works for processes that are not our children too. A child that has died of another signal than this one:
// `died_of` is that signal, else 0. Pid 0 is nobody: true.
bool EndProcess(pid_t pid, int signal_number, absl::Duration patience, int* died_of);

// `count` loopback addresses (host:port) that nobody listens at now, none twice, below the ports that
// outgoing connections take. Nobody else finds them free until this process ends.
std::vector<std::string> FreeAddresses(size_t count);

// The same for the address of a node that runs: while a test has ended it, nobody else takes its port.
void HoldPortOf(const std::string& address);

// Sets a flag at the end of a block, also when an assertion ends the test early: threads that look at it and
// are declared before it can then be joined.
class StopAtEnd {
 public:
  explicit StopAtEnd(std::atomic<bool>* stop) : stop_(stop) {}
  ~StopAtEnd() { *stop_ = true; }
  StopAtEnd(const StopAtEnd&) = delete;
  StopAtEnd& operator=(const StopAtEnd&) = delete;

 private:
  std::atomic<bool>* const stop_;
};

// Asks `holds` every few milliseconds until it is true or `patience` has passed.
template <typename Predicate>
bool Eventually(absl::Duration patience, Predicate holds);

// Waits a little without a promise of how long: the pause between two looks at another process.
void PauseBetweenLooks();
absl::Duration Elapsed();  // monotonic

template <typename Predicate>
bool Eventually(absl::Duration patience, Predicate holds) {
  const absl::Duration end = Elapsed() + patience;
  for (;;) {
    if (holds()) return true;
    if (Elapsed() >= end) return false;
    PauseBetweenLooks();
  }
}

}  // namespace holdfast::testing
