#include "admin/show_check.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "admin/json_writer.h"
#include "admin/show.h"
#include "admin/show_drill.h"
#include "base/error.h"

namespace holdfast::admin {
namespace {

constexpr size_t kIndent = 25;  // where what was seen begins

std::string ColorOf(const Context& context, v1::ReadinessLevel level) {
  switch (level) {
    case v1::READINESS_LEVEL_OK:
      return context.Green();
    case v1::READINESS_LEVEL_WARN:
      return context.Yellow();
    default:
      return context.Red();
  }
}

std::string Colored(const Context& context, v1::ReadinessLevel level) {
  return absl::StrCat(ColorOf(context, level), ShowLevel(level), context.Plain());
}

void PrintItems(Context& context, const std::vector<v1::ReadinessItem>& items) {
  for (const v1::ReadinessItem& item : items) {
    // Colours take no place: the line is wrapped before it has them.
    const std::string level = ShowLevel(item.level());
    std::string line = Wrapped(absl::StrFormat("  %-7s  %-12s  ", level, item.check()), kIndent, item.seen());
    line.replace(2, level.size(), Colored(context, item.level()));
    context.out() << line;
    if (!item.needed().empty())
      context.out() << Wrapped(std::string(kIndent, ' ') + "needed: ", kIndent + 8, item.needed());
    if (!item.next_command().empty())
      context.out() << Wrapped(std::string(kIndent, ' ') + "next:   ", kIndent + 8, item.next_command());
  }
}

std::string RoleOf(const CheckedNode& node) {
  if (node.report.ok()) return ShowRole(node.report->role());
  return node.info.kind() == v1::NODE_KIND_PROXY ? "proxy" : "server";
}

std::vector<v1::ReadinessItem> AllItems(const CheckFindings& findings) {
  std::vector<v1::ReadinessItem> items = findings.cluster;
  for (const NodeFindings& node : findings.nodes)
    items.insert(items.end(), node.items.begin(), node.items.end());
  return items;
}

void PrintConclusion(Context& context, const CheckFindings& findings) {
  const std::vector<v1::ReadinessItem> items = AllItems(findings);
  std::vector<std::string> counts;
  for (const auto level : {v1::READINESS_LEVEL_FAIL, v1::READINESS_LEVEL_UNKNOWN, v1::READINESS_LEVEL_WARN,
                           v1::READINESS_LEVEL_OK}) {
    const auto count = std::count_if(items.begin(), items.end(),
                                     [&](const v1::ReadinessItem& item) { return item.level() == level; });
    if (count > 0) counts.push_back(absl::StrCat(count, " ", ShowLevel(level)));
  }
  context.out() << Colored(context, findings.worst()) << ": ";
  for (size_t i = 0; i < counts.size(); ++i) context.out() << (i > 0 ? ", " : "") << counts[i];
  context.out() << "\n";
}

void WriteItems(JsonWriter& json, const std::vector<v1::ReadinessItem>& items) {
  json.Key("items").BeginArray();
  for (const v1::ReadinessItem& item : items) {
    json.BeginObject().Member("check", item.check()).Member("level", ShowLevel(item.level()));
    json.Member("seen", item.seen()).Member("needed", item.needed()).Member("next", item.next_command());
    json.Key("since");
    item.has_since() ? json.String(JsonTime(item.since())) : json.Null();
    json.EndObject();
  }
  json.EndArray();
}

}  // namespace

v1::ReadinessLevel CheckFindings::worst() const { return WorstOf(AllItems(*this)); }

std::string ShowLevel(v1::ReadinessLevel level) {
  return v1::ReadinessLevel_Name(level).substr(std::string("READINESS_LEVEL_").size());
}

void PrintCheck(Context& context, const CheckFindings& findings) {
  for (const NodeFindings& node : findings.nodes) {
    context.out() << context.Bold() << node.node.info.node_id() << context.Plain() << "  "
                  << RoleOf(node.node) << " in " << node.node.info.site() << "\n";
    PrintItems(context, node.items);
    context.out() << "\n";
  }
  if (!findings.cluster.empty()) {
    context.out() << context.Bold() << "cluster" << context.Plain() << "  "
                  << findings.view.cluster.cluster_id() << "\n";
    PrintItems(context, findings.cluster);
    context.out() << "\n";
  }
  PrintConclusion(context, findings);
}

void WriteCheck(Context& context, const CheckFindings& findings) {
  JsonWriter json;
  json.BeginObject().Member("cluster_id", findings.view.cluster.cluster_id());
  json.Member("level", ShowLevel(findings.worst())).Key("nodes").BeginArray();
  for (const NodeFindings& node : findings.nodes) {
    const auto& report = node.node.report;
    json.BeginObject().Member("node_id", node.node.info.node_id()).Member("site", node.node.info.site());
    json.Member("role", RoleOf(node.node)).Member("reached", report.ok());
    json.Member("level", ShowLevel(WorstOf(node.items)));
    if (report.ok()) {
      json.Member("epoch", static_cast<int64_t>(report->epoch()))
          .Member("primary", report->primary_node_id());
      json.Member("made_at", JsonTime(report->made_at()));
    } else {
      json.Member("error", report.status().message());
    }
    WriteItems(json, node.items);
    json.Key("drill");
    report.ok() && report->has_drill() ? WriteDrill(json, report->drill()) : (void)json.Null();
    json.EndObject();
  }
  json.EndArray();
  WriteItems(json, findings.cluster);
  context.out() << json.EndObject().text() << "\n";
}

}  // namespace holdfast::admin
