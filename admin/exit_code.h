#pragma once

#include "absl/status/status.h"

namespace holdfast::admin {

// What `holdfast` says to scripts (docs/cli.md).
enum class ExitCode : int {
  kOk = 0,
  kNegative = 1,    // the question was answered with no: not found, nodes or contents differ
  kUsage = 2,       // a flag or argument is missing, unknown or contradictory; nothing was asked
  kNotAsked = 3,    // someone could not be asked
  kRefused = 4,     // a precondition, a limit or a role; nothing was changed
  kUnknown = 5,     // what became of a commit, a change or an operation is not known
  kIncomplete = 6,  // a part is done; the message says how to go on
  kFailed = 7       // an error of a node, or of this machine's disks
};

// The code that fits a failure's reason.
ExitCode ExitCodeOf(const absl::Status& status);

}  // namespace holdfast::admin
