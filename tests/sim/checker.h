#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "holdfast/v1/config.pb.h"
#include "holdfast/v1/operation.pb.h"
#include "replication/replica.h"
#include "storage/store.h"
#include "tests/sim/history.h"
#include "tests/sim/story.h"
#include "tests/support/sim_network.h"
#include "tests/support/virtual_time.h"

namespace holdfast::sim {

// What the checker knows of one node's disk: what its store has reported as durable and as shown.
struct NodeFacts {
  std::string incarnation;
  const Entry* end = nullptr;
  const Entry* visible = nullptr;
  std::set<const Entry*> cut;            // what this process has shown and dropped again
  Revision floor;                        // records up to here are no longer kept
  std::optional<uint64_t> stream_epoch;  // of the stream that it follows or followed last, or its own
  v1::EpochPromise granted;  // the highest that this node has answered, sent or acted under: must stay so
  // Who has promised which epoch to this process, and how far their logs went then.
  std::map<uint64_t, std::map<Holder, const Entry*>> heard;
  std::set<std::string> answered_since_start;  // who has told this process anything
  bool was_primary = false;                    // when it was started, and it has admitted nothing since
  bool chooses = false;  // an operator chose a branch for it: what it has of the other one it may cut (R20)
  bool expect_visible =
      false;  // a restart must not show less than `visible` (the machine did not lose its power)
};

// The independent judge. Works from recorded facts: what stores report durable and visible, what travels on
// the network, what clients were told. Never asks the code under test whether it is right. One thread.
class Checker : public testing::NetworkTap {
 public:
  // `promotes`: operators may move the primary, so that nothing is promised about local commits.
  Checker(testing::VirtualTime* time, Story* story, Coverage* coverage, Violations* violations,
          bool promotes);

  // ---- What stores do (called by each node's observer) ----
  void OnAppended(const std::string& node, storage::Store& store,
                  absl::Span<const storage::LogRecordPtr> records);
  void OnVisible(const std::string& node, storage::Store& store, const Position& visible);
  void OnRewound(const std::string& node, storage::Store& store, storage::FileSystem& files,
                 const Position& ancestor, const Position& visible_before,
                 const std::vector<std::string>& touched_keys);
  void OnReplaced(const std::string& node, storage::Store& store, storage::FileSystem& files,
                  const Position& visible);

  // ---- What happens to machines ----
  // The store was opened again: what was durable must be there, or in a salvage file (I1, I3, I6, R1).
  void OnOpened(const std::string& node, storage::Store& store, storage::FileSystem& files);
  // `power_lost`: what was only written may be gone.
  void OnCrashed(const std::string& node, bool power_lost);
  // The operator erased the disk: nothing is expected of it any more.
  void OnWiped(const std::string& node);

  // ---- What clients see ----
  void OnRequest(const v1::CommitRequest& request);
  void OnAnswer(const std::string& node, const v1::CommitRequest& request,
                const absl::StatusOr<v1::CommitResponse>& answer, bool definite);
  // All live rows that the node shows at its visible position (or one key of them).
  void OnRead(const std::string& node, Revision at, const std::string* only_key,
              const std::map<std::string, ModelRow>& rows);
  void OnFreshness(const std::string& node, const replication::ReplicaView& view,
                   std::optional<absl::Duration> staleness, double clock_rate);

  // ---- The network ----
  void OnFollowRequest(const std::string& from, const std::string& to,
                       const v1::FollowRequest& request) override;
  void OnFollowResponse(const std::string& from, const std::string& to,
                        const v1::FollowResponse& response) override;
  void OnPromiseAnswer(const std::string& from, const std::string& to,
                       const absl::StatusOr<v1::PromiseResponse>& answer) override;
  void OnClosed(const std::string& from, const std::string& to, const absl::Status& status) override;

  // ---- Overrides ----
  // A promotion has written this EPOCH record. If an operator insisted on it (R20): what lower epochs have
  // beside its path, now or later, may be lost; so may what is committed by its word alone (no quorum held it
  // before), until it is settled.
  void OnEpoch(const Entry* epoch_record, bool insisted);

  // ---- Operations (checker_promotion.cc) ----
  // The candidate has written its EPOCH record.
  void CheckPromotion(const std::string& node, const Entry* record, const v1::Operation& operation);
  // A hand-over asks the primary to stand still; the candidate has all that it holds, and asks for promises.
  void OnFreeze(const v1::Operation& operation);
  void OnDrained(const std::string& node, const v1::Operation& operation);
  // The operation calls itself done.
  void CheckDone(const std::string& node, const v1::Operation& operation);

