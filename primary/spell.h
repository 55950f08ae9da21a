#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "holdfast/v1/admin.pb.h"
#include "replication/inventory.h"
#include "storage/store.h"

// Planned spells of *local* (R19) as records: what begins, extends and ends one. Pure; times are for people
// and name the spell, and how long it has lasted is the keeper's to know (spell_keeper.h).
namespace holdfast::primary {

// The SETTINGS record that begins a spell: the same voters with q = 0, and how to come back.
// INVALID_REQUEST (duration, reason); CONFLICTING_SETTINGS if one is under way, or if commits are local
// already.
absl::StatusOr<storage::RecordDraft> SpellBeginDraft(const v1::ClusterInfo& now,
                                                     const v1::ChangeSpellRequest& request, absl::Time when);

// The SETTINGS record that makes it last longer: no rule changes, so that nobody has to confirm it; whoever
// could be promoted knows of the spell and not of its end. Errors as above; INVALID_REQUEST beyond
// kMaxLocalSpell in all.
absl::StatusOr<storage::RecordDraft> SpellExtendDraft(const v1::ClusterInfo& now,
                                                      const v1::ChangeSpellRequest& request);

// The SETTINGS record that ends it with `restored`. CONFLICTING_SETTINGS if there is none.
absl::StatusOr<storage::RecordDraft> SpellEndDraft(const v1::ClusterInfo& now,
                                                   const v1::DurabilityRule& restored,
                                                   const v1::RuleOrigin& origin);

// The rule that the end of the spell restores: the one before, with the incarnation under which each voter
// holds the log now where that is another one (planned work may well have replaced a disk, and the rule with
// the old name could never be met). `caught_up`: incarnations of those that hold what is committed (R21).
v1::DurabilityRule RestoredRule(const v1::LocalSpell& spell,
                                const std::map<std::string, std::string, std::less<>>& caught_up);

// Who ended a spell that ended by itself.
v1::RuleOrigin EndedByItself(const v1::ClusterInfo& now, absl::string_view node_id, absl::Time when);

}  // namespace holdfast::primary
