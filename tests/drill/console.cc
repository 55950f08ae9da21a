#include "tests/drill/console.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "admin/exit_code.h"
#include "base/poll.h"
#include "base/status_macros.h"

namespace holdfast::drill {
namespace {

constexpr absl::Duration kCommandBound = absl::Seconds(90);  // no command of the drill takes so long
constexpr absl::Duration kAskTimeout = absl::Seconds(1);

bool Is(int exit_status, admin::ExitCode code) { return exit_status == static_cast<int>(code); }

}  // namespace

absl::StatusOr<std::unique_ptr<Console>> Console::Open(testing::LocalCluster* cluster, const Halt* halt,
                                                       Clock* clock) {
  HF_ASSIGN_OR_RETURN(auto nodes, admin::MakeNodeAdmin({}));
  return std::unique_ptr<Console>(new Console(cluster, halt, clock, std::move(nodes)));
}

testing::CommandResult Console::Type(const std::vector<std::string>& arguments) const {
  return cluster_->Holdfast(arguments, {kCommandBound, halt_->flag()});
}

absl::StatusOr<Console::Carried> Console::CarryOut(const std::vector<std::string>& verb,
                                                   absl::Duration patience) const {
  std::vector<std::string> command = verb;
  command.insert(command.end(), {"-o", "json"});
  Carried carried;
  absl::Status last;
  const bool done = Wait(patience, [&] {
    std::vector<std::string> look = command;
    look.push_back("--dry-run");
    ++carried.looks;
    testing::CommandResult result = Type(look);
    if (result.exit_status == 0) {
      const auto plan = admin::ParseJson("plan", result.out);
      std::vector<std::string> confirm = command;
      confirm.insert(confirm.end(), {"--yes", "--plan", plan.ok() ? admin::TextOf(*plan, "plan_id") : ""});
      carried.began = clock_->SinceBoot();
      result = Type(confirm);
      auto operation = admin::ParseJson("operation", result.out);
      carried.exit_status = result.exit_status;
      if (result.exit_status == 0 || Is(result.exit_status, admin::ExitCode::kIncomplete)) {
        last = operation.status();
        if (operation.ok()) carried.operation = *std::move(operation);
        return true;
      }
    }
    last = absl::AbortedError(absl::StrCat("holdfast ", absl::StrJoin(verb, " "), ": exit status ",
                                           result.exit_status, ": ", result.out, result.err));
    return false;
  });
  if (!last.ok()) return last;
  if (!done) return absl::DeadlineExceededError("not carried out in time");
  return carried;
}

absl::StatusOr<admin::JsonValue> Console::Ask(const std::vector<std::string>& command,
                                              absl::Duration patience) const {
  std::vector<std::string> for_json = command;
  for_json.insert(for_json.end(), {"-o", "json"});
  testing::CommandResult result;
  const bool answered = Wait(patience, [&] { return (result = Type(for_json)).exit_status == 0; });
  if (answered) return admin::ParseJson(command.front(), result.out);
  return absl::UnknownError(absl::StrCat("holdfast ", absl::StrJoin(command, " "), ": exit status ",
                                         result.exit_status, ": ", result.out, result.err));
}

absl::StatusOr<v1::StatusResponse> Console::StatusOf(const std::string& node_id) const {
  return nodes_->Status(cluster_->node(node_id).peer_address, kAskTimeout);
}

bool Console::Wait(absl::Duration patience, const std::function<bool()>& holds) const {
  bool held = false;
  PollUntil(*clock_, patience, [&] { return halt_->is_said() || (held = holds()); });
  return held;
}

}  // namespace holdfast::drill
