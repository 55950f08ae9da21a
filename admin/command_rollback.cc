#include "absl/strings/str_cat.h"
#include "admin/changes.h"
#include "admin/commands.h"
#include "admin/errors.h"
#include "admin/read_flags.h"
#include "admin/show.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/range.h"

namespace holdfast::admin {
namespace {

struct Arguments {
  std::string prefix;
  std::string to;
  bool dry_run = false;
  CommitFlags commit;
};

absl::StatusOr<ExitCode> Run(Context& context, const Arguments& arguments) {
  if (arguments.prefix.empty()) return UsageError("an empty prefix would roll back everything; name one");
  HF_ASSIGN_OR_RETURN(const int64_t to, ReadRevision("--to", arguments.to));
  HF_ASSIGN_OR_RETURN(client::Client* const client, context.client());
  int64_t now_revision = 0;
  int64_t to_revision = 0;
  HF_ASSIGN_OR_RETURN(const Documents now, ReadPrefix(*client, arguments.prefix, 0, &now_revision));
  HF_ASSIGN_OR_RETURN(const Documents then, ReadPrefix(*client, arguments.prefix, to, &to_revision));
  const std::vector<KeyChange> changes = Compare(now, then);
  if (arguments.dry_run || changes.empty()) {
    ShowChanges(context, changes, arguments.prefix, false);
    if (changes.empty() && !context.json())
      context.out() << "nothing differs from revision " << ShowRevision(to) << "\n";
    return ExitCode::kOk;
  }
  if (changes.size() > static_cast<size_t>(kMaxChangesPerCommit)) {
    return UsageError(absl::StrCat(changes.size(), " keys differ, one commit takes ", kMaxChangesPerCommit,
                                   "; roll back longer prefixes one by one"));
  }
  v1::CommitRequest request;
  HF_RETURN_IF_ERROR(arguments.commit.Fill(context, request));
  if (request.message().empty()) request.set_message(absl::StrCat("rollback to ", ShowRevision(to)));
  for (const KeyChange& change : changes) {
    v1::Mutation& mutation = *request.add_mutations();
    mutation.set_key(absl::StrCat(arguments.prefix, change.key));
    if (change.after == nullptr) {
      mutation.set_delete_(true);
    } else {
      mutation.set_put(*change.after);
    }
  }
  v1::Precondition& unchanged = *request.add_preconditions();
  client::SetPrefix(unchanged, arguments.prefix);
  unchanged.set_range_unchanged_since(now_revision);
  HF_ASSIGN_OR_RETURN(const v1::CommitResponse response, client->Commit(request));
  ShowCommit(context, request, response,
             absl::StrCat("rolled back ", changes.size(), changes.size() == 1 ? " key" : " keys", " to ",
                          ShowRevision(to)));
  return ExitCode::kOk;
}

}  // namespace

void AddRollbackCommand(Command& root) {
  Command command = root.Add("rollback", "Restores a prefix as it was, by one commit",
                             "  holdfast rollback cc/tenants/acme/ --to 0.12 --dry-run\n"
                             "  holdfast rollback cc/tenants/acme/ --to 0.12 -m 'undo ticket 4711'");
  auto arguments = std::make_shared<Arguments>();
  command.Text("prefix", &arguments->prefix, "What the keys begin with").Required();
  command.Text("--to", &arguments->to, "The revision to restore").Required();
  command.Flag("--dry-run", &arguments->dry_run, "Only show what would change");
  arguments->commit.AddTo(command);
  command.Runs([arguments](Context& context) { return Run(context, *arguments); });
}

}  // namespace holdfast::admin
