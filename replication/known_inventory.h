#pragma once

#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "replication/inventory.h"
#include "storage/store.h"

namespace holdfast::replication {

// The inventory at the newest record of this node's log, whether readers see that record yet or not: a rule
// counts from its record on (R10), and so do the members that it speaks of. Kept up to date record by record.
// Strand.
class KnownInventory {
 public:
  explicit KnownInventory(storage::Store* store) : store_(store) {}  // `store` must outlive this

  // Reads everything: what readers see, then the records above it. After a start, a rewind or a new snapshot.
  // Errors leave what was known.
  absl::Status Reload();
  void OnAppended(absl::Span<const storage::LogRecordPtr> records);

  const Inventory& inventory() const { return inventory_; }

  // Members that a record has removed which is not known to be committed: until it is, they count by the rule
  // before it (R5, R10), and must be asked and fed as members are.
  std::vector<v1::NodeInfo> leaving() const;
  // A member, or one that is leaving; nullptr if it is neither.
  const v1::NodeInfo* FindToVote(absl::string_view node_id) const;

  // Only what readers see: what is known to be committed. Errors of the store.
  absl::StatusOr<Inventory> ReadVisible();

 private:
  absl::Status ReadVisibleAt(Revision at, Inventory* out);
  absl::Status ScanVisible(absl::string_view begin, absl::string_view end, Revision at,
                           const std::function<absl::Status(absl::string_view value)>& take);
  struct Leaving {
    Revision removed_at;
    v1::NodeInfo node;
  };
  bool IsLeaving(const Leaving& one) const;
  static void Apply(const v1::Record& record, Inventory* out, std::vector<Leaving>* leaving);

  storage::Store* const store_;
  Inventory inventory_;
  std::vector<Leaving> leaving_;
};

}  // namespace holdfast::replication
