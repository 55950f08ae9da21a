#include <iterator>

#include "absl/strings/str_cat.h"
#include "admin/commands.h"
#include "admin/errors.h"
#include "admin/files.h"
#include "admin/read_flags.h"
#include "admin/show.h"
#include "base/limits.h"
#include "base/status_macros.h"

namespace holdfast::admin {
namespace {

struct Arguments {
  std::string key;
  Option value_option;
  std::string value;
  std::string file;
  bool if_absent = false;
  std::string if_revision;
  CommitFlags commit;
};

absl::StatusOr<std::string> ReadValue(Context& context, const Arguments& arguments) {
  const bool has_value = arguments.value_option.given();
  if (has_value == !arguments.file.empty()) {
    return UsageError("give the value as an argument or by --file (--file - reads standard input), not both");
  }
  if (has_value) return arguments.value;
  if (arguments.file != "-") return ReadWholeFile(arguments.file, kMaxValueBytes);
  std::istream& in = *context.environment().in;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

absl::StatusOr<ExitCode> Run(Context& context, const Arguments& arguments) {
  v1::CommitRequest request;
  HF_RETURN_IF_ERROR(arguments.commit.Fill(context, request));
  v1::Mutation& mutation = *request.add_mutations();
  mutation.set_key(arguments.key);
  HF_ASSIGN_OR_RETURN(*mutation.mutable_put(), ReadValue(context, arguments));
  if (arguments.if_absent || !arguments.if_revision.empty()) {
    v1::Precondition& condition = *request.add_preconditions();
    condition.set_key(arguments.key);
    if (arguments.if_absent) {
      condition.set_absent(true);
    } else {
      HF_ASSIGN_OR_RETURN(const int64_t revision, ReadRevision("--if-revision", arguments.if_revision));
      condition.set_mod_revision(revision);
    }
  }
  HF_ASSIGN_OR_RETURN(client::Client* const client, context.client());
  HF_ASSIGN_OR_RETURN(const v1::CommitResponse response, client->Commit(request));
  ShowCommit(context, request, response, absl::StrCat("put ", arguments.key));
  return ExitCode::kOk;
}

}  // namespace

void AddPutCommand(Command& root) {
  Command command = root.Add("put", "Sets one key",
                             "  holdfast put cc/banner 'closed on Monday' -m 'bank holiday'\n"
                             "  holdfast put cc/tenants/acme/options.toml --file options.toml\n"
                             "  jq . queues.json | holdfast put cc/queues.json --file -\n"
                             "  holdfast put cc/lock mine --if-absent");
  auto arguments = std::make_shared<Arguments>();
  command.Text("key", &arguments->key, "The key").Required();
  arguments->value_option = command.Text("value", &arguments->value, "Its value");
  command.Text("--file", &arguments->file, "Take the value from a file, - for standard input");
  const Option absent = command.Flag("--if-absent", &arguments->if_absent, "Only if the key does not exist");
  command.Text("--if-revision", &arguments->if_revision, "Only if the key was last changed at this revision")
      .Excludes(absent);
  arguments->commit.AddTo(command);
  command.Runs([arguments](Context& context) { return Run(context, *arguments); });
}

}  // namespace holdfast::admin
