#include "absl/strings/str_cat.h"
#include "admin/commands.h"
#include "admin/errors.h"
#include "admin/playground.h"
#include "admin/show.h"
#include "base/status_macros.h"

namespace holdfast::admin {
namespace {

constexpr absl::Duration kStopGrace = absl::Seconds(20);

struct Arguments {
  std::string dir;
  std::vector<std::string> only;
  bool kill = false;
};

absl::StatusOr<ExitCode> Run(Context& context, const Arguments& arguments) {
  Playground playground(&context, arguments.dir.empty() ? context.PlaygroundDir() : arguments.dir);
  if (!playground.Exists() && !playground.HasBegun()) {
    return UsageError(absl::StrCat("there is no cluster in ", playground.directory(),
                                   " (no cluster.json); name it by --dir"));
  }
  HF_RETURN_IF_ERROR(playground.Load());
  HF_RETURN_IF_ERROR(playground.Select(arguments.only));
  const int64_t running = playground.CountRunning();
  const int killed = playground.Stop(arguments.kill ? absl::ZeroDuration() : kStopGrace);
  HF_RETURN_IF_ERROR(playground.Save());
  if (context.json()) {
    JsonWriter json;
    json.BeginObject().Member("ended", running).Member("killed", killed);
    context.out() << json.EndObject().text() << "\n";
    return ExitCode::kOk;
  }
  context.out() << (arguments.kill ? "killed " : "ended ") << running << (running == 1 ? " node" : " nodes");
  if (killed > 0 && !arguments.kill)
    context.out() << "; " << killed << " of them did not end by themselves and were killed";
  context.out() << "; the data stays in " << playground.directory() << "\n";
  return ExitCode::kOk;
}

}  // namespace

void AddDownCommand(Command& root) {
  Command command = root.Add("down", "Ends the cluster that `up` started; its data stays",
                             "  holdfast down\n"
                             "  holdfast down --dir /tmp/cluster\n"
                             "  holdfast down --only dc1 --kill         # a site is lost");
  auto arguments = std::make_shared<Arguments>();
  command.Text("--dir", &arguments->dir, "Where its files are (HOLDFAST_DIR, else .holdfast)");
  command.Texts("--only", &arguments->only, "Only this node, or the nodes of this site; may be repeated");
  command.Flag("--kill", &arguments->kill, "Without warning (SIGKILL)");
  command.Runs([arguments](Context& context) { return Run(context, *arguments); });
}

}  // namespace holdfast::admin
