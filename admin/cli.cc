#include "admin/cli.h"

#include <algorithm>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "admin/commands.h"
#include "admin/errors.h"
#include "admin/json_writer.h"
#include "admin/show.h"
#include "base/error.h"

#ifndef HOLDFAST_VERSION
#define HOLDFAST_VERSION "0.0.0"
#endif

namespace holdfast::admin {
namespace {

constexpr char kFooter[] =
    "Exit codes: 0 done, 1 no (not found, differs), 2 usage, 3 someone could not be asked, 4 refused,\n"
    "5 outcome unknown, 6 incomplete, 7 failed. `holdfast COMMAND --help` shows examples.";

void AddGlobalFlags(Command& root, GlobalFlags& flags) {
  const auto add = [&](const char* name, std::string* value, const char* help) {
    return root.Text(name, value, help).Group("Whom to ask, and how");
  };
  add("--endpoints", &flags.endpoints, "Nodes to ask, host:port,... (HOLDFAST_ENDPOINTS)");
  add("-o,--output", &flags.output, "table or json").OneOf({"table", "json"}).ShowDefault();
  add("--deadline", &flags.deadline, "How long one call may take: 500ms, 10s, 2m (10s)");
  add("--author", &flags.author, "Who commits (HOLDFAST_AUTHOR; else user@host)");
  add("--ca", &flags.tls.ca, "TLS: certificate authority (HOLDFAST_CA)");
  add("--cert", &flags.tls.cert, "TLS: own certificate (HOLDFAST_CERT)");
  add("--key", &flags.tls.key, "TLS: own key (HOLDFAST_KEY)");
}

void AddCommands(Command& root) {
  for (const auto add :
       {AddGetCommand,        AddListCommand,    AddPutCommand,        AddDeleteCommand,   AddCommitCommand,
        AddWatchCommand,      AddHistoryCommand, AddDiffCommand,       AddRollbackCommand, AddImportCommand,
        AddExportCommand,     AddStatusCommand,  AddVerifyCommand,     AddCheckCommand,    AddDrillCommand,
        AddInitCommand,       AddNodesCommand,   AddDurabilityCommand, AddDrainCommand,    AddPromoteCommand,
        AddSwitchoverCommand, AddRejoinCommand,  AddOperationCommand,  AddSalvageCommand,  AddSnapshotCommand,
        AddUpCommand,         AddDownCommand}) {
    add(root);
  }
}

ExitCode Report(Context& context, const absl::Status& status) {
  const bool usage = IsUsageError(status);
  const ExitCode code = usage ? ExitCode::kUsage : ExitCodeOf(status);
  if (context.json()) {
    JsonWriter json;
    json.BeginObject().Key("error").BeginObject();
    json.Member("reason", ReasonOf(status)).Member("message", status.message());
    json.Key("details").BeginObject();
    for (const auto& [key, value] : DetailsOf(status)) {
      if (!(usage && key == "usage")) json.Member(key, value);
    }
    json.EndObject().EndObject().EndObject();
    context.out() << json.text() << "\n";
  } else {
    const std::string reason =
        usage || ReasonOf(status).empty() ? "" : absl::StrCat(" [", ReasonOf(status), "]");
    const std::string message(status.message());
    const size_t end = std::min(message.rfind("; next: "), message.size());
    PrintError(context, absl::StrCat(message.substr(0, end), reason, message.substr(end)));
  }
  return code;
}

}  // namespace

ExitCode RunCommandLine(const std::vector<std::string>& arguments, Environment& environment) {
  Context context(&environment);
  CLI::App app("holdfast: configuration for two data centers", "holdfast");
  app.set_version_flag("--version", "holdfast " HOLDFAST_VERSION, "Prints the release");
  app.require_subcommand(1);
  app.fallthrough();
  app.get_formatter()->column_width(28);
  app.footer(kFooter);
  Command root(&app, &context);
  AddGlobalFlags(root, context.flags);
  AddCommands(root);
  try {
    std::vector<std::string> reversed(arguments.rbegin(),
                                      arguments.rend());  // CLI11 takes them from the back
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error, *environment.out, *environment.err);
    return code == 0 ? ExitCode::kOk : ExitCode::kUsage;
  }
  if (absl::Status status = context.Complete(); !status.ok()) return Report(context, status);
  const absl::StatusOr<ExitCode> result = context.action(context);
  environment.out->flush();
  return result.ok() ? *result : Report(context, result.status());
}

}  // namespace holdfast::admin
