#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/executor.h"
#include "base/limits.h"
#include "base/offload.h"
#include "base/random.h"
#include "holdfast/v1/admin.pb.h"
#include "holdfast/v1/record.pb.h"
#include "replication/transport.h"
#include "storage/store.h"

namespace holdfast::replication {

// Chooses whom to follow. Standbys and proxies differ only in this (proxy/upstream_choice.h has the
// proxies').
class UpstreamPolicy {
 public:
  struct Candidate {
    std::string peer_address;
    std::string node_id;      // empty for a bare address from a configuration file
    bool is_primary = false;  // by the newest knowledge
    bool same_site = false;
    bool is_server = false;
  };
  virtual ~UpstreamPolicy() = default;
  // The address to try next. `failed_since_success` counts attempts since a stream last went well. Strand.
  virtual std::optional<std::string> Next(const std::vector<Candidate>& candidates,
                                          int failed_since_success) = 0;
};

// What a replica is at the moment: read by services on any thread.
struct ReplicaView {
  v1::NodeRole role = v1::NODE_ROLE_UNINITIALIZED;
  uint64_t epoch = 0;  // of the stream that it follows, or its own
  std::string cluster_id;
  std::string primary_node_id;  // as far as it knows
  std::string primary_client_address;
  std::string primary_peer_address;
  std::string upstream_node_id;
  bool upstream_connected = false;
  std::string
      activity;  // for people: "following dc1-a", "taking a snapshot: 41%", "waiting for 2 of 3 voters" ...
  absl::Duration no_primary_since =
      absl::ZeroDuration();        // SinceBoot when the primary was last heard, if it is not now
  std::string not_serving_reason;  // not empty: the node has stopped serving, and why (on_halt)
  std::string pinned_node_id;      // the upstream that was chosen by hand; empty without one
  bool pin_followed = false;       // it feeds this node now
  std::string pin_says;            // why not, as far as it was tried
};

// The protocol of one node: follows a primary or is one. Owns the follower, the senders, the snapshot copies
// and the voters' bookkeeping; the commit path of a primary (primary/commit_path.h) and the operations stand
// on top of it. One strand; only `view()` and `Staleness()` may be called from any thread. Rules R1 to R18
// are kept here and in the pure deciders beside it.
class Replica : public PeerService {
 public:
  struct Options {
    std::string node_id;
    std::string site;
    v1::NodeKind kind = v1::NODE_KIND_SERVER;
    std::string client_address;  // as others reach it
    std::string peer_address;
    std::vector<std::string> seed_addresses;  // peer addresses from the configuration file
    std::string version;
    storage::Store* store = nullptr;  // these must outlive the replica
    storage::FileSystem* files = nullptr;
    Executor* strand = nullptr;
    Offload* offload = nullptr;  // what may take minutes: making and verifying snapshots
    // What followers wait for, and takes milliseconds: records that memory no longer has, single chunks.
    // Null: `offload`. With a pool of its own nothing of the other kind stops the feeding.
    Offload* feed_offload = nullptr;
    Offload* feeding() const { return feed_offload != nullptr ? feed_offload : offload; }
    Clock* clock = nullptr;
    Random* random = nullptr;
    PeerTransport* transport = nullptr;
    UpstreamPolicy* upstream_policy = nullptr;
    absl::Duration heartbeat_interval = kHeartbeatInterval;
    // Called on the strand when role, epoch, primary or rule changed.
    std::function<void()> on_change;
    // DIVERGED, CHAIN_BROKEN or UNKNOWN_RECORD: this node must serve nothing any more, and says so until a
    // person has acted. Called once, on the strand.
    std::function<void(const absl::Status&)> on_halt;
    // A repair is done: a fresh snapshot serves. The damaged file is kept under this name. Strand; may be
    // empty.
    std::function<void(const std::string& kept_as)> on_repaired;
  };

  static std::unique_ptr<Replica> Create(Options options);
  ~Replica() override = default;

  // Begins to follow, or (a former primary, R18) to ask its voters. Strand.
  virtual void Start() = 0;
  // Ends streams with hints where to go; nothing happens afterwards. Strand.
  virtual void Stop() = 0;

  virtual ReplicaView view() const = 0;  // any thread
  // The moment (SinceBoot) whose every commit this node shows: InfiniteDuration at a primary that may admit
  // commits, nullopt without any bound. Whoever reads asks before the read: the bound speaks of what was
  // shown when it was asked. Any thread.
  virtual std::optional<absl::Duration> FreshAt() const = 0;
  // The same as an age: an upper bound of how old what this node shows may be.
  virtual std::optional<absl::Duration> Staleness() const = 0;

  // The inventory at the newest record. Strand.
  virtual std::vector<v1::NodeInfo> nodes() const = 0;
  // Who is no member there any more, by a record that is not known to be committed: until it is, their votes
  // count by the rule before it (R5, R10). Strand.
  virtual std::vector<v1::NodeInfo> leaving() const = 0;
  virtual v1::ClusterInfo cluster() const = 0;
  // Break-glass epochs that are not settled there (R20), oldest first.
  virtual std::vector<v1::UnsettledEpoch> unsettled() const = 0;
  virtual std::vector<v1::FollowerStatus> followers() const = 0;

