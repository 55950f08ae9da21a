#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "holdfast/v1/admin.pb.h"
#include "replication/inventory.h"
#include "storage/store.h"

// Turns what an operator wants of the membership into the record that makes it so. Pure: nothing here asks a
// node or writes.
namespace holdfast::primary {

// What nodes answered when they were asked for their incarnation, by node id. A node that did not answer is
// absent.
using Incarnations = std::map<std::string, std::string, std::less<>>;

// The node ids whose incarnation a change needs: servers without a slot and voters to be. Proxies that are
// members already are asked too, so that they get a slot to lend (R3); they need not answer.
std::vector<std::string> NodesToAsk(const replication::Inventory& now, const v1::ChangeNodesRequest& request);

// The peer address of each member after the change, by node id.
std::map<std::string, std::string, std::less<>> PeerAddresses(const replication::Inventory& now,
                                                              const v1::ChangeNodesRequest& request);

// The first EPOCH record: the inventory, V and q, slot 0 for `self`. CONFLICTING_SETTINGS (what),
// INVALID_REQUEST (field), UNREACHABLE (a server or voter whose incarnation is not known). `when` is kept
// with the rule, for people.
absl::StatusOr<storage::RecordDraft> FirstEpochDraft(const v1::InitRequest& request, absl::string_view self,
                                                     absl::string_view cluster_id,
                                                     const Incarnations& incarnations,
                                                     absl::Time when = absl::UnixEpoch());

// A node must be a member before it can follow, and follow before it can vote (R21): such a change takes two
// records.
enum class Scope {
  kMembers,  // additions and changes of members only: nobody leaves, the rule stays
  kWhole
};

// The SETTINGS record of a change; nullopt if all is as wanted already. Errors as above, and
// CONFLICTING_SETTINGS for a change that would remove the primary, make it a voter of its own rule (R10),
// leave fewer voters than q, or set q to 0, which only a spell of bounded time does (R19, primary/spell.h).
// A q above 0 ends a spell; voters that change while one lasts are those that its end restores.
absl::StatusOr<std::optional<storage::RecordDraft>> SettingsDraft(const replication::Inventory& now,
                                                                  const v1::ChangeNodesRequest& request,
                                                                  const Incarnations& incarnations,
                                                                  Scope scope,
                                                                  absl::Time when = absl::UnixEpoch());

}  // namespace holdfast::primary
