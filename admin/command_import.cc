#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "admin/commands.h"
#include "admin/errors.h"
#include "admin/import.h"
#include "admin/progress.h"
#include "admin/read_flags.h"
#include "admin/show.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "base/uuid.h"

namespace holdfast::admin {
namespace {

constexpr size_t kShownFaults = 20;

struct Arguments {
  std::string path;
  std::string prefix;
  bool json = false;
  std::string resume;
  std::string message;
  int64_t batch_keys = kMaxChangesPerCommit;
};

size_t TotalBytes(const Documents& documents) {
  size_t total = 0;
  for (const auto& [key, bytes] : documents) total += bytes.size();
  return total;
}

// An import under way. `documents` are those that the cluster did not hold when it began; `unchanged` the
// others.
struct Work {
  ImportLabel label;
  Documents documents;
  size_t unchanged = 0;
  ImportPlan plan;
  ImportResult result;
};

void WriteJson(Context& context, const Work& work) {
  const auto& [label, documents, unchanged, plan, result] = work;
  JsonWriter json;
  json.BeginObject()
      .Member("complete", result.stopped.ok())
      .Member("import_id", UuidToString(label.import_id));
  json.Member("documents", static_cast<int64_t>(result.documents));
  json.Member("documents_unchanged", static_cast<int64_t>(unchanged));
  json.Member("documents_left", static_cast<int64_t>(documents.size() - result.documents));
  json.Member("bytes", static_cast<int64_t>(TotalBytes(documents)));
  json.Member("commits", static_cast<int64_t>(result.batches));
  json.Member("commits_left", static_cast<int64_t>(plan.batches.size() - result.batches));
  json.Member("repeated", static_cast<int64_t>(result.repeated)).Member("revision", result.revision);
  if (!result.stopped.ok()) {
    json.Member("reason", ReasonOf(result.stopped)).Member("message", result.stopped.message());
  }
  context.out() << json.EndObject().text() << "\n";
}

void Print(Context& context, const Work& work) {
  const auto& [label, documents, unchanged, plan, result] = work;
  if (documents.empty()) {
    context.out() << "all " << ShowCount(static_cast<int64_t>(unchanged))
                  << " documents were there already; nothing was committed\n";
    return;
  }
  context.out() << "imported " << ShowCount(static_cast<int64_t>(result.documents)) << " documents ("
                << ShowBytes(static_cast<int64_t>(TotalBytes(documents))) << ") in " << result.batches
                << (result.batches == 1 ? " commit" : " commits") << ", up to revision " << context.Bold()
                << ShowRevision(result.revision) << context.Plain();
  if (result.repeated > 0) context.out() << "; " << result.repeated << " of them had been committed before";
  if (unchanged > 0)
    context.out() << "; " << ShowCount(static_cast<int64_t>(unchanged)) << " more were there already";
  context.out() << "\n";
}

// One word for a shell.
std::string Quoted(absl::string_view word) {
  return absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}), "'");
}

// The command that repeats this very run, wherever it is typed: who and why stay the same for what is left.
std::string ResumeLine(const Context& context, const Arguments& arguments, const ImportLabel& label) {
  std::string line =
      absl::StrCat("holdfast import ", Quoted(arguments.path), arguments.json ? " --json" : "", " --prefix ",
                   Quoted(arguments.prefix), " --resume ", UuidToString(label.import_id));
  if (arguments.batch_keys != kMaxChangesPerCommit)
    absl::StrAppend(&line, " --batch-keys ", arguments.batch_keys);
  if (!arguments.message.empty()) absl::StrAppend(&line, " -m ", Quoted(arguments.message));
  if (!context.flags.author.empty()) absl::StrAppend(&line, " --author ", Quoted(label.author));
  return line;
}

