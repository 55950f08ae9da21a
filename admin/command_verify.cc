#include <algorithm>
#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "admin/agreement.h"
#include "admin/cluster_view.h"
#include "admin/commands.h"
#include "admin/errors.h"
#include "admin/node_comparison.h"
#include "admin/progress.h"
#include "admin/show.h"
#include "base/poll.h"
#include "base/status_macros.h"

namespace holdfast::admin {
namespace {

struct Arguments {
  bool deep = false;
  std::string wait = "10s";
};

struct Report {
  ClusterView view;
  std::vector<ComparedNode> nodes;
  Agreement agreement{{}};
  std::vector<std::optional<absl::StatusOr<v1::VerifyResult>>> deep;  // for each node, if asked for

  bool asked(size_t i) const { return nodes[i].status.ok() && (!deep[i].has_value() || deep[i]->ok()); }
  int findings(size_t i) const {
    return deep[i].has_value() && deep[i]->ok() ? (*deep[i])->findings_size() : 0;
  }
  size_t asked_count() const {
    size_t count = 0;
    for (size_t i = 0; i < nodes.size(); ++i) count += asked(i);
    return count;
  }

  ExitCode exit_code() const {
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (findings(i) > 0) return ExitCode::kNegative;
    }
    if (agreement.verdict() == Agreement::Verdict::kDiffer) return ExitCode::kNegative;
    const bool good = asked_count() == nodes.size() && agreement.verdict() == Agreement::Verdict::kAgree;
    return good ? ExitCode::kOk : ExitCode::kNotAsked;
  }
};

absl::Status LookDeep(Context& context, Report& report) {
  HF_ASSIGN_OR_RETURN(NodeAdmin* const admin, context.nodes());
  v1::VerifyRequest request;
  request.set_deep(true);
  Progress progress(context.environment(), "rows and records checked");
  AskAll(report.nodes.size(), [&](size_t i) {
    if (!report.nodes[i].status.ok()) return;
    report.deep[i] =
        admin->Verify(report.view.nodes[i].peer_address(), request, absl::InfiniteDuration(),
                      [&progress, i](int64_t checked, int64_t total) { progress.Set(i, checked, total); });
  });
  progress.Done();
  return absl::OkStatus();
}

std::string ResultOf(const Report& report, size_t i) {
  const ComparedNode& node = report.nodes[i];
  if (!node.status.ok()) return ShowNoAnswer(node.status.status());
  if (report.deep[i].has_value() && !report.deep[i]->ok()) return ShowNoAnswer(report.deep[i]->status());
  if (report.findings(i) > 0) return absl::StrCat("damaged: ", report.findings(i), " findings");
  const std::string& node_id = report.view.nodes[i].node_id();
  const std::vector<std::string> dissenters = report.agreement.Dissenters();
  if (std::find(dissenters.begin(), dissenters.end(), node_id) != dissenters.end()) return "differs";
  if (report.agreement.verdict() == Agreement::Verdict::kAgree) return "agrees";
  return "not compared";
}

std::string Conclusion(const Report& report) {
  const size_t reached = report.asked_count();
  const std::string missing = reached == report.nodes.size()
                                  ? ""
                                  : absl::StrCat("; ", report.nodes.size() - reached, " could not be asked");
  const std::string revision = ShowRevision(report.agreement.revision());
  switch (report.agreement.verdict()) {
    case Agreement::Verdict::kDiffer:
      return absl::StrCat("nodes differ at revision ", revision, ": ",
                          absl::StrJoin(report.agreement.Dissenters(), ", "), missing);
    case Agreement::Verdict::kAgree:
      return absl::StrCat(reached, reached == 1 ? " node is" : " nodes agree", " at revision ", revision,
                          missing);
    case Agreement::Verdict::kNotCompared:
      return absl::StrCat(
          "one lags behind the others: no revision was seen at all nodes in time; try again with a longer "
          "--wait",
          missing);
  }
  return {};
}

void PrintFindings(Context& context, const Report& report) {
  constexpr int kShown = 20;
  for (size_t i = 0; i < report.nodes.size(); ++i) {
    if (report.findings(i) == 0) continue;
    const auto& findings = (*report.deep[i])->findings();
    for (int n = 0; n < findings.size() && n < kShown; ++n) {
      context.out() << "  " << report.view.nodes[i].node_id() << ": " << findings[n].kind() << ": "
                    << findings[n].message() << "\n";
    }
    if (findings.size() > kShown)
      context.out() << "  ... and " << findings.size() - kShown << " more (-o json shows all)\n";
  }
}

void Print(Context& context, const Report& report) {
  Table table({{"NODE"},
               {"SITE"},
               {"ROLE"},
               {"REVISION"},
               {"KEYS", Align::kRight},
               {"STATE DIGEST"},
               {"CHAIN"},
               {"RESULT"}});
  for (size_t i = 0; i < report.nodes.size(); ++i) {
    const v1::NodeInfo& info = report.view.nodes[i];
    const auto& status = report.nodes[i].status;
    if (!status.ok()) {
      table.Add({info.node_id(), info.site(), "-", "-", "-", "-", "-", ResultOf(report, i)});
      continue;
    }
    table.Add({info.node_id(), info.site(), ShowRole(status->header().role()),
               ShowRevision(report.nodes[i].position.revision()), ShowCount(status->key_count()),
               absl::BytesToHexString(report.nodes[i].state_digest).substr(0, 16),
               absl::BytesToHexString(report.nodes[i].position.chain_hash()).substr(0, 12),
               ResultOf(report, i)});
  }
  context.Print(table);
  PrintFindings(context, report);
  const bool good = report.exit_code() == ExitCode::kOk;
  context.out() << (good ? context.Green() : context.Red()) << Conclusion(report) << context.Plain() << "\n";
}

void WriteJson(Context& context, const Report& report) {
  JsonWriter json;
  json.BeginObject().Member("agree", report.exit_code() == ExitCode::kOk);
  json.Member("revision", report.agreement.revision()).Member("conclusion", Conclusion(report));
  json.Key("nodes").BeginArray();
  for (size_t i = 0; i < report.nodes.size(); ++i) {
    const ComparedNode& node = report.nodes[i];
    json.BeginObject()
        .Member("node_id", report.view.nodes[i].node_id())
        .Member("result", ResultOf(report, i));
    if (node.status.ok()) {
      json.Member("revision", node.position.revision());
      json.Member("chain_hash", absl::BytesToHexString(node.position.chain_hash()));
      json.Member("state_digest", absl::BytesToHexString(node.state_digest));
      json.Member("key_count", node.status->key_count());
    }
    json.Key("findings").BeginArray();
    for (int n = 0; n < report.findings(i); ++n) {
      const v1::VerifyFinding& finding = (*report.deep[i])->findings(n);
      json.BeginObject().Member("kind", finding.kind()).Bytes("key", finding.key());
      json.Member("revision", finding.revision()).Member("message", finding.message()).EndObject();
    }
    json.EndArray().EndObject();
  }
  context.out() << json.EndArray().EndObject().text() << "\n";
}

absl::StatusOr<ExitCode> Run(Context& context, const Arguments& arguments) {
  absl::Duration wait;
  if (!absl::ParseDuration(arguments.wait, &wait)) return UsageError("--wait is no duration; write 10s");
  Report report;
  HF_ASSIGN_OR_RETURN(report.view, ReadClusterView(context));
  report.deep.resize(report.view.nodes.size());
  HF_ASSIGN_OR_RETURN(NodeAdmin* const admin, context.nodes());
  NodeComparison comparison(admin, context.deadline(), report.view.nodes);
  PollUntil(*context.environment().clock, wait, [&] { return comparison.Round(); });
  report.nodes = comparison.nodes();
  report.agreement = comparison.agreement();
  if (arguments.deep) HF_RETURN_IF_ERROR(LookDeep(context, report));
  context.json() ? WriteJson(context, report) : Print(context, report);
  return report.exit_code();
}

}  // namespace

void AddVerifyCommand(Command& root) {
  Command command = root.Add("verify", "Compares all nodes; exits with 1 if they differ, 3 if one is away",
                             "  holdfast verify\n"
                             "  holdfast verify --deep      # every row, record and page of every node\n"
                             "  holdfast verify -o json");
  auto arguments = std::make_shared<Arguments>();
  command.Flag("--deep", &arguments->deep,
               "Recompute every row hash, the digest, the chain and the structure");
  command.Text("--wait", &arguments->wait, "How long to wait for a revision that all nodes show")
      .ShowDefault();
  command.Runs([arguments](Context& context) { return Run(context, *arguments); });
}

}  // namespace holdfast::admin
