#include "tests/sim/campaign.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/check.h"

namespace holdfast::sim {
namespace {

// ---- What a process tells: lines "<kind> <words>" ----
constexpr char kBegin = 'B';      // seed
constexpr char kScenario = 'S';   // text
constexpr char kCount = 'C';      // number, name
constexpr char kViolation = 'V';  // text
constexpr char kStory = 'L';      // text
constexpr char kEnd = 'E';        // microseconds of virtual time, events

std::string Encode(const RunResult& result) {
  std::string text = absl::StrCat("S ", absl::CEscape(result.scenario), "\n");
  for (const auto& [name, count] : result.coverage.counts())
    absl::StrAppend(&text, "C ", count, " ", name, "\n");
  for (const std::string& line : result.violations) absl::StrAppend(&text, "V ", absl::CEscape(line), "\n");
  if (!result.violations.empty()) {
    for (const std::string& line : result.last_lines) absl::StrAppend(&text, "L ", absl::CEscape(line), "\n");
  }
  absl::StrAppend(&text, "E ", absl::ToInt64Microseconds(result.virtual_time), " ", result.event_count, "\n");
  return text;
}

std::string Unescape(absl::string_view text) {
  std::string plain;
  HF_CHECK(absl::CUnescape(text, &plain), "a process of the campaign writes nonsense");
  return plain;
}

void WriteAll(int out, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(out, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) _exit(3);  // nobody listens any more
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

// One process: every `jobs`-th seed from `next` on.
struct Worker {
  uint64_t next = 0;
  pid_t process = -1;
  int out = -1;
  std::string unread;
  bool at_work = false;  // on `current`
  RunResult current;
};

class Campaign {
 public:
  explicit Campaign(const CampaignOptions& options) : options_(options) {
    jobs_ = options.jobs > 0 ? options.jobs : static_cast<int>(std::thread::hardware_concurrency());
    jobs_ = static_cast<int>(std::clamp<uint64_t>(options.seeds, 1, std::max(jobs_, 1)));
  }

  CampaignResult Run() {
    const double cpu_before = ChildrenCpuSeconds();
    workers_.resize(static_cast<size_t>(jobs_));
    for (size_t i = 0; i < workers_.size(); ++i) workers_[i].next = options_.first_seed + i;
    for (Worker& worker : workers_) Start(worker);
    while (Listen()) {
    }
    result_.cpu_seconds = ChildrenCpuSeconds() - cpu_before;
    return std::move(result_);
  }

 private:
  static double ChildrenCpuSeconds() {
    rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }

  uint64_t Past() const { return options_.first_seed + options_.seeds; }

  void Start(Worker& worker) {
    worker.at_work = false;
    if (worker.next >= Past() || result_.failed >= options_.give_up) return;
    int ends[2];
    HF_CHECK(pipe2(ends, O_CLOEXEC) == 0, "no pipe for a process of the campaign");
    std::fflush(stdout);
    worker.process = fork();
    HF_CHECK(worker.process >= 0, "no process for the campaign");
    if (worker.process == 0) {
      close(ends[0]);
      std::signal(SIGABRT, SIG_DFL);
      for (uint64_t seed = worker.next; seed < Past(); seed += static_cast<uint64_t>(jobs_)) {
        WriteAll(ends[1], absl::StrCat("B ", seed, "\n"));
        options_.before_seed(seed);
        WriteAll(ends[1], Encode(RunSeed(seed, /*verbose=*/false)));
      }
      _exit(0);
    }
    close(ends[1]);
    worker.out = ends[0];
    worker.unread.clear();
  }

  // Waits for words of any process. False if none is left.
  bool Listen() {
    std::vector<pollfd> ends;
    std::vector<Worker*> whose;
    for (Worker& worker : workers_) {
      if (worker.out < 0) continue;
      ends.push_back({worker.out, POLLIN, 0});
      whose.push_back(&worker);
    }
    if (ends.empty()) return false;
    if (poll(ends.data(), ends.size(), -1) < 0) return errno == EINTR;
    for (size_t i = 0; i < ends.size(); ++i) {
      if (ends[i].revents != 0) Read(*whose[i]);
    }
    return true;
  }

  void Read(Worker& worker) {
    char bytes[1 << 16];
    const ssize_t size = read(worker.out, bytes, sizeof bytes);
    if (size < 0 && errno == EINTR) return;
    if (size <= 0) return OnEnded(worker);
    worker.unread.append(bytes, static_cast<size_t>(size));
    size_t from = 0;
    for (size_t end; (end = worker.unread.find('\n', from)) != std::string::npos; from = end + 1)
      OnLine(worker, absl::string_view(worker.unread).substr(from, end - from));
    worker.unread.erase(0, from);
    if (result_.failed >= options_.give_up) kill(worker.process, SIGKILL);
  }

  void OnLine(Worker& worker, absl::string_view line) {
    const absl::string_view text = line.substr(2);
    const std::pair<absl::string_view, absl::string_view> words =
        absl::StrSplit(text, absl::MaxSplits(' ', 1));
    int64_t number = 0;
    (void)absl::SimpleAtoi(words.first, &number);
    switch (line[0]) {
      case kBegin:
        worker.current = RunResult();
        worker.current.seed = static_cast<uint64_t>(number);
        worker.next = worker.current.seed + static_cast<uint64_t>(jobs_);
        worker.at_work = true;
        break;
      case kScenario:
        worker.current.scenario = Unescape(text);
        break;
      case kCount:
        worker.current.coverage.Count(std::string(words.second), number);
        break;
      case kViolation:
        worker.current.violations.push_back(Unescape(text));
        break;
      case kStory:
        worker.current.last_lines.push_back(Unescape(text));
        break;
      case kEnd:
        worker.current.virtual_time = absl::Microseconds(number);
        worker.at_work = false;
        OnSeed(worker.current);
        break;
      default:
        HF_CHECK(false, "a process of the campaign writes nonsense");
    }
  }

  // A process that ended in the middle of a seed has found something; its other seeds are run by another one.
  void OnEnded(Worker& worker) {
    close(std::exchange(worker.out, -1));
    int status = 0;
    while (waitpid(worker.process, &status, 0) < 0 && errno == EINTR) {
    }
    if (worker.at_work && result_.failed < options_.give_up) {
      worker.current.violations.push_back(
          WIFSIGNALED(status)
              ? absl::StrCat("PROCESS: ended by signal ", WTERMSIG(status), ", as a check of the code does")
              : absl::StrCat("PROCESS: ended with status ", WEXITSTATUS(status)));
      OnSeed(worker.current);
    }
    Start(worker);
  }

  void OnSeed(const RunResult& run) {
    ++result_.seeds;
    result_.virtual_time += run.virtual_time;
    result_.coverage.Add(run.coverage);
    result_.acknowledged.push_back(run.coverage.Get("commits_acknowledged"));
    result_.faults.push_back(run.coverage.Get("faults"));
    result_.with_promotion += Promotions(run.coverage) > 0 ? 1 : 0;
    if (!run.violations.empty()) {
      ++result_.failed;
      options_.on_failed(run);
    }
    options_.on_done(result_.seeds);
  }

  static int64_t Promotions(const Coverage& coverage) {
    return coverage.Get("take_overs_proven") + coverage.Get("take_overs_by_override") -
           coverage.Get("roles_taken_back");
  }

  const CampaignOptions& options_;
  int jobs_ = 1;
  std::vector<Worker> workers_;
  CampaignResult result_;
};

}  // namespace

int64_t CampaignResult::Median(std::vector<int64_t> numbers) {
  if (numbers.empty()) return 0;
  const auto middle = numbers.begin() + static_cast<std::ptrdiff_t>(numbers.size() / 2);
  std::nth_element(numbers.begin(), middle, numbers.end());
  return *middle;
}

double CampaignResult::PromotionShare() const {
  return seeds == 0 ? 0 : static_cast<double>(with_promotion) / static_cast<double>(seeds);
}

CampaignResult RunCampaign(const CampaignOptions& options) { return Campaign(options).Run(); }

std::string Summary(const CampaignResult& result) {
  const Coverage& coverage = result.coverage;
  return absl::StrFormat(
      "%d seeds, %d failed: %.1f virtual hours, %d commits acknowledged (median %d a seed), %d faults "
      "(median %d), "
      "promotions in %.0f %% of the seeds, %d crashes (%d inside a durable step), %d rewinds (%d of visible "
      "records), %d snapshots, %d messages; %.0f CPU seconds",
      result.seeds, result.failed, absl::ToDoubleHours(result.virtual_time),
      coverage.Get("commits_acknowledged"), CampaignResult::Median(result.acknowledged),
      coverage.Get("faults"), CampaignResult::Median(result.faults), 100 * result.PromotionShare(),
      coverage.Get("crashes"), coverage.Get("crashes_inside_a_step"), coverage.Get("rewinds"),
      coverage.Get("rewinds_of_visible_records"), coverage.Get("snapshots_taken"), coverage.Get("messages"),
      result.cpu_seconds);
}

}  // namespace holdfast::sim
