#include "admin/progress.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "admin/table.h"

namespace holdfast::admin {
namespace {

constexpr absl::Duration kShowEvery = absl::Milliseconds(100);
constexpr char kWipeLine[] = "\r\033[K";

}  // namespace

Progress::Progress(const Environment& environment, std::string what)
    : environment_(environment), what_(std::move(what)) {}

Progress::~Progress() { Done(); }

void Progress::Set(size_t part, int64_t done, int64_t total) {
  if (!environment_.err_is_terminal) return;
  MutexLock lock(&mu_);
  parts_[part] = {done, total};
  const absl::Duration now = environment_.clock->SinceBoot();
  if (now - last_shown_ < kShowEvery) return;
  last_shown_ = now;
  int64_t all_done = 0;
  int64_t all_total = 0;
  for (const auto& [number, counts] : parts_) {
    all_done += counts.first;
    all_total += counts.second;
  }
  std::string line = ShowCount(all_done);
  if (all_total > 0) {
    absl::StrAppendFormat(&line, " of %s (%d%%)", ShowCount(all_total), all_done * 100 / all_total);
  }
  *environment_.err << kWipeLine << line << " " << what_ << std::flush;
  shown_ = true;
}

void Progress::Done() {
  MutexLock lock(&mu_);
  if (shown_) *environment_.err << kWipeLine << std::flush;
  shown_ = false;
}

}  // namespace holdfast::admin
