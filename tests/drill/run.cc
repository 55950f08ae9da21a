#include "tests/drill/run.h"

#include <signal.h>

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "admin/exit_code.h"
#include "base/random.h"
#include "base/status_macros.h"
#include "base/uuid.h"
#include "tests/drill/console.h"
#include "tests/drill/judge_run.h"
#include "tests/drill/load.h"

namespace holdfast::drill {
namespace {

constexpr char kLost[] = "dc1";
constexpr char kLeft[] = "dc2";
// Bounds of conditions, not promises.
constexpr absl::Duration kUpBound = absl::Seconds(120);
constexpr absl::Duration kPatience = absl::Seconds(60);
// The load runs for so long before the loss, and as much again at random.
constexpr absl::Duration kWarmUp = absl::Seconds(2);
constexpr absl::Duration kAftermath = absl::Seconds(1);

class Run {
 public:
  Run(const RunOptions& options, const Halt& halt, Clock* clock, std::ostream& progress)
      : options_(options),
        halt_(halt),
        clock_(clock),
        progress_(progress),
        began_(clock->SinceBoot()),
        cluster_({options.directory, options.proxies_per_site}) {}

  Outcome Go() {
    outcome_.seed = options_.seed;
    outcome_.loss = options_.loss == Loss::kKill ? "kill" : "cut";
    outcome_.keys = options_.keys;
    outcome_.proxies = 2 * options_.proxies_per_site;
    outcome_.fail_back = options_.fail_back;
    for (absl::Status (Run::*step)() : {&Run::Prepare, &Run::Lose, &Run::Promote, &Run::Converge,
                                        &Run::BringBack, &Run::FailBack, &Run::Settle}) {
      const absl::Status status = halt_.is_said() ? absl::CancelledError("interrupted") : (this->*step)();
      if (status.ok()) continue;
      outcome_.error = std::string(status.message());
      break;
    }
    if (load_ != nullptr) {
      load_->Stop();
      JudgeLoad(*load_, kLeft, &outcome_);
    }
    LookAtProcesses();
    Say(outcome_.passed() ? "passed" : "FAILED");
    return std::move(outcome_);
  }

 private:
  absl::Status Prepare();
  absl::Status Lose();
  absl::Status Promote();
  absl::Status Converge();
  absl::Status BringBack();
  absl::Status Rejoin(const std::string& node_id);
  absl::Status ResumeReaders();
  absl::Status FailBack();
  absl::Status Settle();
  absl::Status CommitLast(const std::string& address);
  void LookAtProcesses();

  absl::Duration Now() const { return clock_->SinceBoot(); }
  void Say(const std::string& what) const {
    progress_ << absl::StrFormat("drill: %6.2f s  %s\n", absl::ToDoubleSeconds(Now() - began_), what)
              << std::flush;
  }
  absl::Status Waited(bool held, absl::string_view what) const {
    if (held) return absl::OkStatus();
    return halt_.is_said() ? absl::CancelledError("interrupted")
                           : absl::DeadlineExceededError(absl::StrCat("waited in vain until ", what));
  }

  const RunOptions options_;
  const Halt& halt_;
  Clock* const clock_;
  std::ostream& progress_;
  const absl::Duration began_;

