#include "admin/cluster_check.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "admin/show.h"
#include "admin/show_operation.h"
#include "base/revision.h"

namespace holdfast::admin {
namespace {

v1::ReadinessItem Item(v1::ReadinessLevel level, const std::string& check, const std::string& node_id,
                       const std::string& seen, const std::string& needed = "",
                       const std::string& next = "") {
  v1::ReadinessItem item;
  item.set_check(check);
  item.set_node_id(node_id);
  item.set_level(level);
  item.set_seen(seen);
  item.set_needed(needed);
  item.set_next_command(next);
  return item;
}

constexpr auto kOk = v1::READINESS_LEVEL_OK;
constexpr auto kWarn = v1::READINESS_LEVEL_WARN;
constexpr auto kFail = v1::READINESS_LEVEL_FAIL;
constexpr auto kUnknown = v1::READINESS_LEVEL_UNKNOWN;

const v1::Check* BlockedBy(const v1::Plan& plan) {
  for (const v1::Check& check : plan.checks()) {
    if (check.outcome() == v1::CHECK_OUTCOME_BLOCKED) return &check;
  }
  return nullptr;
}

std::string Names(const std::vector<std::string>& ids) {
  return absl::StrJoin(ids, ", ",
                       [](std::string* out, const std::string& id) { absl::StrAppend(out, "'", id, "'"); });
}

// "with dc1 lost", "with 'dc1-a' lost".
std::string Loss(const ClusterView& view, const v1::NodeInfo& standby) {
  const v1::NodeInfo* const primary = view.Primary();
  if (primary == nullptr) return "as things are";
  if (primary->site() == standby.site()) return absl::StrCat("with '", primary->node_id(), "' lost");
  return absl::StrCat("with ", primary->site(), " lost");
}

bool CouldTakeOver(const CheckedNode& node) {
  return node.if_lost && node.if_lost->ok() && (*node.if_lost)->admissible() &&
         (*node.if_lost)->verdict().kind() == v1::VERDICT_KIND_PROVEN;
}

v1::ReadinessItem RatePromotion(const CheckedNode& node, const ClusterView& view) {
  const std::string name = "promotion";
  const std::string& id = node.info.node_id();
  const std::string loss = Loss(view, node.info);
  if (!node.if_lost->ok()) {
    return Item(kUnknown, name, id, absl::StrCat("cannot be planned: ", node.if_lost->status().message()),
                "a plan of the node itself", absl::StrCat("holdfast promote ", id, " --dry-run"));
  }
  const v1::Plan& plan = **node.if_lost;
  const std::string verdict = ShowVerdictKind(plan.verdict());
  if (CouldTakeOver(node)) {
    return Item(kOk, name, id,
                absl::StrCat(verdict, " ", loss, "; the next epoch would be ", plan.epoch(), ", its rule ",
                             ShowRule(plan.new_rule())));
  }
  const v1::Check* const blocked = BlockedBy(plan);
  const bool is_proven = plan.verdict().kind() == v1::VERDICT_KIND_PROVEN;
  return Item(
      kFail, name, id,
      absl::StrCat(verdict, " ", loss, ": ",
                   is_proven && blocked != nullptr
                       ? absl::StrCat("the check ", blocked->name(), " would block: ", blocked->seen())
                       : plan.verdict().says()),
      is_proven && blocked != nullptr ? blocked->needed() : "promises that meet every acknowledged commit",
      is_proven ? absl::StrCat("holdfast check ", id)
                : std::string("holdfast nodes set --voters NODES --q N"));
}

v1::ReadinessItem RatePrimary(const ClusterView& view, const std::vector<CheckedNode>& nodes) {
  const std::string name = "primary";
  std::vector<std::string> primaries;
  uint64_t epoch = 0;
  std::vector<std::string> others;  // who names another one
  for (const CheckedNode& node : nodes) {
    if (!node.report.ok() || node.report->role() != v1::NODE_ROLE_PRIMARY) continue;
    primaries.push_back(node.info.node_id());
    epoch = std::max(epoch, node.report->epoch());
  }
  if (primaries.size() > 1) {
    return Item(kFail, name, "", absl::StrCat(Names(primaries), " each act as primary"), "one primary",
                "holdfast status");
  }
  if (primaries.empty()) {
    const std::string last = view.cluster.primary_node_id();
    std::string next = "holdfast status";
    for (const CheckedNode& node : nodes) {
      if (CouldTakeOver(node)) next = absl::StrCat("holdfast promote ", node.info.node_id(), " --dry-run");
      if (CouldTakeOver(node)) break;
    }
    return Item(
        kFail, name, "",
        last.empty()
            ? std::string("no node acts as primary")
            : absl::StrCat("no node that can be asked acts as primary; the last one known is '", last, "'"),
        "one primary", next);
  }
  for (const CheckedNode& node : nodes) {
    if (node.report.ok() && node.report->primary_node_id() != primaries.front())
      others.push_back(node.info.node_id());
  }
  const std::string seen = absl::StrCat("'", primaries.front(), "' is primary of epoch ", epoch);
  if (others.empty()) return Item(kOk, name, "", seen);
  return Item(kWarn, name, "", absl::StrCat(seen, "; ", Names(others), " follow another one, or none"),
              "all servers with one primary", "holdfast status");
}

v1::ReadinessItem RateAgreement(const Agreement& agreement) {
  const std::string name = "agreement";
  const std::string at = Revision(agreement.revision()).ToString();
  switch (agreement.verdict()) {
    case Agreement::Verdict::kAgree:
      return Item(kOk, name, "", absl::StrCat("all that were asked are equal at ", at));
    case Agreement::Verdict::kDiffer:
      return Item(kFail, name, "", absl::StrCat("at ", at, " these differ: ", Names(agreement.Dissenters())),
                  "the same records and state", "holdfast verify --deep");
    case Agreement::Verdict::kNotCompared:
      break;
  }
  return Item(kWarn, name, "", "no revision was seen at all nodes in time", "nodes close to each other",
              "holdfast verify");
}

v1::ReadinessItem RateSiteLoss(const ClusterView& view, const std::vector<CheckedNode>& nodes) {
  const std::string name = "site-loss";
  const v1::NodeInfo* const primary = view.Primary();
  std::vector<std::string> able;
  bool is_unknown = false;
  for (const CheckedNode& node : nodes) {
    if (primary != nullptr && node.info.site() == primary->site()) continue;
    if (CouldTakeOver(node)) able.push_back(node.info.node_id());
    is_unknown |= !node.report.ok() || (node.if_lost && !node.if_lost->ok());
  }
  const std::string loss =
      primary == nullptr ? "as things are" : absl::StrCat("with ", primary->site(), " lost");
  const std::string needed = "two standbys of another site that can be promoted, proven";
  if (able.size() > 1)
    return Item(kOk, name, "", absl::StrCat(loss, ", ", Names(able), " could take over, proven"));
  if (able.size() == 1) {
    return Item(kWarn, name, "", absl::StrCat(loss, ", only ", Names(able), " could take over, proven"),
                needed, "holdfast status");
  }
  return Item(is_unknown ? kUnknown : kFail, name, "",
              absl::StrCat(loss, ", no standby that can be asked could take over, proven"), needed,
              "holdfast status");
}

}  // namespace

std::vector<std::string> LostWithThePrimary(const ClusterView& view, const v1::NodeInfo& standby) {
  const v1::NodeInfo* const primary = view.Primary();
  if (primary == nullptr) return {};
  if (primary->site() == standby.site()) return {primary->node_id()};
  std::vector<std::string> lost;
  for (const v1::NodeInfo& node : view.nodes) {
    if (node.site() == primary->site()) lost.push_back(node.node_id());
  }
  return lost;
}

std::vector<v1::ReadinessItem> ItemsOf(const CheckedNode& node, const ClusterView& view) {
  if (!node.report.ok()) {
    return {Item(kUnknown, "reached", node.info.node_id(), ShowNoAnswer(node.report.status()),
                 "an answer from its peer address", "holdfast status")};
  }
  std::vector<v1::ReadinessItem> items(node.report->items().begin(), node.report->items().end());
  if (node.if_lost) items.push_back(RatePromotion(node, view));
  return items;
}

std::vector<v1::ReadinessItem> ClusterItems(const ClusterView& view, const std::vector<CheckedNode>& nodes,
                                            const std::optional<Agreement>& agreement) {
  std::vector<v1::ReadinessItem> items = {RatePrimary(view, nodes)};
  if (agreement) items.push_back(RateAgreement(*agreement));
  items.push_back(RateSiteLoss(view, nodes));
  return items;
}

v1::ReadinessLevel WorstOf(const std::vector<v1::ReadinessItem>& items) {
  v1::ReadinessLevel worst = kOk;
  const auto rank = [](v1::ReadinessLevel level) {
    switch (level) {
      case kFail:
        return 3;
      case kUnknown:
        return 2;
      case kWarn:
        return 1;
      default:
        return 0;
    }
  };
  for (const v1::ReadinessItem& item : items) {
    if (rank(item.level()) > rank(worst)) worst = item.level();
  }
  return worst;
}

ExitCode ExitCodeOf(v1::ReadinessLevel level) {
  if (level == kFail) return ExitCode::kNegative;
  return level == kUnknown ? ExitCode::kNotAsked : ExitCode::kOk;
}

}  // namespace holdfast::admin
