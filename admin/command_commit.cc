#include <iterator>

#include "absl/strings/str_cat.h"
#include "admin/change_document.h"
#include "admin/commands.h"
#include "admin/files.h"
#include "admin/read_flags.h"
#include "admin/show.h"
#include "base/status_macros.h"

namespace holdfast::admin {
namespace {

constexpr size_t kMaxDocumentBytes = 64 << 20;

struct Arguments {
  std::string file;
  CommitFlags commit;
};

absl::StatusOr<ExitCode> Run(Context& context, const Arguments& arguments) {
  std::string text;
  if (arguments.file == "-") {
    text.assign(std::istreambuf_iterator<char>(*context.environment().in), {});
  } else {
    HF_ASSIGN_OR_RETURN(text, ReadWholeFile(arguments.file, kMaxDocumentBytes));
  }
  v1::CommitRequest request;
  HF_RETURN_IF_ERROR(arguments.commit.Fill(context, request));
  HF_RETURN_IF_ERROR(ReadChangeDocument(arguments.file, text, request));
  HF_ASSIGN_OR_RETURN(client::Client* const client, context.client());
  HF_ASSIGN_OR_RETURN(const v1::CommitResponse response, client->Commit(request));
  const int count = request.mutations_size();
  ShowCommit(context, request, response,
             absl::StrCat("committed ", count, count == 1 ? " change" : " changes"));
  return ExitCode::kOk;
}

}  // namespace

void AddCommitCommand(Command& root) {
  Command command = root.Add(
      "commit", "Changes any number of keys atomically, under preconditions",
      "  holdfast commit changes.json\n"
      "  echo '{\"changes\": [{\"key\": \"a\", \"value\": \"1\"}, {\"key\": \"b\", \"delete\": true}],\n"
      "         \"preconditions\": [{\"key\": \"a\", \"absent\": true}]}' | holdfast commit -\n"
      "The document is described in docs/cli.md.");
  auto arguments = std::make_shared<Arguments>();
  command.Text("file", &arguments->file, "The JSON document, - for standard input").Required();
  arguments->commit.AddTo(command);
  command.Runs([arguments](Context& context) { return Run(context, *arguments); });
}

}  // namespace holdfast::admin