// What is left, and the line that goes on with it.
ExitCode Incomplete(Context& context, const Arguments& arguments, const Work& work) {
  const auto& [label, documents, unchanged, plan, result] = work;
  const bool in_doubt = ExitCodeOf(result.stopped) == ExitCode::kUnknown;
  context.err()
      << "holdfast: INCOMPLETE: " << result.documents + unchanged << " of " << documents.size() + unchanged
      << " documents are imported, " << documents.size() - result.documents << " are left"
      << (in_doubt ? ", and of the next batch it is not known" : "") << ".\n"
      << "  " << result.stopped.message() << " [" << ReasonOf(result.stopped) << "]\n"
      << "Go on by the same command: what is there already is not committed again. Or repeat this very "
         "run (harmless\nwhatever has been committed, and later changes of others stay):\n"
      << "  " << ResumeLine(context, arguments, label) << "\n";
  const bool nothing_known = result.batches + unchanged == 0;
  return nothing_known && in_doubt ? ExitCode::kUnknown : ExitCode::kIncomplete;
}

// Who imports and why, and the documents, checked whole.
absl::StatusOr<Work> Prepare(Context& context, const Arguments& arguments) {
  Work work;
  work.label.prefix = FolderPrefix(arguments.prefix);
  work.label.author = context.author();
  work.label.message =
      arguments.message.empty() ? absl::StrCat("import of ", arguments.path) : arguments.message;
  if (arguments.resume.empty()) {
    work.label.import_id = NewUuid7(*context.environment().clock, *context.environment().random);
  } else {
    HF_ASSIGN_OR_RETURN(work.label.import_id, ReadUuid("--resume", arguments.resume));
  }
  HF_ASSIGN_OR_RETURN(work.documents,
                      arguments.json ? ReadJsonDocuments(arguments.path) : ReadTree(arguments.path));
  if (work.documents.empty()) return BadFileError(arguments.path, 0, "holds no document");
  const auto faults = FindFaults(work.documents, work.label.prefix, kShownFaults);
  if (!faults.empty()) return RefusedImportError(faults);
  return work;
}

absl::StatusOr<ExitCode> Run(Context& context, const Arguments& arguments) {
  HF_ASSIGN_OR_RETURN(Work work, Prepare(context, arguments));
  HF_ASSIGN_OR_RETURN(client::Client* const client, context.client());
  // Under its id an import repeats itself exactly.
  if (arguments.resume.empty()) work.unchanged = DropUnchanged(*client, work.label.prefix, work.documents);
  work.plan = PlanImport(work.documents, work.label.prefix, static_cast<int>(arguments.batch_keys));
  Progress progress(context.environment(), "documents committed");
  work.result = RunImport(*client, work.plan, work.label, [&](size_t done) {
    progress.Set(0, static_cast<int64_t>(done), static_cast<int64_t>(work.documents.size()));
  });
  progress.Done();
  const absl::Status& stopped = work.result.stopped;
  const bool nothing_done =
      work.result.batches + work.unchanged == 0 && ExitCodeOf(stopped) != ExitCode::kUnknown;
  if (!stopped.ok() && nothing_done) return WithContext(stopped, "nothing was imported");
  if (context.json()) WriteJson(context, work);
  if (!stopped.ok()) return Incomplete(context, arguments, work);
  if (!context.json()) Print(context, work);
  return ExitCode::kOk;
}

}  // namespace

void AddImportCommand(Command& root) {
  Command command =
      root.Add("import", "Puts a folder's files, or a JSON document's keys, below a prefix",
               "  holdfast import examples/contact-center --prefix cc\n"
               "  holdfast import backup.json --json --prefix cc\n"
               "  holdfast import configs --prefix cc --resume 0193a5b0-...   # that very run again\n"
               "What is there already is not committed again: after INCOMPLETE, the same command goes on.");
  auto arguments = std::make_shared<Arguments>();
  command.Text("path", &arguments->path, "The folder, file or document").Required();
  command.Text("--prefix", &arguments->prefix, "Keys are PREFIX/path");
  command.Flag("--json", &arguments->json,
               "The path is one JSON document: {\"key\": \"text\" or {\"base64\": \"...\"}}");
  command.Text("--resume", &arguments->resume, "Repeat the import of this id, commit by commit");
  command.Text("-m,--message", &arguments->message, "Why: kept with each commit");
  command.Number("--batch-keys", &arguments->batch_keys, "At most so many keys in one commit")
      .Between(1, kMaxChangesPerCommit);
  command.Runs([arguments](Context& context) { return Run(context, *arguments); });
}

}  // namespace holdfast::admin