  // Makes this empty server the primary of epoch 0 (slot 0) of a new cluster by its first EPOCH record, whose
  // inventory, rule and addresses the draft carries. ALREADY_INITIALIZED. `done` when the record is
  // committed. Strand.
  virtual void InitCluster(const std::string& cluster_id, storage::RecordDraft first_epoch,
                           std::function<void(absl::Status)> done) = 0;

  // Makes this server the primary of `epoch` by its EPOCH record (R7). Requires that the durable promise is
  // (epoch, this node and incarnation), that the log is the one chosen under R4 to R6, and that it has no
  // record of `epoch`: LOWER_EPOCH, PROMISED_ELSEWHERE, CONFLICTING_SETTINGS, RESOURCE_EXHAUSTED (the
  // inventory could not be read yet after a cut). `done` when the record is committed, or when the role is
  // lost. Strand.
  virtual void BeginEpoch(uint64_t epoch, storage::RecordDraft first,
                          std::function<void(absl::Status)> done) = 0;

  // Brings records that a node which has promised `epoch` to this one has beyond `ancestor`, a record of both
  // logs, into the log (R6), cutting own records that conflict (salvaged first, I6). Requires that the
  // durable promise is (epoch, this node and incarnation) and that the log has no record of `epoch`. Returns
  // how far the log is the other's, once the inventory is that of the new log too (RESOURCE_EXHAUSTED: not
  // yet; the records are kept). What this node has shown is cut only with `by_name`: a person has chosen the
  // other branch (R20); DIVERGED without. LOWER_EPOCH, PROMISED_ELSEWHERE, COMPACTED, CHAIN_BROKEN, DIVERGED,
  // DISK_FULL. Strand.
  virtual absl::StatusOr<Position> AppendHarvested(uint64_t epoch, const Position& ancestor,
                                                   const v1::FollowRecords& records, bool by_name) = 0;
  // What AcceptPromise says of the operation that runs here; nullopt when it has ended. Strand.
  virtual void SetRunningOperation(std::optional<v1::EpochPromise> running) = 0;

  // Lets a fenced or suspended former primary come back as a follower: what it alone held goes to salvage
  // when a stream of a higher epoch conflicts with it. Durable. FENCED-like errors do not arise;
  // CONFLICTING_SETTINGS for any other role. Strand.
  virtual absl::Status Rejoin() = 0;

  // Chooses the upstream by hand, or with an empty node id lets this node choose again. Durable, and this
  // node's own: it is in no record. It never overrides the protocol (promises, loops, R12: a voter follows
  // the primary itself), and does not keep this node from following somebody else while the chosen one feeds
  // nobody. CONFLICTING_SETTINGS for a node that is no member, this node itself, a primary or former one, and
  // a voter that would not follow the primary. Strand.
  virtual absl::Status PinUpstream(v1::UpstreamPin pin) = 0;
  virtual v1::UpstreamPin pin() const = 0;

  // R3 where no primary is left to give a slot (slot_loan.h). Lends this proxy's slot: CONFLICTING_SETTINGS
  // while somebody feeds it, since a primary can give one then, and errors of replication::LendSlot. Strand.
  virtual absl::StatusOr<v1::SlotLoan> LendSlot(const v1::LendSlotRequest& request) = 0;
  // Keeps what a proxy has lent to this server: errors of replication::TakeSlot. Strand.
  virtual absl::Status TakeSlot(const v1::TakeSlotRequest& request) = 0;
  // The loan that this server could be promoted by; nullopt if it has a slot of its own, or none. Strand.
  virtual std::optional<v1::SlotLoan> held_loan() const = 0;

  // This node's data is damaged (I13): takes a new incarnation, so that it is no voter any more (R16), then a
  // snapshot from whoever has one, however far it reaches; serves what it has meanwhile. Survives a restart.
  // A former or present primary is refused (DATA_DAMAGED): its log may hold what nobody else has. While a
  // repair is under way another one is not begun, which is no error; afterwards it may be. Strand.
  virtual absl::Status Repair(absl::string_view why) = 0;

  // For the commit path of a primary (strand):
  // May this node admit records now? OK, or NOT_PRIMARY, STANDBY, NO_PRIMARY, RECOVERING, SUSPENDED, FENCED,
  // NOT_INITIALIZED with where to go.
  virtual absl::Status CanAdmit() const = 0;
  virtual uint64_t epoch() const = 0;
  // After a batch of own records became durable in the store: sends them, and counts (R8 to R10). With q = 0
  // they are visible when this returns.
  virtual void OnOwnAppend() = 0;
  // How many voters of the rule at `revision` hold it, for the answer to a commit that could not be decided
  // in time.
  struct Acknowledgement {
    uint32_t acknowledged = 0;
    uint32_t needed = 0;
    bool local = false;
  };
  virtual Acknowledgement AcknowledgedAt(Revision revision) const = 0;
  // R21: true once q voters of the newest rule durably know that it is committed.
  virtual bool RuleSettled() const = 0;
};

}  // namespace holdfast::replication
