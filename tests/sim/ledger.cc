#include "tests/sim/ledger.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "tests/sim/rare_events.h"

namespace holdfast::sim {

absl::Status AppendLine(const std::string& path, const std::string& line) {
  const int file = open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return absl::ErrnoToStatus(errno, path);
  const std::string bytes = line + "\n";
  const ssize_t written = write(file, bytes.data(), bytes.size());
  const int error = errno;
  close(file);
  if (written == static_cast<ssize_t>(bytes.size())) return absl::OkStatus();
  return written < 0 ? absl::ErrnoToStatus(error, path)
                     : absl::DataLossError(absl::StrCat(path, " took half a line"));
}

absl::Status AppendToLedger(const LedgerEntry& entry, const CampaignResult& result) {
  const Coverage& coverage = result.coverage;
  std::string line = absl::StrFormat(
      R"({"date":"%s","commit":"%s","code":"%s","first_seed":%d,"seeds":%d,"failed":%d,"cpu_seconds":%.0f,)"
      R"("virtual_hours":%.2f,"acknowledged":%d,"median_acknowledged":%d,"faults":%d,"median_faults":%d,)"
      R"("with_promotion":%d,"crashes":%d,"crashes_inside_a_step":%d,"reads":%d,"watch_events":%d,"messages":%d,"rare":{)",
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now(), absl::UTCTimeZone()), entry.commit, entry.code,
      entry.first_seed, result.seeds, result.failed, result.cpu_seconds,
      absl::ToDoubleHours(result.virtual_time), coverage.Get("commits_acknowledged"),
      CampaignResult::Median(result.acknowledged), coverage.Get("faults"),
      CampaignResult::Median(result.faults), result.with_promotion, coverage.Get("crashes"),
      coverage.Get("crashes_inside_a_step"), coverage.Get("reads"), coverage.Get("watch_events"),
      coverage.Get("messages"));
  const char* comma = "";
  for (const RareEvent& event : RareEvents()) {
    absl::StrAppendFormat(&line, "%s\"%s\":%d", comma, event.what, coverage.Get(event.counter));
    comma = ",";
  }
  return AppendLine(entry.path, line + "}}");
}

}  // namespace holdfast::sim
