#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/position.h"
#include "holdfast/v1/record.pb.h"
#include "storage/record_codec.h"
#include "tests/sim/story.h"

namespace holdfast::sim {

// A voter as rules name it: (node id, incarnation).
using Holder = std::pair<std::string, std::string>;

// One record that some node ever held durably. A node's log is a path from such an entry to the root.
struct Entry {
  storage::LogRecordPtr record;
  Position position;
  const Entry* parent = nullptr;             // null: the first record
  const v1::DurabilityRule* rule = nullptr;  // in force from this record on; owned by a record on the path
  const Entry* rule_entry = nullptr;         // the record that carries it
  std::map<Holder, uint64_t> holders;        // who ever held it durably, and promised which epoch then
  std::set<std::string> nodes;               // the same by node id alone
  std::set<std::string> shown_on;            // where it was ever visible, by node id
  bool shown_as_replicated = false;          // visible somewhere, with q >= 1 in force
  bool acknowledged = false;                 // a client was told so, with q >= 1

  uint64_t epoch() const { return position.revision.epoch(); }
};

// Every record that was ever durable anywhere, as a tree: the simulator's truth. Built from what stores
// report, with chain hashes and digests worked out anew. Checks I3 (no gap, hashes match), I4 (equal
// revision, equal hash and digest) and the one writer per epoch of I2. One thread.
class History {
 public:
  explicit History(Violations* violations) : violations_(violations) {}

  // `holder` holds `record` durably, after the record that hashes to `record->previous`. It took it while
  // `promised` was the epoch of its promise, which is that of the stream (R11).
  Entry* Add(const Holder& holder, uint64_t promised, const storage::LogRecordPtr& record);

  // `holder` holds `entry` and everything before it.
  void AddHolder(Entry* entry, const Holder& holder, uint64_t promised);

  // Null if no node ever held it.
  Entry* Find(const ChainHash& hash);
  Entry* FindRevision(Revision revision);

  // True if `ancestor` (null: the root) is on the path of `entry`, or is it.
  static bool IsOnPath(const Entry* ancestor, const Entry* entry);
  static const Entry* CommonAncestor(const Entry* a, const Entry* b);

  // By the facts alone: is `entry` committed, itself or by a later record on the way to `end` (R9, R10)?
  // Counts whoever ever took a record in a stream of the record's own epoch (a rule's change: of no later
  // epoch than that which decides), told or not, so it may say yes a little too early, never too late.
  bool IsCommitted(const Entry* entry, const Entry* end) const;

  // Is there such a record?
  bool Any(const std::function<bool(const Entry&)>& is_such) const;

  const std::map<int64_t, Entry*>& by_revision() const { return by_revision_; }

 private:
  void CheckRecord(const Entry& entry, const std::string& node);
  // Enough voters took `entry` in streams of its own epoch up to `last`.
  static bool Holds(const Entry& entry, const v1::DurabilityRule& rule, uint64_t last);
  // Does this EPOCH record do without the rule (R20)?
  static bool Waives(const Entry& change, const v1::DurabilityRule& rule);
  // Does one of the changes from `change` up to `from` do without it?
  static bool IsWaived(const v1::DurabilityRule& rule, const Entry* from, const Entry* change);

  Violations* const violations_;
  std::unordered_map<std::string, std::unique_ptr<Entry>> entries_;  // by chain hash
  std::map<int64_t, Entry*> by_revision_;
  std::map<uint64_t, std::string> writer_of_epoch_;
};

// The key space after a record, worked out from the records alone.
struct ModelRow {
  std::string value;
  int64_t create_revision = 0;
  int64_t mod_revision = 0;
  int64_t version = 0;
};

// A reference model of the key space that moves along the tree: cheap forwards, from the beginning anywhere
// else.
class Model {
 public:
  // Null: the empty state before the first record.
  void MoveTo(const Entry* entry);
  const Entry* at() const { return at_; }
  const std::map<std::string, ModelRow>& rows() const { return rows_; }
  // The highest mod_revision in [key, range_end), deletions included.
  int64_t RangeChangedAt(const std::string& key, const std::string& range_end) const;
  Digest128 Digest() const;

 private:
  void Apply(const Entry& entry);

  const Entry* at_ = nullptr;
  std::map<std::string, ModelRow> rows_;
  std::map<std::string, int64_t> changed_at_;  // deletions too
};

// For people; "0" is the state before the first record.
std::string Name(const Entry* entry);

// R4: how many promises are needed for a rule with q >= 1, so that every q of its voters have one among them.
int PromiseQuorum(const v1::DurabilityRule& rule);

// ListRequest.range_end as the proto says it.
bool InRange(const std::string& key, const std::string& begin, const std::string& end);

}  // namespace holdfast::sim