  testing::LocalCluster cluster_;
  Journal journal_;
  std::unique_ptr<Console> console_;
  std::unique_ptr<Load> load_;
  std::string old_primary_;
  std::string candidate_;
  int64_t base_ = 0;  // the revision of the import
  absl::Duration lost_at_;
  int64_t first_revision_ = 0;  // acknowledged by the new primary
  Outcome outcome_;
};

absl::Status Run::Prepare() {
  Say(absl::StrCat("seed ", options_.seed, ", loss ", outcome_.loss, ": starting ", outcome_.proxies,
                   " proxies in ", options_.directory));
  HF_RETURN_IF_ERROR(cluster_.Start({kUpBound, halt_.flag()}));
  HF_ASSIGN_OR_RETURN(console_, Console::Open(&cluster_, &halt_, clock_));
  old_primary_ = cluster_.Only("primary").node_id;
  candidate_ = cluster_.ids("standby", kLeft).front();
  // The operator sits in the site that is left.
  cluster_.set_endpoints(
      absl::StrJoin(cluster_.ids("proxy", kLeft), ",", [this](std::string* out, const std::string& node_id) {
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
  load.seed = options_.seed;
  load.after = base_;
  HF_ASSIGN_OR_RETURN(load_, Load::Start(load));
  return absl::OkStatus();
}

absl::Status Run::Lose() {
  const auto random = SeededRandom(options_.seed);
  const absl::Duration moment = kWarmUp + kWarmUp * random->Fraction();
  Say(absl::StrFormat("under load; %s is lost in %.3f s", kLost, absl::ToDoubleSeconds(moment)));
  if (console_->Wait(moment, [] { return false; }) || halt_.is_said())
    return absl::CancelledError("interrupted");
  const std::vector<std::string> nodes = cluster_.IdsOf(kLost);
  load_->SuspendReaders(cluster_.ids("proxy", kLost));
  lost_at_ = Now();
  if (options_.loss == Loss::kKill) {
    cluster_.Kill(nodes);
  } else {
    for (const std::string& id : nodes) cluster_.Signal(id, SIGSTOP);
  }
  Say(absl::StrCat(kLost, " is lost"));
  return absl::OkStatus();
}

absl::Status Run::Promote() {
  HF_ASSIGN_OR_RETURN(
      const Console::Carried carried,
      console_->CarryOut({"promote", candidate_, "--reason", "drill: dc1 is lost"}, kPatience));
  outcome_.looks_at_plan = carried.looks;
  NotePromotion(carried.operation, cluster_.ids("proxy", kLeft), &outcome_);
  Say(absl::StrCat("promoted ", candidate_, ": ", outcome_.verdict, ", ", carried.looks,
                   " looks at the plan"));
  HF_RETURN_IF_ERROR(Waited(
      console_->Wait(kPatience,
                     [this] { return journal_.FirstOf(candidate_, lost_at_, Load::kDirect).has_value(); }),
      "the new primary commits"));
  const auto first = journal_.FirstOf(candidate_, lost_at_);
  first_revision_ = first->revision;
  outcome_.promote_seconds = absl::ToDoubleSeconds(first->at - carried.began);
  outcome_.commit_outage_seconds = absl::ToDoubleSeconds(first->at - lost_at_);
  return absl::OkStatus();
}

absl::Status Run::Converge() {
  for (const std::string& id : cluster_.ids("proxy", kLeft)) {
    HF_RETURN_IF_ERROR(Waited(console_->Wait(kPatience, [&] { return load_->HaveSeen(id, first_revision_); }),
                              absl::StrCat("'", id, "' shows what the new primary commits")));
  }
  HF_RETURN_IF_ERROR(Waited(
      console_->Wait(kPatience,
                     [this] { return journal_.FirstOf(candidate_, lost_at_, Load::kLibrary).has_value(); }),
      "the library's client commits"));
  outcome_.client_outage_seconds =
      absl::ToDoubleSeconds(journal_.FirstOf(candidate_, lost_at_, Load::kLibrary)->at - lost_at_);
  NoteRates(*load_, cluster_.ids("proxy", kLeft), lost_at_, Now(), &outcome_);
  Say("every proxy that is left shows commits of the new primary");
  console_->Wait(kAftermath, [] { return false; });
  return absl::OkStatus();
}

absl::Status Run::BringBack() {
  Say(absl::StrCat(kLost, " comes back"));
  for (const std::string& id : cluster_.IdsOf(kLost)) {
    options_.loss == Loss::kKill ? cluster_.Restart(id) : cluster_.Signal(id, SIGCONT);
  }
  HF_RETURN_IF_ERROR(Rejoin(old_primary_));
  outcome_.rejoined = true;
  HF_RETURN_IF_ERROR(ResumeReaders());
  Say(absl::StrCat(old_primary_, " has rejoined, and every proxy follows"));
  console_->Wait(kAftermath, [] { return false; });
  return absl::OkStatus();
}

// As soon as it has fenced itself; what it answers until then is part of the drill.
absl::Status Run::Rejoin(const std::string& node_id) {
  std::string said;
  const bool fenced = console_->Wait(kPatience, [&] {
    const auto status = console_->StatusOf(node_id);
    said = status.ok() ? v1::NodeRole_Name(status->header().role()) : status.status().ToString();
    return status.ok() && (status->header().role() == v1::NODE_ROLE_FENCED ||
                           status->header().role() == v1::NODE_ROLE_SUSPENDED ||
                           status->header().role() == v1::NODE_ROLE_STANDBY);
  });
  HF_RETURN_IF_ERROR(Waited(fenced, absl::StrCat("'", node_id, "' fences itself; it says ", said)));
  testing::CommandResult result;
  const bool rejoined = console_->Wait(kPatience, [&] {
    result = console_->Type({"rejoin", node_id});
    return result.exit_status == 0;
  });
  return Waited(rejoined, absl::StrCat("holdfast rejoin ends well; exit status ", result.exit_status, ": ",
                                       result.out, result.err));
}

absl::Status Run::ResumeReaders() {
  for (const std::string& id : cluster_.ids("proxy", kLost)) {
    const bool follows = console_->Wait(kPatience, [&] {
      const auto status = console_->StatusOf(id);
      return status.ok() && status->upstream_connected() && status->not_serving_reason().empty() &&
             status->visible().revision() >= first_revision_;
    });
    HF_RETURN_IF_ERROR(Waited(follows, absl::StrCat("'", id, "' follows the new primary")));
    load_->ResumeReaders(id);
  }
  return absl::OkStatus();
}

absl::Status Run::FailBack() {
  if (!options_.fail_back) return absl::OkStatus();
  HF_ASSIGN_OR_RETURN(
      const Console::Carried carried,
      console_->CarryOut({"switchover", old_primary_, "--reason", "drill: dc1 is back"}, kPatience));
  HF_RETURN_IF_ERROR(Waited(
      console_->Wait(kPatience, [&] { return journal_.FirstOf(old_primary_, carried.began).has_value(); }),
      "the first primary commits again"));
  const absl::Duration first = journal_.FirstOf(old_primary_, carried.began)->at;
  outcome_.failed_back = true;
  outcome_.switchover_pause_seconds = absl::ToDoubleSeconds(first - journal_.LastOf(candidate_, first)->at);
  Say(absl::StrCat("failed back to ", old_primary_));
  return absl::OkStatus();
}

// Lets everything come to rest, then asks the primary what really happened.
absl::Status Run::Settle() {
  load_->StopWriters();
  const std::string& primary = cluster_.node(outcome_.failed_back ? old_primary_ : candidate_).address;
  HF_RETURN_IF_ERROR(CommitLast(primary));
  Say("reading the whole history");
  HF_ASSIGN_OR_RETURN(const ToldHistory told, ReadHistory(primary, base_));
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
  return absl::OkStatus();
}

// Behind everything that a writer may have left on its way: what comes after it does not exist.
absl::Status Run::CommitLast(const std::string& address) {
  HF_ASSIGN_OR_RETURN(const CommitCall commit, LibraryCommits({address}));
  const int64_t number = journal_.Begin("last", {0});
  const v1::CommitRequest request = RequestOf(number, {0}, NewUuid7(*clock_, *SystemRandom()));
  absl::StatusOr<v1::CommitResponse> answer;
  console_->Wait(kPatience, [&] { return (answer = commit(request)).ok(); });
  HF_RETURN_IF_ERROR(answer.status());
  journal_.Acknowledge(number, {answer->revision(), answer->header().node_id(), Now()});
  return absl::OkStatus();
}

void Run::LookAtProcesses() {
  for (const auto& [id, node] : cluster_.nodes()) {
    if (node.pid != 0 && !cluster_.IsRunning(id))
      outcome_.findings.push_back(absl::StrCat("'", id, "' has ended by itself"));
  }
  cluster_.End();
  for (const std::string& trouble : cluster_.TakeTroubles()) {
    outcome_.findings.push_back(trouble.substr(0, trouble.find('\n')));
  }
}

}  // namespace

Outcome RunDrill(const RunOptions& options, const Halt& halt, Clock* clock, std::ostream& progress) {
  return Run(options, halt, clock, progress).Go();
}

}  // namespace holdfast::drill
