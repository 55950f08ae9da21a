#include "tests/failpoints/failpoints.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/check.h"
#include "base/error.h"
#include "base/failpoint.h"
#include "base/status_macros.h"

namespace holdfast::failpoints {
namespace {

absl::StatusOr<Armed> ParseLine(absl::string_view line) {
  const auto bad = [&] {
    return MakeError(absl::StatusCode::kInvalidArgument, "INVALID_REQUEST",
                     absl::StrCat("no failpoint: \"", line, "\"; NAME=kill|pause|error[@N]"));
  };
  Armed armed;
  armed.text = std::string(line);
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits('=', 1));
  const std::vector<absl::string_view> what = absl::StrSplit(parts.second, '@');
  armed.name = std::string(parts.first);
  if (armed.name.empty() || what.empty() || what.size() > 2) return bad();
  if (what.size() == 2 && (!absl::SimpleAtoi(what[1], &armed.nth) || armed.nth < 1)) return bad();
  if (what[0] == "kill") {
    armed.action = Action::kKill;
  } else if (what[0] == "pause") {
    armed.action = Action::kPause;
  } else if (what[0] == "error") {
    armed.action = Action::kError;
  } else {
    return bad();
  }
  return armed;
}

}  // namespace

absl::StatusOr<std::vector<Armed>> Parse(absl::string_view spec) {
  std::vector<Armed> all;
  for (const absl::string_view piece : absl::StrSplit(spec, absl::ByAnyChar(";\n"))) {
    const absl::string_view line = absl::StripAsciiWhitespace(piece);
    if (line.empty()) continue;
    HF_ASSIGN_OR_RETURN(Armed armed, ParseLine(line));
    all.push_back(std::move(armed));
  }
  return all;
}

Failpoints::Failpoints(std::string directory, std::string spec)
    : directory_(std::move(directory)), spec_(std::move(spec)) {}

std::string Failpoints::SpecNow() const {
  if (directory_.empty()) return spec_;
  std::ifstream file(absl::StrCat(directory_, "/", getpid()));
  if (!file) return spec_;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void Failpoints::Note(absl::string_view name) const {
  if (directory_.empty()) return;
  const std::string line = absl::StrCat(name, "\n");
  const std::string path = absl::StrCat(directory_, "/", getpid(), ".hits");
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  HF_CHECK(fd >= 0 && write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size()),
           "the list of hits cannot be written");
  close(fd);
}

absl::Status Failpoints::Hit(absl::string_view name) {
  Note(name);
  const absl::StatusOr<std::vector<Armed>> armed = Parse(SpecNow());
  HF_CHECK(armed.ok(), armed.status().ToString());
  std::optional<Action> action;
  {
    MutexLock lock(&mu_);
    std::map<std::string, int> hits;
    for (const Armed& one : *armed) {
      int& count = hits[one.text];
      count = hits_[one.text] + (one.name == name ? 1 : 0);
      if (one.name == name && (one.nth == 0 || one.nth == count)) action = one.action;
    }
    hits_ = std::move(hits);  // a line that is armed again later begins anew
  }
  if (!action) return absl::OkStatus();
  // To this very thread: it does not take another step, whatever the others do.
  if (*action == Action::kKill) raise(SIGKILL);
  if (*action == Action::kPause) raise(SIGSTOP);
  if (*action != Action::kError) return absl::OkStatus();
  return MakeError(absl::StatusCode::kInternal, "IO_ERROR", absl::StrCat("the failpoint ", name));
}

}  // namespace holdfast::failpoints

namespace holdfast {

absl::Status HitFailpoint(absl::string_view name) {
  const auto text = [](const char* variable) {
    const char* const value = std::getenv(variable);
    return std::string(value == nullptr ? "" : value);
  };
  // Of the process, as its environment is.
  static auto& failpoints =
      *new failpoints::Failpoints(text("HOLDFAST_FAILPOINTS_DIR"), text("HOLDFAST_FAILPOINTS"));
  return failpoints.Hit(name);
}

}  // namespace holdfast
