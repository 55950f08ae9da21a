#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "admin/changes.h"
#include "admin/commands.h"
#include "admin/errors.h"
#include "admin/show.h"
#include "base/status_macros.h"

namespace holdfast::admin {
namespace {

struct Arguments {
  std::string before;
  std::string after;
  std::string prefix;
  bool text = false;
};

// "now", a revision, a folder, or a JSON document.
absl::StatusOr<Documents> ReadSide(Context& context, const std::string& side, const std::string& prefix) {
  const std::optional<Revision> revision = Revision::Parse(side);
  if (side == "now" || (revision.has_value() && !revision->is_zero())) {
    HF_ASSIGN_OR_RETURN(client::Client* const client, context.client());
    int64_t read = 0;
    return ReadPrefix(*client, prefix, side == "now" ? 0 : revision->number(), &read);
  }
  std::error_code error;
  if (!std::filesystem::exists(side, error)) {
    return UsageError(absl::StrCat(
        "\"", side, "\" is neither a revision (0.12), nor now, nor a folder or JSON document here"));
  }
  return absl::EndsWith(side, ".json") ? ReadJsonDocuments(side) : ReadTree(side);
}

absl::StatusOr<ExitCode> Run(Context& context, const Arguments& arguments) {
  const std::string prefix = FolderPrefix(arguments.prefix);
  HF_ASSIGN_OR_RETURN(const Documents before, ReadSide(context, arguments.before, prefix));
  HF_ASSIGN_OR_RETURN(const Documents after, ReadSide(context, arguments.after, prefix));
  const std::vector<KeyChange> changes = Compare(before, after);
  ShowChanges(context, changes, prefix, arguments.text);
  return changes.empty() ? ExitCode::kOk : ExitCode::kNegative;
}

}  // namespace

void AddDiffCommand(Command& root) {
  Command command =
      root.Add("diff", "Compares revisions or folders; exits with 1 if they differ",
               "  holdfast diff 0.12 now cc\n"
               "  holdfast diff 0.12 0.40 cc/tenants/acme --text\n"
               "  holdfast diff now examples/contact-center cc    # what an import would change");
  auto arguments = std::make_shared<Arguments>();
  command.Text("before", &arguments->before, "A revision, now, a folder or a .json document").Required();
  command.Text("after", &arguments->after, "The same").Required();
  command.Text("prefix", &arguments->prefix, "Keys below PREFIX/");
  command.Flag("--text", &arguments->text, "The lines that differ too");
  command.Runs([arguments](Context& context) { return Run(context, *arguments); });
}

}  // namespace holdfast::admin
