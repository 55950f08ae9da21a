#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "tests/drill/console.h"
#include "tests/drill/journal.h"
#include "tests/drill/load.h"
#include "tests/drill/run.h"
#include "tests/process/local_cluster.h"

namespace holdfast::drill {

// A cluster under load, what can be done to it, and what it comes to: what every drill has in common. The
// drills themselves (lose_primary.h, lose_voters.h, switch_over.h) are sequences of its verbs. One thread.
class Scene {
 public:
  // `halt`, `clock` and `progress` must outlive this.
  Scene(const RunOptions& options, const Halt& halt, Clock* clock, std::ostream& progress);

  // Starts the cluster, imports the keys, puts it under load.
  absl::Status Prepare();
  // At a random moment, by the seed.
  absl::Status LoseSite();
  // Its processes run again, or the link is whole.
  absl::Status BringSiteBack();
  // Every proxy of the lost site follows and shows `revision`; from then on it is read again.
  absl::Status ResumeReaders(int64_t revision);
  // Hands the primary over to `to`, and notes the pause.
  absl::Status SwitchOver(const std::string& from, const std::string& to);
  // Stops the load, asks `primary` what really happened, and judges.
  absl::Status Settle(const std::string& primary);
  // Ends everything. `status`: why the drill could not go on, if so.
  Outcome Finish(const absl::Status& status);

  // ---- For the drills ----
  const RunOptions& options() const { return options_; }
  testing::LocalCluster& cluster() { return cluster_; }
  Console& console() { return *console_; }
  Load& load() { return *load_; }
  const Journal& journal() const { return journal_; }
  Outcome& outcome() { return outcome_; }
  const std::string& lost() const { return options_.lost; }  // the site
  const std::string& left() const { return left_; }
  const std::string& old_primary() const { return old_primary_; }
  absl::Duration lost_at() const { return lost_at_; }  // since boot

  absl::Duration Now() const { return clock_->SinceBoot(); }
  void Say(const std::string& what) const;
  // Waits until `holds`, within the patience of all conditions. The error says what did not come true.
  absl::Status Await(const std::function<bool()>& holds, const std::function<std::string()>& what) const;
  absl::Status Await(const std::function<bool()>& holds, const std::string& what) const;
  // Lets the load go on for a moment.
  void Linger() const;
  // Types a command until it ends well.
  absl::Status TypeUntilDone(const std::vector<std::string>& command) const;
  // Every proxy that is left shows what the new epoch's primary acknowledged first, and the library's client
  // has committed there; notes rates and outages.
  absl::Status AwaitConvergence(const Acknowledgement& first);
  // The node follows somebody and shows `revision`.
  absl::Status AwaitFollowing(const std::string& node_id, int64_t revision) const;

 private:
  absl::Status Cut(bool heal);
  absl::Status CommitLast(const std::string& address);
  void LookAtProcesses();

  const RunOptions options_;
  const Halt& halt_;
  Clock* const clock_;
  std::ostream& progress_;
  const absl::Duration began_;
  std::string left_;

  std::unique_ptr<testing::SiteNetworks> networks_;
  testing::LocalCluster cluster_;
  Journal journal_;
  std::unique_ptr<Console> console_;
  std::unique_ptr<Load> load_;
  std::string old_primary_;
  int64_t base_ = 0;  // the revision of the import
  absl::Duration lost_at_;
  absl::Duration back_at_ = absl::InfiniteDuration();
  Outcome outcome_;
};

}  // namespace holdfast::drill
