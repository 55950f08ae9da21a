#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"

// What stands behind HOLDFAST_FAILPOINT in the programs that have it.
namespace holdfast::failpoints {

enum class Action {
  kKill,   // SIGKILL, at once: what was not written is lost, nothing is cleaned up
  kPause,  // SIGSTOP of the whole process, which SIGCONT ends
  kError,  // an IO_ERROR that names the point
};

// One line of what is armed: `NAME=ACTION` or `NAME=ACTION@N`, the N-th hit since it was armed; else each.
struct Armed {
  std::string text;
  std::string name;
  Action action = Action::kKill;
  int nth = 0;
};

// `spec`: such lines, separated by semicolons or line ends. INVALID_REQUEST names the one that is none.
absl::StatusOr<std::vector<Armed>> Parse(absl::string_view spec);

// Two ways to arm, looked at with each hit:
//
//   HOLDFAST_FAILPOINTS=SPEC      from the start of the process on
//   HOLDFAST_FAILPOINTS_DIR=DIR   the file DIR/<pid>, while it is there, instead: a test may write and change
//                                 it while the process runs (as a whole: another file, renamed).
//                                 DIR/<pid>.hits gets a line for each point that is passed, before anything
//                                 else happens.
//
// A spec that cannot be read ends the process. Any thread.
class Failpoints {
 public:
  // `directory` may be empty; `spec` is from the environment.
  Failpoints(std::string directory, std::string spec);

  absl::Status Hit(absl::string_view name);

 private:
  std::string SpecNow() const;
  void Note(absl::string_view name) const;

  const std::string directory_;
  const std::string spec_;
  Mutex mu_;
  std::map<std::string, int> hits_ ABSL_GUARDED_BY(mu_);  // by line: since it was armed
};

}  // namespace holdfast::failpoints
