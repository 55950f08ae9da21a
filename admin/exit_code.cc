#include "admin/exit_code.h"

#include <map>
#include <string>

#include "base/error.h"

namespace holdfast::admin {

ExitCode ExitCodeOf(const absl::Status& status) {
  if (status.ok()) return ExitCode::kOk;
  static const auto* const kCodes = new std::map<std::string, ExitCode>{
      {"KEY_NOT_FOUND", ExitCode::kNegative},
      {"OPERATION_NOT_FOUND", ExitCode::kNegative},
      {"UNREACHABLE", ExitCode::kNotAsked},
      {"DRAINING", ExitCode::kNotAsked},
      {"RECOVERING", ExitCode::kNotAsked},
      {"DEADLINE", ExitCode::kNotAsked},
      {"COMMIT_UNKNOWN", ExitCode::kUnknown},
      {"OUTCOME_UNKNOWABLE", ExitCode::kUnknown},
      {"INTERNAL", ExitCode::kFailed},
      {"IO_ERROR", ExitCode::kFailed},
      {"DATA_DAMAGED", ExitCode::kFailed},
      {"CHAIN_BROKEN", ExitCode::kFailed},
      {"DIVERGED", ExitCode::kFailed},
      {"SNAPSHOT_ALTERED", ExitCode::kFailed},
      {"SALVAGE_NOT_FOUND", ExitCode::kNegative},
  };
  const std::string reason = ReasonOf(status);
  if (reason.empty()) return ExitCode::kFailed;
  const auto it = kCodes->find(reason);
  return it == kCodes->end() ? ExitCode::kRefused : it->second;
}

}  // namespace holdfast::admin
