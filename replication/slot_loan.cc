#include "replication/slot_loan.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "replication/errors.h"

namespace holdfast::replication {
namespace {

// Values of node.db.
constexpr absl::string_view kLent = "lent_slot";
constexpr absl::string_view kBorrowed = "borrowed_slot";

absl::StatusOr<std::optional<v1::SlotLoan>> Read(storage::NodeStore& node, absl::string_view name) {
  HF_ASSIGN_OR_RETURN(const auto kept, node.GetValue(name));
  v1::SlotLoan loan;
  // Unreadable is not the same as absent: it may name somebody.
  if (kept && !loan.ParseFromString(*kept)) return InvalidMessageError(name, "not what this node writes");
  return kept ? std::optional<v1::SlotLoan>(loan) : std::nullopt;
}

bool HasOwnSlot(const Inventory& inventory, const storage::NodeStore::Identity& self) {
  const v1::NodeInfo* const info = inventory.Find(self.node_id);
  return info != nullptr && info->has_slot() && info->incarnation() == self.incarnation;
}

// By the log that is kept now: what a cut branch gave may be somebody else's by now.
bool IsLenders(const Inventory& inventory, const v1::SlotLoan& loan) {
  const v1::NodeInfo* const lender = inventory.Find(loan.lender_node_id());
  return lender != nullptr && lender->has_slot() && lender->slot() == loan.slot() &&
         lender->incarnation() == loan.lender_incarnation();
}

}  // namespace

absl::StatusOr<v1::SlotLoan> LendSlot(storage::NodeStore& node, const Inventory& inventory,
                                      const v1::LendSlotRequest& request) {
  const storage::NodeStore::Identity& self = node.identity();
  if (request.cluster_id() != self.cluster_id)
    return WrongClusterError(self.cluster_id, request.cluster_id());
  const v1::NodeInfo* const borrower = inventory.Find(request.node_id());
  if (borrower == nullptr) return NotAMemberError(request.node_id());
  if (borrower->kind() != v1::NODE_KIND_SERVER || request.incarnation().empty())
    return WrongRoleError(absl::StrCat("'", request.node_id(), "' is no server; only servers are promoted"));
  if (!HasOwnSlot(inventory, self)) return WithoutSlotError(self.node_id);
  v1::SlotLoan loan;
  loan.set_slot(inventory.Find(self.node_id)->slot());
  loan.set_lender_node_id(self.node_id);
  loan.set_lender_incarnation(self.incarnation);
  loan.set_node_id(request.node_id());
  loan.set_incarnation(request.incarnation());
  loan.set_operator_name(request.operator_name());
  loan.set_host(request.host());
  HF_ASSIGN_OR_RETURN(const std::optional<v1::SlotLoan> lent, Read(node, kLent));
  if (lent && lent->slot() == loan.slot()) {
    if (lent->node_id() == loan.node_id() && lent->incarnation() == loan.incarnation()) return *lent;
    return WrongRoleError(absl::StrCat("'", self.node_id, "' has lent its slot for ever to '",
                                       lent->node_id(), "' (incarnation ", lent->incarnation(), "), for ",
                                       lent->operator_name(), "; ask another proxy"));
  }
  HF_RETURN_IF_ERROR(node.PutValue(kLent, loan.SerializeAsString()));
  return loan;
}

absl::Status TakeSlot(storage::NodeStore& node, const Inventory& inventory, const v1::SlotLoan& loan) {
  const storage::NodeStore::Identity& self = node.identity();
  if (loan.node_id() != self.node_id || loan.incarnation() != self.incarnation) {
    return WrongRoleError(
        absl::StrCat("the loan is to '", loan.node_id(), "' under the incarnation ", loan.incarnation()));
  }
  if (!IsLenders(inventory, loan)) {
    return WrongRoleError(
        absl::StrCat("no record known here gave slot ", loan.slot(), " to '", loan.lender_node_id(), "'"));
  }
  return node.PutValue(kBorrowed, loan.SerializeAsString());
}

absl::StatusOr<std::optional<v1::SlotLoan>> HeldLoan(storage::NodeStore& node, const Inventory& inventory) {
  const storage::NodeStore::Identity& self = node.identity();
  HF_ASSIGN_OR_RETURN(std::optional<v1::SlotLoan> loan, Read(node, kBorrowed));
  if (!loan || loan->incarnation() != self.incarnation || HasOwnSlot(inventory, self) ||
      !IsLenders(inventory, *loan))
    return std::nullopt;
  return loan;
}

}  // namespace holdfast::replication
