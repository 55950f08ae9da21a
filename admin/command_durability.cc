// `durability`: the rule in force, another rule, and planned spells of local.
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "admin/cluster_view.h"
#include "admin/commands.h"
#include "admin/errors.h"
#include "admin/show.h"
#include "admin/show_durability.h"
#include "base/status_macros.h"
#include "client/options.h"

namespace holdfast::admin {
namespace {

struct Arguments {
  Option quorum_option;
  int64_t quorum = 0;
  std::string voters;
  std::string length;
  std::string extension;
  bool end = false;
  std::string reason;
};

absl::StatusOr<ExitCode> Show(Context& context) {
  HF_ASSIGN_OR_RETURN(const ClusterView view, ReadClusterView(context));
  HF_ASSIGN_OR_RETURN(NodeAdmin* const admin, context.nodes());
  const auto answers = AskStatus(*admin, view.nodes, context.deadline());
  const v1::StatusResponse* const witness = BestWitness(answers);
  if (witness == nullptr) return answers.empty() ? absl::UnknownError("no nodes") : answers.front().status();
  ShowDurability(context, *witness);
  return witness->header().role() == v1::NODE_ROLE_PRIMARY ? ExitCode::kOk : ExitCode::kNotAsked;
}

// Shows what came of a change, as its primary has it.
absl::StatusOr<ExitCode> ShowChanged(Context& context, const std::string& primary, bool settled) {
  HF_ASSIGN_OR_RETURN(NodeAdmin* const admin, context.nodes());
  const absl::StatusOr<v1::StatusResponse> status = admin->Status(primary, context.deadline());
  if (status.ok()) {
    ShowDurability(context, *status);
  } else {
    context.err() << "holdfast: it is done; to look at it: holdfast durability\n";
  }
  if (settled) return ExitCode::kOk;
  context.err()
      << "holdfast: INCOMPLETE: committed, but the voters do not yet durably know it: switch nothing "
         "off before `holdfast durability` says no more\n";
  return ExitCode::kIncomplete;
}

absl::StatusOr<ExitCode> Replicated(Context& context, const Arguments& arguments) {
  if (arguments.quorum_option.given() && arguments.quorum < 1)
    return UsageError(
        "--q must be at least 1; less is a spell: holdfast durability local --for 2h --reason ...");
  if (!arguments.quorum_option.given() && arguments.voters.empty())
    return UsageError("say --q, --voters or both");
  HF_ASSIGN_OR_RETURN(const ClusterView view, ReadClusterView(context));
  HF_ASSIGN_OR_RETURN(NodeAdmin* const admin, context.nodes());
  v1::ChangeNodesRequest request;
  if (arguments.quorum_option.given()) request.set_quorum(static_cast<uint32_t>(arguments.quorum));
  if (!arguments.voters.empty()) {
    for (const std::string& node_id : client::SplitEndpoints(arguments.voters))
      request.mutable_voters()->add_node_ids(node_id);
  }
  request.set_operator_name(context.author());
  request.set_host(context.environment().host);
  request.set_reason(arguments.reason);
  const std::string primary = PrimaryAddress(*admin, view, context.deadline());
  HF_ASSIGN_OR_RETURN(const v1::ChangeNodesResponse changed,
                      admin->ChangeNodes(primary, request, context.deadline()));
  return ShowChanged(context, primary, changed.settled());
}

absl::Status ReadSpan(absl::string_view flag, const std::string& text, google::protobuf::Duration* proto) {
  absl::Duration span;
  if (!absl::ParseDuration(text, &span) || span < absl::Seconds(1) || span == absl::InfiniteDuration())
    return UsageError(absl::StrCat(flag, " ", text, " is no duration from 1s on; write 30m or 2h"));
  proto->set_seconds(absl::ToInt64Seconds(absl::Ceil(span, absl::Seconds(1))));
  return absl::OkStatus();
}

absl::StatusOr<ExitCode> Local(Context& context, const Arguments& arguments) {
  const int wanted = !arguments.length.empty() + !arguments.extension.empty() + arguments.end;
  if (wanted != 1) return UsageError("say one of --for, --extend and --end");
  v1::ChangeSpellRequest request;
  request.set_operator_name(context.author());
  request.set_host(context.environment().host);
  request.set_reason(arguments.reason);
  if (arguments.end) {
    request.set_action(v1::SPELL_ACTION_END);
  } else if (!arguments.extension.empty()) {
    request.set_action(v1::SPELL_ACTION_EXTEND);
    HF_RETURN_IF_ERROR(ReadSpan("--extend", arguments.extension, request.mutable_duration()));
  } else {
    request.set_action(v1::SPELL_ACTION_BEGIN);
    HF_RETURN_IF_ERROR(ReadSpan("--for", arguments.length, request.mutable_duration()));
    if (arguments.reason.empty())
      return UsageError("--reason says why; it is kept with the spell, and shown");
  }
  HF_ASSIGN_OR_RETURN(const ClusterView view, ReadClusterView(context));
  HF_ASSIGN_OR_RETURN(NodeAdmin* const admin, context.nodes());
  const std::string primary = PrimaryAddress(*admin, view, context.deadline());
  HF_ASSIGN_OR_RETURN(const v1::ChangeSpellResponse changed,
                      admin->ChangeSpell(primary, request, context.deadline()));
  return ShowChanged(context, primary, !arguments.end || changed.settled());
}

}  // namespace

void AddDurabilityCommand(Command& root) {
  Command command = root.Add("durability", "Shows how many voters must hold a commit, and changes it",
                             "  holdfast durability\n"
                             "  holdfast durability replicated --q 2 --voters dc2-a,dc2-b,dc2-p1\n"
                             "  holdfast durability local --for 2h --reason 'line works tonight'\n"
                             "What blocks and what is proven for each choice: docs/durability.md.");
  command.Runs(Show);

  auto arguments = std::make_shared<Arguments>();
  Command replicated =
      command.Add("replicated", "Lets q of the voters hold each commit; ends a spell of local",
                  "  holdfast durability replicated --q 2\n"
                  "  holdfast durability replicated --q 2 --voters dc2-a,dc2-b,dc2-p1");
  arguments->quorum_option = replicated.Number("--q", &arguments->quorum, "How many must hold a commit");
  replicated.Text("--voters", &arguments->voters, "The nodes whose acknowledgements count");
  replicated.Text("--reason", &arguments->reason, "Why: kept with the change");
  replicated.Runs([arguments](Context& context) { return Replicated(context, *arguments); });

  auto spell = std::make_shared<Arguments>();
  Command local =
      command.Add("local", "A planned spell in which the primary alone holds what it acknowledges",
                  "  holdfast durability local --for 2h --reason 'line works tonight'\n"
                  "  holdfast durability local --extend 30m\n"
                  "  holdfast durability local --end\n"
                  "It needs its voters to begin, ends by itself, and lasts 24h at most. Where the\n"
                  "voters are lost already: holdfast promote NODE --in-place.");
  local.Text("--for", &spell->length, "Begins one, that long");
  local.Text("--extend", &spell->extension, "Lets it last so much longer");
  local.Flag("--end", &spell->end, "Ends it now");
  local.Text("--reason", &spell->reason, "Why: kept with the spell, and shown");
  local.Runs([spell](Context& context) { return Local(context, *spell); });
}

}  // namespace holdfast::admin
