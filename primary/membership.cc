#include "primary/membership.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "primary/errors.h"

namespace holdfast::primary {
namespace {

using replication::Inventory;

bool IsName(absl::string_view name) {
  if (name.empty() || name.size() > kMaxNodeIdBytes || name == "." || name == "..") return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.'; });
}

absl::Status CheckSpec(const v1::NodeSpec& spec) {
  if (!IsName(spec.node_id()))
    return InvalidNodeError("node_id", spec.node_id(), "letters, digits, '-', '_', '.'");
  if (!IsName(spec.site())) return InvalidNodeError("site", spec.site(), "letters, digits, '-', '_', '.'");
  if (spec.kind() != v1::NODE_KIND_SERVER && spec.kind() != v1::NODE_KIND_PROXY) {
    return InvalidNodeError("kind", spec.node_id(), "server or proxy");
  }
  if (spec.client_address().empty()) return InvalidNodeError("client_address", spec.node_id(), "host:port");
  if (spec.peer_address().empty()) return InvalidNodeError("peer_address", spec.node_id(), "host:port");
  return absl::OkStatus();
}

absl::Status CheckInventory(const std::vector<v1::NodeInfo>& nodes) {
  std::set<std::string> sites;
  std::set<std::string> addresses;
  for (const v1::NodeInfo& node : nodes) {
    sites.insert(node.site());
    for (const std::string& address : {node.client_address(), node.peer_address()}) {
      if (!addresses.insert(address).second) {
        return ConflictingSettingsError(
            absl::StrCat("address ", address, " is used twice (node ", node.node_id(), ")"));
      }
    }
  }
  if (nodes.size() > static_cast<size_t>(kMaxNodes)) {
    return ConflictingSettingsError(absl::StrCat("more than ", kMaxNodes, " nodes"));
  }
  if (sites.size() > static_cast<size_t>(kMaxSites)) {
    return ConflictingSettingsError(absl::StrCat("more than ", kMaxSites, " sites"));
  }
  return absl::OkStatus();
}

absl::Status CheckRule(const v1::DurabilityRule& rule, absl::string_view primary) {
  const int voters = rule.voters_size();
  if (voters > kMaxVoters) return ConflictingSettingsError(absl::StrCat("more than ", kMaxVoters, " voters"));
  if (rule.quorum() > static_cast<uint32_t>(voters)) {
    return ConflictingSettingsError(
        absl::StrCat("q = ", rule.quorum(), " needs at least as many voters, there are ", voters));
  }
  for (const v1::Voter& voter : rule.voters()) {
    if (absl::string_view(voter.node_id()) == primary) {
      return ConflictingSettingsError(
          absl::StrCat("the primary ", primary, " cannot be a voter of the rule it writes under"));
    }
  }
  return absl::OkStatus();
}

// A voter that does not answer keeps the incarnation that it has in `before`: a dead node must not block a
// change of others.
absl::StatusOr<v1::Voter> MakeVoter(const std::string& node_id, const Incarnations& incarnations,
                                    const v1::DurabilityRule& before) {
  v1::Voter voter;
  voter.set_node_id(node_id);
  if (const auto it = incarnations.find(node_id); it != incarnations.end()) {
    voter.set_incarnation(it->second);
    return voter;
  }
  for (const v1::Voter& present : before.voters()) {
    if (present.node_id() == node_id) return present;
  }
  return UnknownIncarnationError(node_id);
}

void CopySpec(const v1::NodeSpec& spec, v1::NodeInfo& node) {
  node.set_node_id(spec.node_id());
  node.set_site(spec.site());
  node.set_kind(spec.kind());
  node.set_client_address(spec.client_address());
  node.set_peer_address(spec.peer_address());
}

// R3: a slot belongs to an incarnation, and no slot is given twice. Servers must have one; proxies get one to
// lend it (replication/slot_loan.h), if they can be asked and there are enough.
absl::Status GiveSlot(v1::NodeInfo& node, const Incarnations& incarnations, v1::ClusterInfo& cluster) {
  const bool is_proxy = node.kind() == v1::NODE_KIND_PROXY;
  const auto it = incarnations.find(node.node_id());
  if (it == incarnations.end()) {
    if (is_proxy || node.has_slot()) return absl::OkStatus();
    return UnknownIncarnationError(node.node_id());
  }
  if (node.has_slot() && node.incarnation() == it->second) return absl::OkStatus();
  if (is_proxy && cluster.next_slot() >= static_cast<uint32_t>(kMaxSlotsWithProxies)) return absl::OkStatus();
  if (cluster.next_slot() >= static_cast<uint32_t>(kMaxServers)) {
    return ConflictingSettingsError(
        absl::StrCat("all ", kMaxServers, " slots of this cluster have been given"));
  }
  node.set_slot(cluster.next_slot());
  node.set_incarnation(it->second);
  cluster.set_next_slot(cluster.next_slot() + 1);
  return absl::OkStatus();
}

// Who sets the rule that a change brings.
template <typename Request>
v1::RuleOrigin OriginOf(const Request& request, absl::string_view reason, absl::Time when) {
  v1::RuleOrigin origin;
  origin.set_set_at_us(absl::ToUnixMicros(when));
  origin.set_operator_name(request.operator_name());
  origin.set_host(request.host());
  origin.set_reason(std::string(reason));
  return origin;
}

v1::Change Put(std::string key, std::string value) {
  v1::Change change;
  change.set_key(std::move(key));
  change.set_value(std::move(value));
  return change;
}

void SortNodes(std::vector<v1::NodeInfo>& nodes) {
  std::sort(nodes.begin(), nodes.end(),
            [](const v1::NodeInfo& a, const v1::NodeInfo& b) { return a.node_id() < b.node_id(); });
}

// The changes that turn one inventory into another, in key order ("cluster" sorts before "nodes/").
std::vector<v1::Change> InventoryChanges(const Inventory& from, const Inventory& to) {
  std::map<std::string, v1::Change> changes;
  const std::string cluster = replication::ToJson(to.cluster);
  if (from.nodes.empty() || cluster != replication::ToJson(from.cluster)) {
    const std::string key(replication::kClusterKey);
    changes[key] = Put(key, cluster);
  }
  for (const v1::NodeInfo& node : to.nodes) {
    const v1::NodeInfo* before = from.Find(node.node_id());
    const std::string json = replication::ToJson(node);
    if (before != nullptr && replication::ToJson(*before) == json) continue;
    const std::string key = replication::NodeKey(node.node_id());
    changes[key] = Put(key, json);
  }
  for (const v1::NodeInfo& node : from.nodes) {
    if (to.Find(node.node_id()) != nullptr) continue;
    v1::Change change;
    change.set_key(replication::NodeKey(node.node_id()));
    changes[change.key()] = change;
  }
  std::vector<v1::Change> sorted;
  for (auto& [key, change] : changes) sorted.push_back(std::move(change));
  return sorted;
}

// The voters wanted by a change, by node id; nullopt to leave them as they are.
std::optional<std::set<std::string>> WantedVoters(const Inventory& now,
                                                  const v1::ChangeNodesRequest& request) {
  std::set<std::string> wanted;
  if (request.has_voters()) {
    wanted.insert(request.voters().node_ids().begin(), request.voters().node_ids().end());
    return wanted;
  }
  for (const v1::Voter& voter : now.cluster.rule().voters()) wanted.insert(voter.node_id());
  bool changed = false;
  for (const v1::NodeSpec& spec : request.set()) {
    if (spec.voter()) {  // also a voter already: it may come with a new incarnation (R16)
      wanted.insert(spec.node_id());
      changed = true;
    }
    const bool known = now.Find(spec.node_id()) != nullptr;
    if (!spec.voter() && known) changed |= wanted.erase(spec.node_id()) > 0;
  }
  for (const std::string& removed : request.remove()) changed |= wanted.erase(removed) > 0;
  if (!changed) return std::nullopt;
  return wanted;
}

absl::StatusOr<Inventory> ChangedNodes(const Inventory& now, const v1::ChangeNodesRequest& request,
                                       const Incarnations& incarnations) {
  Inventory next = now;
  for (const std::string& removed : request.remove()) {
    if (removed == now.cluster.primary_node_id()) {
      return ConflictingSettingsError(absl::StrCat(removed, " is the primary; hand over first"));
    }
    const auto end = std::remove_if(next.nodes.begin(), next.nodes.end(),
                                    [&](const v1::NodeInfo& node) { return node.node_id() == removed; });
    next.nodes.erase(end, next.nodes.end());
  }
  for (const v1::NodeSpec& spec : request.set()) {
    HF_RETURN_IF_ERROR(CheckSpec(spec));
    auto it = std::find_if(next.nodes.begin(), next.nodes.end(),
                           [&](const v1::NodeInfo& node) { return node.node_id() == spec.node_id(); });
    if (it == next.nodes.end()) it = next.nodes.insert(next.nodes.end(), v1::NodeInfo());
    if (it->kind() != v1::NODE_KIND_UNSPECIFIED && it->kind() != spec.kind()) {
      return ConflictingSettingsError(absl::StrCat(spec.node_id(),
                                                   " cannot change between server and proxy; "
                                                   "remove it and add it under another name"));
    }
    CopySpec(spec, *it);
    HF_RETURN_IF_ERROR(GiveSlot(*it, incarnations, next.cluster));
  }
  SortNodes(next.nodes);
  return next;
}

// What a rule by hand means for a spell of local.
absl::Status FitSpell(const v1::DurabilityRule& rule, const v1::DurabilityRule& before,
                      v1::ClusterInfo& cluster) {
  if (rule.quorum() > 0) {
    cluster.clear_spell();
    return absl::OkStatus();
  }
  if (before.quorum() > 0) {
    return ConflictingSettingsError(
        "q = 0 is for planned work, for a bounded time and with a reason: holdfast durability local --for 2h "
        "--reason ...");
  }
  if (!cluster.has_spell()) return absl::OkStatus();
  v1::DurabilityRule& former = *cluster.mutable_spell()->mutable_former_rule();
  *former.mutable_voters() = rule.voters();
  if (former.quorum() <= static_cast<uint32_t>(former.voters_size())) return absl::OkStatus();
  return ConflictingSettingsError(
      absl::StrCat("the end of the spell restores q = ", former.quorum(),
                   ", which needs at least as many voters; end it with another rule instead: holdfast "
                   "durability replicated --q N --voters ..."));
}

// The record that leads from one inventory to the next; nullopt if they are the same.
absl::StatusOr<std::optional<storage::RecordDraft>> DraftOf(const Inventory& now, Inventory next,
                                                            std::optional<v1::DurabilityRule> rule,
                                                            v1::RuleOrigin origin) {
  HF_RETURN_IF_ERROR(CheckInventory(next.nodes));
  storage::RecordDraft draft;
  draft.kind = v1::RECORD_KIND_SETTINGS;
  if (rule && rule->SerializeAsString() != now.cluster.rule().SerializeAsString()) {
    HF_RETURN_IF_ERROR(FitSpell(*rule, now.cluster.rule(), next.cluster));
    *next.cluster.mutable_rule() = *rule;
    // While a spell goes on, what is said of it is who began it.
    if (!next.cluster.has_spell()) *next.cluster.mutable_rule_origin() = std::move(origin);
    draft.rule = std::move(rule);
  }
  draft.changes = InventoryChanges(now, next);
  if (draft.changes.empty()) return std::nullopt;
  return draft;
}

}  // namespace

std::vector<std::string> NodesToAsk(const Inventory& now, const v1::ChangeNodesRequest& request) {
  std::set<std::string> ask;
  for (const v1::NodeSpec& spec : request.set()) {
    const bool must_answer = spec.kind() == v1::NODE_KIND_SERVER || spec.voter();
    if (must_answer || now.Find(spec.node_id()) != nullptr) ask.insert(spec.node_id());
  }
  if (const auto wanted = WantedVoters(now, request)) ask.insert(wanted->begin(), wanted->end());
  return {ask.begin(), ask.end()};
}

std::map<std::string, std::string, std::less<>> PeerAddresses(const Inventory& now,
                                                              const v1::ChangeNodesRequest& request) {
  std::map<std::string, std::string, std::less<>> addresses;
  for (const v1::NodeInfo& node : now.nodes) addresses[node.node_id()] = node.peer_address();
  for (const v1::NodeSpec& spec : request.set()) addresses[spec.node_id()] = spec.peer_address();
  return addresses;
}

absl::StatusOr<storage::RecordDraft> FirstEpochDraft(const v1::InitRequest& request, absl::string_view self,
                                                     absl::string_view cluster_id,
                                                     const Incarnations& incarnations, absl::Time when) {
  Inventory next;
  next.cluster.set_cluster_id(std::string(cluster_id));
  next.cluster.set_primary_node_id(std::string(self));
  v1::DurabilityRule rule;
  rule.set_quorum(request.quorum());
  // The first primary has slot 0 (R3), so it goes first.
  std::vector<v1::NodeSpec> specs(request.nodes().begin(), request.nodes().end());
  std::stable_sort(specs.begin(), specs.end(), [&](const v1::NodeSpec& a, const v1::NodeSpec& b) {
    const bool a_self = absl::string_view(a.node_id()) == self;
    const bool b_self = absl::string_view(b.node_id()) == self;
    return a_self != b_self ? a_self : a.node_id() < b.node_id();
  });
  if (specs.empty() || absl::string_view(specs.front().node_id()) != self) {
    return ConflictingSettingsError(absl::StrCat("the nodes of the cluster must include this one, ", self));
  }
  if (specs.front().kind() != v1::NODE_KIND_SERVER) {
    return ConflictingSettingsError(absl::StrCat(self, " is a proxy; only a server can be primary"));
  }
  for (const v1::NodeSpec& spec : specs) {
    HF_RETURN_IF_ERROR(CheckSpec(spec));
    if (next.Find(spec.node_id()) != nullptr) {
      return ConflictingSettingsError(absl::StrCat("node id ", spec.node_id(), " is used twice"));
    }
    v1::NodeInfo node;
    CopySpec(spec, node);
    if (spec.voter()) {
      HF_ASSIGN_OR_RETURN(*rule.add_voters(), MakeVoter(spec.node_id(), incarnations, v1::DurabilityRule()));
    }
    next.nodes.push_back(std::move(node));
  }
  for (const v1::NodeKind kind : {v1::NODE_KIND_SERVER, v1::NODE_KIND_PROXY}) {  // servers first
    for (v1::NodeInfo& node : next.nodes) {
      if (node.kind() == kind) HF_RETURN_IF_ERROR(GiveSlot(node, incarnations, next.cluster));
    }
  }
  SortNodes(next.nodes);
  HF_RETURN_IF_ERROR(CheckInventory(next.nodes));
  HF_RETURN_IF_ERROR(CheckRule(rule, self));
  *next.cluster.mutable_rule() = rule;
  *next.cluster.mutable_rule_origin() = OriginOf(request, "the beginning of the cluster", when);

  storage::RecordDraft draft;
  draft.kind = v1::RECORD_KIND_EPOCH;
  draft.changes = InventoryChanges(Inventory(), next);
  draft.rule = std::move(rule);
  v1::EpochInfo info;
  info.set_node_id(std::string(self));
  info.set_incarnation(next.Find(self)->incarnation());
  info.set_operator_name(request.operator_name());
  info.set_host(request.host());
  info.set_reason("init");
  draft.epoch = std::move(info);
  return draft;
}

absl::StatusOr<std::optional<storage::RecordDraft>> SettingsDraft(const Inventory& now,
                                                                  const v1::ChangeNodesRequest& request,
                                                                  const Incarnations& incarnations,
                                                                  Scope scope, absl::Time when) {
  if (scope == Scope::kMembers) {
    v1::ChangeNodesRequest additions;
    *additions.mutable_set() = request.set();
    HF_ASSIGN_OR_RETURN(const Inventory next, ChangedNodes(now, additions, incarnations));
    return DraftOf(now, next, std::nullopt, {});
  }
  HF_ASSIGN_OR_RETURN(Inventory next, ChangedNodes(now, request, incarnations));
  v1::DurabilityRule rule = now.cluster.rule();
  if (const auto wanted = WantedVoters(now, request)) {
    rule.clear_voters();
    for (const std::string& node_id : *wanted) {
      if (next.Find(node_id) == nullptr) {
        return ConflictingSettingsError(absl::StrCat(node_id, " is to be a voter but is no member"));
      }
      HF_ASSIGN_OR_RETURN(*rule.add_voters(), MakeVoter(node_id, incarnations, now.cluster.rule()));
    }
  }
  if (request.has_quorum()) rule.set_quorum(request.quorum());
  if (request.has_retention()) {
    const v1::RetentionPolicy& wanted = request.retention();
    if (wanted.records() < 0 || wanted.age_seconds() < 0 || wanted.bytes() < 0) {
      return ConflictingSettingsError("a retention policy must not be negative");
    }
    next.cluster.mutable_retention()->MergeFrom(wanted);  // what is zero stays as it is
  }
  HF_RETURN_IF_ERROR(CheckRule(rule, now.cluster.primary_node_id()));
  return DraftOf(now, std::move(next), std::move(rule), OriginOf(request, request.reason(), when));
}

}  // namespace holdfast::primary
