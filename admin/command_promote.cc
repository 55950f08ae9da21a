// `promote` and `switchover`.
#include <memory>
#include <string>
#include <vector>

#include "admin/commands.h"
#include "admin/operation_start.h"

namespace holdfast::admin {
namespace {

struct Arguments {
  OperationWish wish;
  bool in_place = false;
  std::vector<std::string> sites_down;
  Option accept_loss_option;
  int64_t accept_loss = 0;
  bool accept_unknown_loss = false;
  bool accept_local = false;
  std::string choose_branch;
};

absl::StatusOr<ExitCode> Promote(Context& context, const Arguments& arguments) {
  OperationWish wish = arguments.wish;
  wish.kind = arguments.in_place ? v1::OPERATION_KIND_PROMOTE_IN_PLACE : v1::OPERATION_KIND_PROMOTE;
  if (arguments.accept_loss_option.given()) wish.overrides.set_accept_loss(arguments.accept_loss);
  wish.overrides.set_accept_unknown_loss(arguments.accept_unknown_loss);
  wish.overrides.set_accept_local(arguments.accept_local);
  wish.overrides.set_choose_branch(arguments.choose_branch);
  for (const std::string& site : arguments.sites_down) wish.overrides.add_assert_sites_down(site);
  return PlanAndStart(context, wish);
}

}  // namespace

void AddPromoteCommand(Command& root) {
  auto arguments = std::make_shared<Arguments>();
  Command command = root.Add(
      "promote", "Makes a standby the primary after a site was lost; shows a plan first",
      "  holdfast promote dc2-a --dry-run\n"
      "  holdfast promote dc2-a --reason 'dc1 is dark since 03:10'\n"
      "  holdfast promote dc2-a --yes --plan 3f2a90c1d77e\n"
      "  holdfast promote dc1-a --in-place --assert-site-down=dc2\n"
      "  holdfast promote dc2-a --choose-branch=1.57@9f3c2a1b\n"
      "Exit codes: 0 DONE (dry run: could be done), 4 REFUSED or ROLLED BACK, 5 UNKNOWN, 6 INCOMPLETE.");
  command.Text("node", &arguments->wish.node_id, "The server to promote").Required();
  command.Flag("--in-place", &arguments->in_place,
               "The node is the primary, and the site of its voters is lost: a new epoch on what is left");
  command.Texts("--assert-site-down", &arguments->sites_down,
                "Somebody has seen that this site is down, or made it so");
  arguments->accept_loss_option = command.Number("--accept-loss", &arguments->accept_loss,
                                                 "So many records that are known to exist may be lost");
  command.Flag("--accept-unknown-loss", &arguments->accept_unknown_loss,
               "Commits may be lost, and nobody can say how many");
  command.Flag("--accept-local", &arguments->accept_local,
               "Nobody is left to vote: commits will be held by the new primary alone");
  command.Text("--choose-branch", &arguments->choose_branch,
               "Of several branches this one is kept, by the plan's name; the others go to salvage");
  AddOperationFlags(command, &arguments->wish);
  command.Runs([arguments](Context& context) { return Promote(context, *arguments); });
}

void AddSwitchoverCommand(Command& root) {
  auto wish = std::make_shared<OperationWish>();
  wish->kind = v1::OPERATION_KIND_SWITCHOVER;
  Command command = root.Add(
      "switchover", "Hands the primary over to a standby, both sites being up; plans first",
      "  holdfast switchover dc2-a --dry-run\n"
      "  holdfast switchover dc2-a --reason 'dc1 is patched tonight'\n"
      "  holdfast switchover dc2-a --yes --plan 3f2a90c1d77e\n"
      "Nothing is lost, and commits pause for a moment. If it fails, the old primary goes on.\n"
      "Exit codes: 0 DONE (dry run: could be done), 4 REFUSED or ROLLED BACK, 5 UNKNOWN, 6 INCOMPLETE.");
  command.Text("node", &wish->node_id, "The standby that is to be the primary").Required();
  AddOperationFlags(command, wish.get());
  command.Runs([wish](Context& context) { return PlanAndStart(context, *wish); });
}

}  // namespace holdfast::admin
