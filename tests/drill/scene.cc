#include "tests/drill/scene.h"

#include <signal.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/random.h"
#include "base/status_macros.h"
#include "base/uuid.h"
#include "tests/drill/judge_run.h"
#include "tests/drill/read_salvage.h"

namespace holdfast::drill {
namespace {

// Bounds of conditions, not promises.
constexpr absl::Duration kUpBound = absl::Seconds(120);
constexpr absl::Duration kPatience = absl::Seconds(60);
// The load runs for so long before the loss, and as much again at random; and so long behind each step. Where
// nothing is judged by its time, a quarter of it does.
constexpr absl::Duration kWarmUp = absl::Seconds(2);
constexpr absl::Duration kAftermath = absl::Seconds(1);
absl::Duration Some(absl::Duration time, const RunOptions& options) {
  return options.timed ? time : time / 4;
}

absl::Status Interrupted() { return absl::CancelledError("interrupted"); }

// A cluster has one for its whole life; none where the sites share loopback.
std::unique_ptr<testing::SiteNetworks> NetworksFor(const RunOptions& options, std::string* error) {
  if (!LivesOn(options.loss) || options.switchovers > 0) return nullptr;
  auto networks = testing::SiteNetworks::Create({"dc1", "dc2"});
  if (networks.ok()) return *std::move(networks);
  *error = std::string(networks.status().message());
  return nullptr;
}

}  // namespace

Scene::Scene(const RunOptions& options, const Halt& halt, Clock* clock, std::ostream& progress)
    : options_(options),
      halt_(halt),
      clock_(clock),
      progress_(progress),
      began_(clock->SinceBoot()),
      left_(options.lost == "dc1" ? "dc2" : "dc1"),
      networks_(NetworksFor(options, &outcome_.error)),
      cluster_({.directory = options.directory,
                .proxies = options.proxies_per_site,
                .networks = networks_.get()}) {
  outcome_.seed = options_.seed;
  outcome_.loss = options_.switchovers > 0 ? "none" : NameOf(options_.loss);
  outcome_.lost = options_.switchovers > 0 ? "" : options_.lost;
  outcome_.keys = options_.keys;
  outcome_.proxies = 2 * options_.proxies_per_site;
  outcome_.fail_back = options_.fail_back && outcome_.lost == "dc1";
  outcome_.cut_off = networks_ != nullptr && options_.lost == "dc1";
  outcome_.switchovers_asked = 2 * options_.switchovers;
  outcome_.directory = options_.directory;
}

absl::Status Scene::Prepare() {
  if (!outcome_.error.empty()) return absl::FailedPreconditionError(outcome_.error);
  Say(absl::StrCat("seed ", options_.seed, ", loss ", outcome_.loss, ": starting ", outcome_.proxies,
                   " proxies in ", options_.directory));
  testing::RunBounds bounds;
  bounds.time = kUpBound;
  bounds.given_up = halt_.flag();
  HF_RETURN_IF_ERROR(cluster_.Start(bounds));
  HF_ASSIGN_OR_RETURN(console_, Console::Open(&cluster_, &halt_, clock_));
  old_primary_ = cluster_.Only("primary").node_id;
  // The operator sits in the site that is left.
  cluster_.set_operator_site(networks_ == nullptr ? "" : left_);
  cluster_.set_endpoints(
      absl::StrJoin(cluster_.ids("proxy", left_), ",", [this](std::string* out, const std::string& node_id) {
        absl::StrAppend(out, cluster_.node(node_id).address);
      }));
  Say(absl::StrCat("importing ", options_.keys, " keys"));
  HF_ASSIGN_OR_RETURN(base_, ImportKeys(cluster_, options_.keys, &journal_, halt_));
  Load::Options load;
  load.cluster = &cluster_;
  load.journal = &journal_;
  load.clock = clock_;
  load.key_count = options_.keys;
  load.reads_per_second = options_.reads_per_second;
  load.writes_per_second = options_.writes_per_second;
  load.read_deadline = options_.timed ? kReadDeadline : kUntimedReadDeadline;
  load.seed = options_.seed;
  load.after = base_;
  load.home = left_;
  if (outcome_.cut_off) load.cut_off = cluster_.node(old_primary_).address;
  HF_ASSIGN_OR_RETURN(load_, Load::Start(load));
  return absl::OkStatus();
}

absl::Status Scene::LoseSite() {
  const auto random = SeededRandom(options_.seed);
  const absl::Duration warm_up = Some(kWarmUp, options_);
  const absl::Duration moment = warm_up + warm_up * random->Fraction();
  Say(absl::StrFormat("under load; %s is lost in %.3f s", lost(), absl::ToDoubleSeconds(moment)));
  if (console_->Wait(moment, [] { return false; }) || halt_.is_said()) return Interrupted();
  const std::vector<std::string> nodes = cluster_.IdsOf(lost());
  // Behind a cut they live on, and go on answering.
  if (!LivesOn(options_.loss)) load_->SuspendReaders(cluster_.ids("proxy", lost()));
  lost_at_ = Now();
  if (LivesOn(options_.loss)) {
    HF_RETURN_IF_ERROR(Cut(/*heal=*/false));
  } else if (options_.loss == Loss::kKill) {
    cluster_.Kill(nodes);
  } else {
    for (const std::string& id : nodes) cluster_.Signal(id, SIGSTOP);
  }
  Say(absl::StrCat(lost(), " is lost"));
  return absl::OkStatus();
}

absl::Status Scene::Cut(bool heal) {
  std::vector<std::pair<std::string, std::string>> ways = {{"dc1", "dc2"}, {"dc2", "dc1"}};
  if (options_.loss == Loss::kOneWay) {
    ways.erase(ways.begin() + static_cast<int>(options_.seed % 2));
    outcome_.lost_way = absl::StrCat(ways.front().first, " to ", ways.front().second);
  }
  for (const auto& [from, to] : ways)
    HF_RETURN_IF_ERROR(heal ? networks_->Heal(from, to) : networks_->Cut(from, to));
  return absl::OkStatus();
}

absl::Status Scene::BringSiteBack() {
  Say(absl::StrCat(lost(), " comes back"));
  back_at_ = Now();
  if (LivesOn(options_.loss)) return Cut(/*heal=*/true);
  for (const std::string& id : cluster_.IdsOf(lost())) {
    options_.loss == Loss::kKill ? cluster_.Restart(id) : cluster_.Signal(id, SIGCONT);
  }
  return absl::OkStatus();
}

absl::Status Scene::AwaitFollowing(const std::string& node_id, int64_t revision) const {
  return Await(
      [&] {
        const auto status = console_->StatusOf(node_id);
        return status.ok() && status->upstream_connected() && status->not_serving_reason().empty() &&
               status->visible().revision() >= revision;
      },
      absl::StrCat("'", node_id, "' follows the primary"));
}

absl::Status Scene::ResumeReaders(int64_t revision) {
  for (const std::string& id : cluster_.ids("proxy", lost())) {
    HF_RETURN_IF_ERROR(AwaitFollowing(id, revision));
    load_->ResumeReaders(id);
  }
  return absl::OkStatus();
}

absl::Status Scene::AwaitConvergence(const Acknowledgement& first) {
  for (const std::string& id : cluster_.ids("proxy", left_)) {
    HF_RETURN_IF_ERROR(Await([&] { return load_->HaveSeen(id, first.revision); },
                             absl::StrCat("'", id, "' shows what the new primary commits")));
  }
  const absl::Duration before = first.at - absl::Nanoseconds(1);
  const auto by_client = [&] { return journal_.FirstOf(first.node_id, before, Load::kLibrary); };
  HF_RETURN_IF_ERROR(Await([&] { return by_client().has_value(); }, "the library's client commits"));
  const absl::Duration client = by_client()->at;
  outcome_.client_outage_seconds = absl::ToDoubleSeconds(client - lost_at_);
  NoteRates(*load_, cluster_.ids("proxy", left_), lost_at_, Now(), &outcome_);
  NoteCommitFailures(journal_, lost_at_, client, &outcome_);
  Say("every proxy that is left shows commits of the new epoch");
  Linger();
  return absl::OkStatus();
}

absl::Status Scene::SwitchOver(const std::string& from, const std::string& to) {
  HF_ASSIGN_OR_RETURN(const Console::Carried carried,
                      console_->CarryOut({"switchover", to, "--reason", "drill"}, kPatience));
  for (const char* const writer : {Load::kDirect, Load::kLibrary}) {
    HF_RETURN_IF_ERROR(Await([&] { return journal_.FirstOf(to, carried.began, writer).has_value(); },
                             absl::StrCat("'", to, "' commits for the writer '", writer, "'")));
  }
  const auto pause = [&](const std::string& writer) {
    const absl::Duration first = journal_.FirstOf(to, carried.began, writer)->at;
    const auto last = journal_.LastOf(from, first, writer);
    return last ? absl::ToDoubleSeconds(first - last->at) : 0;
  };
  Switchover& done = outcome_.switchovers.emplace_back();
  done.to = to;
  done.pause_seconds = pause("");
  done.client_pause_seconds = pause(Load::kLibrary);
  done.looks_at_plan = carried.looks;
  NoteSwitchover(carried.operation, &done);
  Say(absl::StrFormat("handed over to %s; no commits for %.3f s", to, done.pause_seconds));
  return absl::OkStatus();
}

// Lets everything come to rest, then asks the primary what really happened.
absl::Status Scene::Settle(const std::string& primary) {
  load_->StopWriters();
  const std::string& address = cluster_.node(primary).address;
  HF_RETURN_IF_ERROR(CommitLast(address));
  Say("reading the whole history");
  HF_ASSIGN_OR_RETURN(const ToldHistory told, ReadHistory(address, base_));
  const int64_t last = told.history.last_revision();
  // A watcher that does not come so far is judged by what it has.
  for (const auto& [id, watcher] : load_->watchers()) {
    if (!console_->Wait(kPatience, [&, at = watcher.get()] { return at->reached() >= last; }))
      outcome_.findings.push_back(absl::StrCat("the watcher at '", id, "' has not come to the end"));
  }
  load_->Stop();
  const testing::CommandResult verify = console_->Type({"verify", "--wait", "30s"});
  outcome_.digests_equal = verify.exit_status == 0;
  if (!outcome_.digests_equal) progress_ << verify.out << verify.err;
  JudgeHistory(*load_, journal_, told, base_, options_.keys, &outcome_);
  HF_ASSIGN_OR_RETURN(const ToldSalvage salvage, ReadSalvage(*console_, old_primary_));
  NoteSalvage(journal_, told, salvage, &outcome_);
  return absl::OkStatus();
}

// Behind everything that a writer may have left on its way: what comes after it does not exist.
absl::Status Scene::CommitLast(const std::string& address) {
  HF_ASSIGN_OR_RETURN(const CommitCall commit, LibraryCommits({address}));
  const int64_t number = journal_.Begin("last", {0});
  const v1::CommitRequest request = RequestOf(number, {0}, NewUuid7(*clock_, *SystemRandom()));
  absl::StatusOr<v1::CommitResponse> answer;
  console_->Wait(kPatience, [&] { return (answer = commit(request)).ok(); });
  HF_RETURN_IF_ERROR(answer.status());
  journal_.Acknowledge(number, {answer->revision(), answer->header().node_id(), Now()});
  return absl::OkStatus();
}

Outcome Scene::Finish(const absl::Status& status) {
  if (!status.ok()) outcome_.error = std::string(status.message());
  if (load_ != nullptr) {
    load_->Stop();
    JudgeLoad(*load_, left_, &outcome_);
    if (outcome_.cut_off) NoteReadsBeyondCut(*load_, lost(), lost_at_, back_at_, &outcome_);
    if (options_.timed)
      JudgeTimes(std::min(kLeastReadsPerSecond, 0.9 * options_.reads_per_second), &outcome_);
  }
  LookAtProcesses();
  if (!outcome_.passed()) NameWhatToLookAt(cluster_, &outcome_);
  Say(outcome_.passed() ? "passed" : "FAILED");
  return std::move(outcome_);
}

void Scene::LookAtProcesses() {
  for (const auto& [id, node] : cluster_.nodes()) {
    if (node.pid != 0 && !cluster_.IsRunning(id))
      outcome_.findings.push_back(absl::StrCat("'", id, "' has ended by itself"));
  }
  cluster_.End();
  for (const std::string& trouble : cluster_.TakeTroubles()) {
    outcome_.findings.push_back(trouble.substr(0, trouble.find('\n')));
  }
}

void Scene::Say(const std::string& what) const {
  progress_ << absl::StrFormat("drill: %6.2f s  %s\n", absl::ToDoubleSeconds(Now() - began_), what)
            << std::flush;
}

absl::Status Scene::Await(const std::function<bool()>& holds,
                          const std::function<std::string()>& what) const {
  if (console_->Wait(kPatience, holds)) return absl::OkStatus();
  return halt_.is_said() ? Interrupted()
                         : absl::DeadlineExceededError(absl::StrCat("waited in vain until ", what()));
}

absl::Status Scene::Await(const std::function<bool()>& holds, const std::string& what) const {
  return Await(holds, [&] { return what; });
}

absl::Status Scene::TypeUntilDone(const std::vector<std::string>& command) const {
  testing::CommandResult result;
  return Await(
      [&] {
        result = console_->Type(command);
        return result.exit_status == 0;
      },
      [&] {
        return absl::StrCat("holdfast ", absl::StrJoin(command, " "), " ends well; exit status ",
                            result.exit_status, ": ", result.out, result.err);
      });
}

void Scene::Linger() const {
  console_->Wait(Some(kAftermath, options_), [] { return false; });
}

}  // namespace holdfast::drill
