#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "holdfast/v1/admin.pb.h"
#include "holdfast/v1/record.pb.h"
#include "replication/inventory.h"
#include "storage/node_store.h"

// R3 where no primary is left that could give a slot: with the primary and every standby lost, a server that
// is seeded from a proxy has none, and no record can give it one. A proxy that a record gave a slot to is its
// only owner, and lends it: durably, once, to one incarnation of one server. So an epoch's number still has
// one owner, whatever is partitioned from what. The EPOCH record of the borrower makes it its own. Strand.
namespace holdfast::replication {

// At the lender; `inventory` is what committed records say. NOT_A_MEMBER, CONFLICTING_SETTINGS (it has no
// slot under its present incarnation, has lent it to somebody else, or the borrower is no server),
// WRONG_CLUSTER, errors of the store. The same answer for the same borrower.
absl::StatusOr<v1::SlotLoan> LendSlot(storage::NodeStore& node, const Inventory& inventory,
                                      const v1::LendSlotRequest& request);

// At the borrower: keeps it. CONFLICTING_SETTINGS if the loan is to somebody else, or of a slot that no
// record known here gave to the lender.
absl::Status TakeSlot(storage::NodeStore& node, const Inventory& inventory, const v1::SlotLoan& loan);

// The loan that this node holds, if it is of use: to its present incarnation, to which no record has given a
// slot of its own, and of a slot that is the lender's by the records known here. Errors of the store.
absl::StatusOr<std::optional<v1::SlotLoan>> HeldLoan(storage::NodeStore& node, const Inventory& inventory);

}  // namespace holdfast::replication
