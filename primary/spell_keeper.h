#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/executor.h"
#include "holdfast/v1/admin.pb.h"
#include "primary/commit_path.h"
#include "primary/node_survey.h"
#include "replication/lifetime.h"
#include "replication/replica.h"
#include "storage/store.h"

namespace holdfast::primary {

// Planned spells of *local* (R19) at the primary that acts in one: begins, extends and ends them for
// operators, and ends one whose time is over by itself. Strand.
//
// How long a spell has lasted is this primary's own to measure; no other node's clock counts:
// - While the process runs, by the time since boot (CLOCK_BOOTTIME), from the moment at which it wrote the
//   record or, after a restart, became primary again.
// - What had passed before a restart is the larger of two: what the process before had noted in `node.db`
//   (every kNoteInterval, by the same clock), and the wall time since the record, both read from this node's
//   own wall clock. A wall clock that was set back can only hide the time at which nobody acted as primary:
//   commits are never acknowledged locally for longer than the spell's length and one kNoteInterval a
//   restart.
// - Another primary never inherits a spell: every EPOCH record ends it (failover/verdict.h).
//
// The record that ends a spell is committed when q voters of the rule that it restores hold it (R10). If they
// are not in reach then, commits are acknowledged again only when they do: the bound is kept all the same.
class SpellKeeper {
 public:
  enum class Event { kBegan, kWarning, kEnding, kEnded, kWaitsForVoters };
  struct Options {
    storage::Store* store = nullptr;  // these must outlive this and every call in flight
    replication::Replica* replica = nullptr;
    replication::PeerTransport* transport = nullptr;
    CommitPath* commit_path = nullptr;
    Executor* strand = nullptr;
    Clock* clock = nullptr;
    std::string node_id;
    // For the log of the program; may be empty.
    std::function<void(Event event, const v1::ClusterInfo& cluster, absl::Duration left)> on_event;
  };

  static constexpr absl::Duration kNoteInterval = absl::Seconds(30);
  // A warning comes so long before the end, or after three quarters of a shorter spell.
  static constexpr absl::Duration kWarnBefore = absl::Minutes(10);

  explicit SpellKeeper(Options options);
  ~SpellKeeper();

  // Role or rule may have changed.
  void Look();

  // Errors of Replica::CanAdmit, SpellBeginDraft and its like; UNREACHABLE if q voters are not in reach to
  // confirm the beginning, or the end before its time; COMMIT_UNKNOWN if they did not confirm by `deadline`
  // (SinceBoot).
  void Change(v1::ChangeSpellRequest request, absl::Duration deadline,
              std::function<void(absl::StatusOr<v1::ChangeSpellResponse>)> done);

  // What is left of the spell under way, never negative; nullopt without one, and at a node that does not act
  // as primary.
  std::optional<absl::Duration> Left() const;

  // Answers what polls at its next look. Nothing ends by itself any more.
  void Stop();

 private:
  // The spell that is measured.
  struct Tracked {
    int64_t began_at_us = 0;  // its name
    absl::Duration before;    // what had passed when this process began to measure
    absl::Duration since;     // SinceBoot
    absl::Duration noted_at;  // SinceBoot
    bool warned = false;
    bool surveyed = false;
    bool ending = false;
    SurveyAnswers voters;  // as they answered just before the end
  };
  struct Call {
    v1::ChangeSpellRequest request;
    absl::Duration deadline;
    std::function<void(absl::StatusOr<v1::ChangeSpellResponse>)> done;
    SurveyAnswers voters;
  };

  absl::Duration now() const { return options_.clock->SinceBoot(); }
  absl::Duration LengthOf(const v1::ClusterInfo& cluster) const;
  absl::Duration PassedBefore(const v1::LocalSpell& spell) const;
  absl::Duration Passed() const { return tracked_->before + (now() - tracked_->since); }
  void Tick();
  void Note();
  void EndByItself();
  void Tell(Event event) const;

  NodeSurvey::Addresses AddressesOf(const v1::DurabilityRule& rule) const;
  v1::DurabilityRule RuleToRestore(const v1::ClusterInfo& cluster, const SurveyAnswers& voters) const;
  absl::StatusOr<std::optional<storage::RecordDraft>> MakeDraft(const Call& call) const;
  void Append(const std::shared_ptr<Call>& call);
  void AnswerWhenSettled(const std::shared_ptr<Call>& call, Revision revision);

  const Options options_;
  NodeSurvey survey_;
  std::optional<Tracked> tracked_;
  Executor::TimerId timer_ = 0;
  bool stopping_ = false;
  replication::Lifetime lifetime_;
};

}  // namespace holdfast::primary
