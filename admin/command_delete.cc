#include "absl/strings/str_cat.h"
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
  std::vector<std::string> keys;
  std::string prefix;
  std::string if_revision;
  CommitFlags commit;
};

// The keys of a prefix, and the condition that there are no others when they go. Answers the revision of the
// keys.
absl::StatusOr<int64_t> AddPrefix(client::Client& client, const std::string& prefix,
                                  v1::CommitRequest& request) {
  v1::ListRequest list;
  client::SetPrefix(list, prefix);
  list.set_keys_only(true);
  HF_ASSIGN_OR_RETURN(const int64_t revision, client.ListAll(list, [&](v1::KeyValue& kv) -> absl::Status {
    if (request.mutations_size() == kMaxChangesPerCommit) {
      return UsageError(
          absl::StrCat("more than ", kMaxChangesPerCommit, " keys begin with \"", prefix,
                       "\", which is more than one commit takes; delete longer prefixes one by one"));
    }
    v1::Mutation& mutation = *request.add_mutations();
    mutation.set_key(kv.key());
    mutation.set_delete_(true);
    return absl::OkStatus();
  }));
  v1::Precondition& unchanged = *request.add_preconditions();
  client::SetPrefix(unchanged, prefix);
  unchanged.set_range_unchanged_since(revision);
  return revision;
}

absl::StatusOr<ExitCode> Run(Context& context, const Arguments& arguments) {
  if (arguments.keys.empty() == arguments.prefix.empty())
    return UsageError("name keys, or a --prefix, not both");
  if (!arguments.if_revision.empty() && arguments.keys.size() != 1) {
    return UsageError("--if-revision goes with exactly one key");
  }
  v1::CommitRequest request;
  HF_RETURN_IF_ERROR(arguments.commit.Fill(context, request));
  HF_ASSIGN_OR_RETURN(client::Client* const client, context.client());
  for (const std::string& key : arguments.keys) {
    v1::Mutation& mutation = *request.add_mutations();
    mutation.set_key(key);
    mutation.set_delete_(true);
  }
  v1::CommitResponse nothing;
  if (!arguments.prefix.empty()) {
    HF_ASSIGN_OR_RETURN(const int64_t read_at, AddPrefix(*client, arguments.prefix, request));
    nothing.set_revision(read_at);
  }
  if (!arguments.if_revision.empty()) {
    HF_ASSIGN_OR_RETURN(const int64_t revision, ReadRevision("--if-revision", arguments.if_revision));
    v1::Precondition& condition = *request.add_preconditions();
    condition.set_key(arguments.keys[0]);
    condition.set_mod_revision(revision);
  }
  if (request.mutations_size() == 0) {
    context.err() << "holdfast: no key begins with \"" << arguments.prefix << "\"\n";
    if (context.json()) ShowCommit(context, request, nothing, "");
    return ExitCode::kNegative;
  }
  HF_ASSIGN_OR_RETURN(const v1::CommitResponse response, client->Commit(request));
  const int count = request.mutations_size();
  ShowCommit(context, request, response,
             count == 1 ? absl::StrCat("deleted ", request.mutations(0).key())
                        : absl::StrCat("deleted ", count, " keys"));
  return response.changed() || response.repeated() ? ExitCode::kOk : ExitCode::kNegative;
}

}  // namespace

void AddDeleteCommand(Command& root) {
  Command command = root.Add("delete", "Deletes keys in one commit; exits with 1 if none of them existed",
                             "  holdfast delete cc/banner -m 'open again'\n"
                             "  holdfast delete cc/a cc/b\n"
                             "  holdfast delete --prefix cc/tenants/old/");
  auto arguments = std::make_shared<Arguments>();
  command.Texts("keys", &arguments->keys, "The keys");
  command.Text("--prefix", &arguments->prefix, "All keys that begin so, if nobody changes them meanwhile");
  command.Text("--if-revision", &arguments->if_revision, "Only if the key was last changed at this revision");
  arguments->commit.AddTo(command);
  command.Runs([arguments](Context& context) { return Run(context, *arguments); });
}

}  // namespace holdfast::admin
