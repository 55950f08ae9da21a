#include "absl/strings/str_cat.h"
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

void WriteJson(Context& context, const ImportLabel& label, const ImportPlan& plan, const Documents& documents,
               const ImportResult& result) {
  JsonWriter json;
  json.BeginObject()
      .Member("complete", result.stopped.ok())
      .Member("import_id", UuidToString(label.import_id));
  json.Member("documents", static_cast<int64_t>(result.documents));
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

void Print(Context& context, const Documents& documents, const ImportResult& result) {
  context.out() << "imported " << ShowCount(static_cast<int64_t>(result.documents)) << " documents ("
                << ShowBytes(static_cast<int64_t>(TotalBytes(documents))) << ") in " << result.batches
                << (result.batches == 1 ? " commit" : " commits") << ", up to revision " << context.Bold()
                << ShowRevision(result.revision) << context.Plain();
  if (result.repeated > 0) context.out() << "; " << result.repeated << " of them had been committed before";
  context.out() << "\n";
}

// What is left, and the line that goes on with it.
ExitCode Incomplete(Context& context, const Arguments& arguments, const ImportLabel& label,
                    const Documents& documents, const ImportResult& result) {
  const bool in_doubt = ExitCodeOf(result.stopped) == ExitCode::kUnknown;
  context.err() << "holdfast: INCOMPLETE: " << result.documents << " of " << documents.size()
                << " documents are imported" << (in_doubt ? ", and of the next batch it is not known" : "")
                << ".\n"
                << "  " << result.stopped.message() << " [" << ReasonOf(result.stopped) << "]\n"
                << "Go on with (harmless whatever has been committed):\n  holdfast import " << arguments.path
                << (arguments.json ? " --json" : "") << " --prefix '" << arguments.prefix << "' --resume "
                << UuidToString(label.import_id);
  if (arguments.batch_keys != kMaxChangesPerCommit) context.err() << " --batch-keys " << arguments.batch_keys;
  context.err() << "\n";
  return result.batches == 0 && in_doubt ? ExitCode::kUnknown : ExitCode::kIncomplete;
}

absl::StatusOr<ExitCode> Run(Context& context, const Arguments& arguments) {
  ImportLabel label;
  label.prefix = FolderPrefix(arguments.prefix);
  label.author = context.author();
  label.message = arguments.message.empty() ? absl::StrCat("import of ", arguments.path) : arguments.message;
  if (arguments.resume.empty()) {
    label.import_id = NewUuid7(*context.environment().clock, *context.environment().random);
  } else {
    HF_ASSIGN_OR_RETURN(label.import_id, ReadUuid("--resume", arguments.resume));
  }
  HF_ASSIGN_OR_RETURN(const Documents documents,
                      arguments.json ? ReadJsonDocuments(arguments.path) : ReadTree(arguments.path));
  if (documents.empty()) return BadFileError(arguments.path, 0, "holds no document");
  const auto faults = FindFaults(documents, label.prefix, kShownFaults);
  if (!faults.empty()) return RefusedImportError(faults);

  const ImportPlan plan = PlanImport(documents, label.prefix, static_cast<int>(arguments.batch_keys));
  HF_ASSIGN_OR_RETURN(client::Client* const client, context.client());
  Progress progress(context.environment(), "documents committed");
  const ImportResult result = RunImport(*client, plan, label, [&](size_t done) {
    progress.Set(0, static_cast<int64_t>(done), static_cast<int64_t>(documents.size()));
  });
  progress.Done();
  const bool nothing_done = result.batches == 0 && ExitCodeOf(result.stopped) != ExitCode::kUnknown;
  if (!result.stopped.ok() && nothing_done) return WithContext(result.stopped, "nothing was imported");
  if (context.json()) WriteJson(context, label, plan, documents, result);
  if (!result.stopped.ok()) return Incomplete(context, arguments, label, documents, result);
  if (!context.json()) Print(context, documents, result);
  return ExitCode::kOk;
}

}  // namespace

void AddImportCommand(Command& root) {
  Command command =
      root.Add("import", "Puts a folder's files, or a JSON document's keys, below a prefix",
               "  holdfast import examples/contact-center --prefix cc\n"
               "  holdfast import backup.json --json --prefix cc\n"
               "  holdfast import configs --prefix cc --resume 0193a5b0-...   # after INCOMPLETE");
  auto arguments = std::make_shared<Arguments>();
  command.Text("path", &arguments->path, "The folder, file or document").Required();
  command.Text("--prefix", &arguments->prefix, "Keys are PREFIX/path");
  command.Flag("--json", &arguments->json,
               "The path is one JSON document: {\"key\": \"text\" or {\"base64\": \"...\"}}");
  command.Text("--resume", &arguments->resume, "Go on with the import of this id");
  command.Text("-m,--message", &arguments->message, "Why: kept with each commit");
  command.Number("--batch-keys", &arguments->batch_keys, "At most so many keys in one commit")
      .Between(1, kMaxChangesPerCommit);
  command.Runs([arguments](Context& context) { return Run(context, *arguments); });
}

}  // namespace holdfast::admin