  // What `node` says of an operation at the end, against the EPOCH records that there ever were (I8, I9).
  void OnOperationEnd(const std::string& node, const v1::Operation& operation);

  // At the end: everything acknowledged is in the log of the primary (I1), refusals left no trace (I8).
  void CheckEnd(const std::string& primary, const std::vector<std::string>& nodes);

  NodeFacts& facts(const std::string& node) { return facts_[node]; }
  History& history() { return history_; }

 private:
  struct Request {
    v1::CommitRequest request;
    const Entry* entry = nullptr;  // the last record with this id
    bool refused = false;
  };

  struct Override {
    const Entry* epoch_record = nullptr;
    std::set<const Entry*> pending;  // on its path, and not committed without it
  };

  struct Frozen {
    absl::Duration since;
    const Entry* end = nullptr;  // of the primary's log, once it was drained
  };

  void NoteHeard(const std::string& from, const std::string& to, const v1::PromiseResponse& answer);
  // An EPOCH record is new to the world; what speaks of it may come in a later life of the node.
  void NoteBegun(const std::string& node, const Entry& entry);
  void CheckResumed(const std::string& node, const Entry& entry);
  void CheckPromises(const std::string& node, const Entry& record, const v1::Operation& operation);
  void CheckHarvest(const std::string& node, const Entry& record, const v1::Operation& operation);
  void CheckConfirmed(const std::string& node, const Entry& record, const v1::Operation& operation);
  Entry* Known(const std::string& node, const v1::LogPosition& position, absl::string_view where);
  bool IsCommittedAnywhere(const Entry* entry);
  void CheckCommit(const Entry& entry);
  void CountAdmissions(const Entry& entry);
  void CheckPreconditions(const v1::CommitRequest& request, const Model& model, const std::string& what);
  void CheckUnchanged(const std::string& node, const v1::CommitRequest& request,
                      const v1::CommitResponse& answer);
  void NotePromise(const std::string& node, const v1::EpochPromise& promise, absl::string_view where);
  void NoteStreamEpoch(const std::string& node, uint64_t stream_epoch);
  void CheckPromise(const std::string& node, const v1::EpochPromise& promise, const Entry& entry);
  void CheckTail(const std::string& node, const Entry& end, const Entry& shown);
  void CheckLost(const std::string& node, const Entry* before, const Entry* now, storage::FileSystem& files,
                 const char* when);
  std::set<std::string> Salvaged(storage::FileSystem& files);
  const Entry* ReadLog(const std::string& node, storage::Store& store);
  void CheckOwnEpochFirst(const std::string& node, const Entry& shown, const NodeFacts& facts);
  void CheckFloor(const std::string& node, const storage::Store& store);
  // Does a node have it that has promised the same?
  bool IsWithFollowerOf(const v1::EpochPromise& promise, const Entry& entry) const;
  void CheckConflict(const std::string& node, const v1::EpochPromise& promise, const Entry* kept);
  void NoteShown(const std::string& node, const Entry* entry);
  // What of the log before this record no quorum holds, but for the record's own word.
  std::set<const Entry*> NotCommittedBefore(const Entry* epoch_record) const;
  bool IsSettled(const Override& override_) const;
  // R20: the note of a break-glass epoch goes no sooner than its voters have come, or are others by now.
  static bool WasRemoved(const std::string& node_id, const Entry& at, const Entry& epoch_record);
  void CheckSettled(const std::string& node, const Entry& entry);
  bool MayBeLost(const Entry* entry) const;

  testing::VirtualTime* const time_;
  Story* const story_;
  Coverage* const coverage_;
  Violations* const violations_;
  const bool promotes_;
  History history_;
  Model model_;  // follows the newest records
  std::map<std::string, Model> reader_models_;
  std::map<std::string, NodeFacts> facts_;
  std::map<std::string, Request> requests_;  // by request id
  std::set<const Entry*> committed_;
  std::vector<Override> overrides_;
  std::map<std::string, Frozen> frozen_;  // by operation id
  // By EPOCH record: who had promised it to the process that wrote it, and how far their logs went.
  std::map<const Entry*, std::map<Holder, const Entry*>> begun_with_;
  std::set<const Entry*> epoch_records_;
  std::set<Holder> lost_incarnations_;  // of disks that were wiped
  // When the primary of an epoch showed what: for the truth about freshness.
  std::map<uint64_t, std::vector<std::pair<absl::Duration, Revision>>> shown_by_primary_;
};

}  // namespace holdfast::sim
