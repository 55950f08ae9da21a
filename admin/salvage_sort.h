#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/position.h"
#include "holdfast/v1/config.pb.h"
#include "holdfast/v1/record.pb.h"

// Sorts lost records by what became of their keys since: what is there already, what can be committed again
// without touching anybody's work, what cannot. Pure: nothing here asks a node. Any thread.
namespace holdfast::admin {

// One record of a salvage file.
struct LostRecord {
  Position position;
  bool was_visible = false;  // readers of the node that lost it had seen it
  v1::Record message;

  bool is_commit() const { return message.kind() == v1::RECORD_KIND_COMMIT; }
};

// What is known of one key now. `at ancestor` is the last revision that the lost and the present history
// share.
struct KeyFacts {
  enum class Base {
    kKnown,       // `base` is the row at the ancestor; nullopt: there was none
    kCompacted,   // the ancestor is below the floor: nobody knows the row, nor what came right after it
    kNoAncestor,  // no common record is known, or the present history has left it too
  };
  // A commit that changed the key after the ancestor, in the present history.
  struct Later {
    int64_t revision = 0;
    std::string request_id;
    std::string author;
  };

  Base base_state = Base::kKnown;
  std::optional<v1::KeyValue> base;
  std::optional<v1::KeyValue> current;
  std::vector<Later> since;  // newest first; all of them if `base_state` is kKnown
};

// All that sorting needs besides the records.
struct SalvageFacts {
  int64_t ancestor = 0;       // 0: none is known
  int64_t read_revision = 0;  // what `current` shows
  std::string read_at;        // the node that answered
  std::map<std::string, KeyFacts, std::less<>> keys;
};

// What may be done with a lost record, or with one of its changes.
enum class SalvageSort {
  kPresent,           // nothing is left to be done
  kClean,             // can be committed again: what it would overwrite is what it overwrote then
  kConflicting,       // somebody has changed the key since, or nobody can tell
  kNotConfiguration,  // the cluster's own record (EPOCH, SETTINGS, COMPACT): of its time, never repeated
};

// Why a change is what it is. `revision` of ChangeVerdict names the commit or the lost record meant.
enum class SalvageWhy {
  kCommittedAgain,  // present: its client has repeated it, with its request id
  kApplied,         // present: `salvage apply` has committed it
  kSameValue,       // present: the key has this value already, or is absent already
  kSuperseded,      // present: a later lost record of the same key has been committed again
  kUntouched,       // clean: nobody has changed the key since the ancestor
  kContinues,       // clean: the key is as an earlier record of this file left it, or will have left it
  kChanged,         // conflicting: somebody has changed the key since
  kBaseUnknown,     // conflicting: the key may have been changed since; nobody can tell
};

// One change of a lost record.
struct ChangeVerdict {
  SalvageSort sort = SalvageSort::kPresent;
  SalvageWhy why = SalvageWhy::kSameValue;
  int64_t revision = 0;
  // What the key must still be when the record is committed again: last changed by the record with this index
  // in the file (if not -1), which is committed again before; else as it is now (`current` of its facts).
  int after_record = -1;
};

// One lost record, with a verdict for each of its changes, in their order. A record is as its worst change:
// it is committed as a whole, without those changes that are present.
struct RecordVerdict {
  SalvageSort sort = SalvageSort::kPresent;
  std::vector<ChangeVerdict> changes;  // none for kNotConfiguration
  int64_t present_at = 0;              // the commit that holds the whole record, if one does
  // Of a conflicting record: the newest revision that changed one of its conflicting keys; 0 if none is
  // known. Whoever overwrites must have seen this one.
  int64_t seen = 0;
};

// What is to be committed again: records that are clean are assumed to be, those after them build on it.
struct SalvageSelection {
  std::vector<bool> wanted;       // for each record; empty: all
  std::vector<bool> overwritten;  // conflicting records that are committed all the same; empty: none
};

// In file order, one verdict for each record. `facts` must have every key of every COMMIT.
std::vector<RecordVerdict> SortSalvage(const std::vector<LostRecord>& records, const SalvageFacts& facts,
                                       const SalvageSelection& selection);

}  // namespace holdfast::admin
