#include "absl/strings/str_cat.h"
#include "admin/commands.h"
#include "admin/documents.h"
#include "admin/errors.h"
#include "admin/files.h"
#include "admin/show.h"
#include "base/status_macros.h"

namespace holdfast::admin {
namespace {

struct Arguments {
  std::string prefix;
  std::string to;
  bool json = false;
  std::string at;
};

absl::StatusOr<ExitCode> Run(Context& context, const Arguments& arguments) {
  if (arguments.to.empty() && !arguments.json) {
    return UsageError(
        "say where to: --to DIR for a tree, --json for one document (with --to FILE, or to standard output)");
  }
  int64_t at = 0;
  if (!arguments.at.empty()) {
    HF_ASSIGN_OR_RETURN(at, ReadRevision("--at", arguments.at));
  }
  HF_ASSIGN_OR_RETURN(client::Client* const client, context.client());
  int64_t revision = 0;
  HF_ASSIGN_OR_RETURN(const Documents documents,
                      ReadPrefix(*client, FolderPrefix(arguments.prefix), at, &revision));
  if (documents.empty()) {
    context.err() << "holdfast: there is no key below \"" << FolderPrefix(arguments.prefix) << "\"\n";
    if (arguments.json && arguments.to.empty()) {
      context.out() << WriteJsonDocuments(documents);
    } else if (context.json()) {
      JsonWriter json;
      json.BeginObject().Member("documents", int64_t{0}).Member("revision", revision);
      context.out() << json.EndObject().text() << "\n";
    }
    return ExitCode::kNegative;
  }
  if (arguments.json && arguments.to.empty()) {
    context.out() << WriteJsonDocuments(documents);
    return ExitCode::kOk;
  }
  HF_RETURN_IF_ERROR(arguments.json ? WriteWholeFile(arguments.to, WriteJsonDocuments(documents))
                                    : WriteTree(arguments.to, documents));
  if (context.json()) {
    JsonWriter json;
    json.BeginObject()
        .Member("documents", static_cast<int64_t>(documents.size()))
        .Member("revision", revision);
    context.out() << json.Member("to", arguments.to).EndObject().text() << "\n";
  } else {
    context.out() << "exported " << ShowCount(static_cast<int64_t>(documents.size()))
                  << " documents of revision " << ShowRevision(revision) << " to " << arguments.to << "\n";
  }
  return ExitCode::kOk;
}

}  // namespace

void AddExportCommand(Command& root) {
  Command command = root.Add("export", "Writes one state of a prefix as a folder or a JSON document",
                             "  holdfast export cc --to backup/\n"
                             "  holdfast export cc --json > cc.json\n"
                             "  holdfast export cc --to yesterday/ --at 0.12");
  auto arguments = std::make_shared<Arguments>();
  command.Text("prefix", &arguments->prefix, "Keys below PREFIX/ (all but the cluster's own)");
  command.Text("--to", &arguments->to, "The folder, which must be empty or new; with --json the file");
  command.Flag("--json", &arguments->json, "One JSON document: {\"key\": \"text\" or {\"base64\": \"...\"}}");
  command.Text("--at", &arguments->at, "An older revision");
  command.Runs([arguments](Context& context) { return Run(context, *arguments); });
}

}  // namespace holdfast::admin
