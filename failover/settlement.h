#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "failover/node_parts.h"
#include "holdfast/v1/record.pb.h"
#include "replication/lifetime.h"
#include "replication/rule.h"

namespace holdfast::failover {

// ---- The note that a break-glass epoch leaves in the log (R20); pure ----

// What an EPOCH record at `revision` notes of the rules that it waives.
v1::UnsettledEpoch NoteOfWaived(Revision revision, const std::vector<v1::DurabilityRule>& waived,
                                const std::vector<v1::NodeInfo>& members);
// This incarnation of the node holds the EPOCH record. False if the note says so already, or names no such
// voter.
bool NoteAdopted(const replication::VoterId& voter, v1::UnsettledEpoch* note);
// Members and rule are those of the log's end: whom it has removed, or admitted anew under another
// incarnation, votes under the old one no more. False if the note says all that already.
bool NoteReplaced(const std::vector<v1::NodeInfo>& members, const v1::DurabilityRule& rule,
                  v1::UnsettledEpoch* note);
// A promise quorum of each waived rule has adopted the epoch, or votes no more.
bool IsSettled(const v1::UnsettledEpoch& note);
// "epoch 64 did without 2 votes of {a, b, x}: 1 of 2 has come to it (a), b and x have not".
std::string Describe(const v1::UnsettledEpoch& note);

// While this node is primary and its log has such a note: asks the voters that it lacks what they hold, and
// has the log remember who has adopted the epoch; the last one takes the note away. What is known survives
// restarts and changes of the primary, and every replica shows it. Strand.
class Settlement {
 public:
  using MakeDraft =
      std::function<absl::StatusOr<std::optional<storage::RecordDraft>>(storage::Store::Batch&)>;
  struct Options : NodeParts {
    // As CommitPath::AppendControl of the primary, without an answer: what fails is tried again. May be
    // empty: nothing is remembered then.
    std::function<void(MakeDraft make, absl::Duration deadline)> append;
  };
  explicit Settlement(Options options) : options_(std::move(options)) {}

  // Goes on until Stop.
  void Start();
  void Stop() { life_.Renew(); }

 private:
  void Look();
  void OnAnswer(const v1::PromiseResponse& said);
  void Remember();
  absl::StatusOr<std::optional<storage::RecordDraft>> MakeRecord() const;

  const Options options_;
  // Who was seen to hold which EPOCH record, by its revision, since this node became primary.
  std::map<int64_t, std::set<replication::VoterId>> seen_;
  int open_ = 0;
  replication::Lifetime life_;
};

}  // namespace holdfast::failover
