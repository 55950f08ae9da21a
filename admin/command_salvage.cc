// `salvage list|show|diff|apply`: what only a diverged node held, looked at and committed again.
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "admin/commands.h"
#include "admin/errors.h"
#include "admin/salvage_apply.h"
#include "admin/salvage_facts.h"
#include "admin/salvage_files.h"
#include "admin/show.h"
#include "admin/show_salvage.h"
#include "base/error.h"
#include "base/status_macros.h"

namespace holdfast::admin {
namespace {

absl::StatusOr<ExitCode> List(Context& context) {
  HF_ASSIGN_OR_RETURN(const SalvageFiles files, FindSalvageFiles(context));
  if (context.json()) {
    JsonWriter json;
    WriteSalvageFiles(json, files);
    context.out() << json.text() << "\n";
  } else {
    PrintSalvageFiles(context, files);
  }
  for (const auto& [node_id, why] : files.not_asked) {
    PrintError(context, absl::StrCat(node_id, " ", ShowNoAnswer(why),
                                     "; of its files, only those that are registered are known"));
  }
  if (!files.registry.ok())
    PrintError(context, absl::StrCat("what is registered cannot be read: ", files.registry.message()));
  return files.not_asked.empty() && files.registry.ok() ? ExitCode::kOk : ExitCode::kNotAsked;
}

// Values from before the file come from the cluster, if it can be asked: the file itself does not have them.
absl::StatusOr<ExitCode> Show(Context& context, const std::string& file) {
  HF_ASSIGN_OR_RETURN(const Salvage salvage, ReadSalvage(context, file));
  absl::StatusOr<SalvageFacts> facts = absl::UnavailableError("not asked");
  if (const auto client = context.client(); client.ok())
    facts = GatherSalvageFacts(**client, salvage.records, salvage.summary.ancestor().revision());
  const SalvageFacts* const known = facts.ok() ? &*facts : nullptr;
  if (context.json()) {
    JsonWriter json;
    WriteSalvage(json, salvage, known);
    context.out() << json.text() << "\n";
  } else {
    PrintSalvage(context, salvage, known);
  }
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> Diff(Context& context, const std::string& file) {
  HF_ASSIGN_OR_RETURN(const Salvage salvage, ReadSalvage(context, file));
  HF_ASSIGN_OR_RETURN(const SalvageRun run, PlanSalvage(context, salvage, {}));
  if (context.json()) {
    JsonWriter json;
    WriteSalvageRun(json, salvage, run, /*with_results=*/false);
    context.out() << json.text() << "\n";
  } else {
    PrintSalvageDiff(context, salvage, run);
  }
  for (const RecordVerdict& verdict : run.verdicts) {
    if (verdict.sort == SalvageSort::kClean || verdict.sort == SalvageSort::kConflicting)
      return ExitCode::kNegative;
  }
  return ExitCode::kOk;
}

struct ApplyArguments {
  std::string file;
  SalvageChoice choice;
  bool dry_run = false;
};

absl::StatusOr<ExitCode> Apply(Context& context, const ApplyArguments& arguments) {
  HF_ASSIGN_OR_RETURN(const Salvage salvage, ReadSalvage(context, arguments.file));
  HF_ASSIGN_OR_RETURN(SalvageRun run, PlanSalvage(context, salvage, arguments.choice));
  if (!arguments.dry_run) {
    HF_ASSIGN_OR_RETURN(client::Client* const client, context.client());
    RunSalvage(context, *client, salvage, run);
  }
  if (context.json()) {
    JsonWriter json;
    WriteSalvageRun(json, salvage, run, /*with_results=*/true);
    context.out() << json.text() << "\n";
  } else {
    PrintSalvageRun(context, salvage, run);
  }
  if (!run.stopped.ok()) {
    PrintError(context,
               absl::StrCat("stopped: ", run.stopped.message(), " [", ReasonOf(run.stopped),
                            "]; the same command goes on: what is applied twice does nothing twice"));
  }
  return ExitCodeOf(run);
}

void AddApply(Command& salvage) {
  auto arguments = std::make_shared<ApplyArguments>();
  Command command = salvage.Add(
      "apply", "Commits the clean records again, each as one ordinary commit",
      "  holdfast salvage apply dc1-a/salvage-0.14-20261122T210152Z-1 --dry-run\n"
      "  holdfast salvage apply dc1-a/salvage-0.14-20261122T210152Z-1\n"
      "  holdfast salvage apply dc1-a/salvage-0.14-20261122T210152Z-1 --only cc/limits --only 0.15\n"
      "  holdfast salvage apply dc1-a/salvage-0.14-20261122T210152Z-1 --overwrite-newer 0.16=1.18\n"
      "Doing it again is harmless. Exit codes: 0 nothing is left, 5 an outcome is unknown, 6 some records\n"
      "conflict or could not be applied.");
  command.Text("file", &arguments->file, "NODE/NAME as `salvage list` shows it, or a file of this machine")
      .Required();
  command.Texts("--only", &arguments->choice.only, "A record's revision, or a key: records that change it");
  command.Texts("--overwrite-newer", &arguments->choice.overwrite,
                "LOST=SEEN: a conflicting record, over what diff showed of it");
  command.Flag("--dry-run", &arguments->dry_run, "Only show what would be done");
  command.Runs([arguments](Context& context) { return Apply(context, *arguments); });
}

}  // namespace

void AddSalvageCommand(Command& root) {
  Command salvage = root.Add("salvage", "What only a node held whose log was cut: kept, compared, applied",
                             "  holdfast salvage list\n"
                             "  holdfast salvage diff dc1-a/salvage-0.14-20261122T210152Z-1\n"
                             "  holdfast salvage apply dc1-a/salvage-0.14-20261122T210152Z-1 --dry-run");
  salvage.NeedsCommand();
  salvage
      .Add("list", "The salvage files of all nodes, also of nodes that are away",
           "  holdfast salvage list\n"
           "  holdfast salvage list -o json\n"
           "Exits with 3 if a node cannot be asked.")
      .Runs(List);
  auto shown = std::make_shared<std::string>();
  Command show = salvage.Add("show", "The records of one file",
                             "  holdfast salvage show dc1-a/salvage-0.14-20261122T210152Z-1\n"
                             "  holdfast salvage show ./salvage-0.14-20261122T210152Z-1.hfsalvage");
  show.Text("file", shown.get(), "NODE/NAME as `salvage list` shows it, or a file of this machine")
      .Required();
  show.Runs([shown](Context& context) { return Show(context, *shown); });
  auto compared = std::make_shared<std::string>();
  Command diff = salvage.Add(
      "diff", "Sorts the records of a file: already present, clean, conflicting",
      "  holdfast salvage diff dc1-a/salvage-0.14-20261122T210152Z-1\n"
      "Clean: nobody has changed the keys since. Exits with 1 if a record is clean or conflicting.");
  diff.Text("file", compared.get(), "NODE/NAME as `salvage list` shows it, or a file of this machine")
      .Required();
  diff.Runs([compared](Context& context) { return Diff(context, *compared); });
  AddApply(salvage);
}

}  // namespace holdfast::admin
