#include <sys/wait.h>

#include <csignal>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "admin/commands.h"
#include "admin/errors.h"
#include "admin/import.h"
#include "admin/playground.h"
#include "admin/show.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "base/uuid.h"
#include "client/connect.h"

namespace holdfast::admin {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kStartTimeout = absl::Seconds(60);
constexpr absl::Duration kStopGrace = absl::Seconds(20);
constexpr char kExamplePrefix[] = "cc/";

struct Arguments {
  std::string dir;
  int64_t proxies = 2;
  Option proxies_option;
  bool detach = false;
  bool empty = false;
  std::string examples;
  std::vector<std::string> only;
};

// The examples beside the sources, beside the installed programs, or below the working directory.
std::string FindExamples(const Environment& environment) {
  const fs::path bin = fs::path(environment.program).parent_path();
  for (const fs::path& path :
       {fs::path("examples"), bin / "../share/holdfast/examples", bin / "../../../examples"}) {
    std::error_code error;
    if (fs::is_directory(path / "contact-center", error))
      return (path / "contact-center").lexically_normal().string();
  }
  return {};
}

absl::StatusOr<size_t> ImportExamples(Context& context, const Playground& playground,
                                      const std::string& folder) {
  HF_ASSIGN_OR_RETURN(Documents documents, ReadTree(folder));
  const size_t count = documents.size();
  client::Options options;
  options.endpoints = playground.cluster().ClientEndpoints();
  options.timeout = kStartTimeout;
  HF_ASSIGN_OR_RETURN(const auto client, client::Connect(options, context.flags.tls));
  const ImportLabel label{NewUuid7(*context.environment().clock, *context.environment().random),
                          kExamplePrefix, context.author(), "the example of `holdfast up`"};
  DropUnchanged(*client, label.prefix, documents);
  const ImportPlan plan = PlanImport(documents, label.prefix, kMaxChangesPerCommit);
  const ImportResult result = RunImport(*client, plan, label, [](size_t) {});
  if (!result.stopped.ok()) return result.stopped;
  return count;
}

// Who is primary of a cluster that has been up before is what `status` tells.
void PrintNodes(Context& context, const Playground& playground, bool existed) {
  Table table({{"NODE"},
               {"SITE"},
               {existed ? "KIND" : "ROLE"},
               {"CLIENTS AT"},
               {"PEERS AT"},
               {"PID", Align::kRight}});
  for (const ClusterFile::Node& node : playground.cluster().nodes) {
    const std::string kind = existed && node.role != "proxy" ? "server" : node.role;
    table.Add({node.node_id, node.site, kind, node.address, node.peer_address,
               node.pid == 0 ? "-" : absl::StrCat(node.pid)});
  }
  context.Print(table);
}

void PrintNext(Context& context, const Playground& playground, bool default_dir, size_t documents) {
  context.out() << "\nType next:\n";
  if (!default_dir) context.out() << "  export HOLDFAST_DIR=" << playground.directory() << "\n";
  context.out() << "  holdfast status\n";
  if (documents > 0) {
    context.out() << "  holdfast list cc/tenants/\n"
                     "  holdfast get cc/tenants/alpenbank/tenant.toml\n";
  }
  context.out() << "  holdfast put cc/banner 'closed on Monday' -m 'bank holiday'\n"
                   "  holdfast watch cc/\n"
                   "  holdfast verify\n"
                   "  holdfast down"
                << (default_dir ? "" : " --dir " + playground.directory()) << "\n";
}

void WriteJson(Context& context, const Playground& playground, size_t documents) {
  JsonWriter json;
  json.BeginObject()
      .Member("cluster_id", playground.cluster().cluster_id)
      .Member("dir", playground.directory());
  json.Member("cluster_file", playground.cluster_file()).Member("documents", static_cast<int64_t>(documents));
  context.out() << json.EndObject().text() << "\n";
}

// Waits for Ctrl-C, and says when a node ends meanwhile. The signals are blocked since the start, so none is
// lost.
void StayInForeground(Context& context, const sigset_t& signals, const Playground& playground) {
  context.out() << "\nCtrl-C ends the cluster.\n" << std::flush;
  while (true) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0 || signal != SIGCHLD) return;
    for (pid_t pid; (pid = waitpid(-1, nullptr, WNOHANG)) > 0;) {
      for (const ClusterFile::Node& node : playground.cluster().nodes) {
        if (node.pid == pid)
          context.err() << "holdfast: node " << node.node_id << " has ended; its log: " << node.log << "\n";
      }
    }
  }
}

absl::StatusOr<size_t> BringUp(Context& context, const Arguments& arguments, Playground& playground) {
  if (playground.Exists()) {
    HF_RETURN_IF_ERROR(playground.Load());
    HF_RETURN_IF_ERROR(playground.Select(arguments.only));
    HF_RETURN_IF_ERROR(playground.Start());
    HF_RETURN_IF_ERROR(playground.Save());
    HF_RETURN_IF_ERROR(playground.WaitUntilReady(kStartTimeout));
    return 0;
  }
  if (!arguments.only.empty()) return UsageError("--only is for a cluster that has been up before");
  // A first start that did not come to its end is gone on with: each step here may have been done before.
  HF_RETURN_IF_ERROR(playground.HasBegun() ? playground.Load()
                                           : playground.Create(static_cast<int>(arguments.proxies)));
  HF_RETURN_IF_ERROR(playground.Start());
  HF_RETURN_IF_ERROR(playground.Init(kStartTimeout));
  HF_RETURN_IF_ERROR(playground.WaitUntilReady(kStartTimeout));
  const std::string examples =
      arguments.examples.empty() ? FindExamples(context.environment()) : arguments.examples;
  size_t documents = 0;
  if (!arguments.empty && !examples.empty()) {
    HF_ASSIGN_OR_RETURN(documents, ImportExamples(context, playground, examples));
  }
  HF_RETURN_IF_ERROR(playground.Finish());
  return documents;
}

absl::StatusOr<ExitCode> Run(Context& context, const Arguments& arguments) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGCHLD}) sigaddset(&signals, signal);
  if (!arguments.detach) pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before any thread is made

  const bool default_dir = arguments.dir.empty();
  Playground playground(&context, default_dir ? context.PlaygroundDir() : arguments.dir);
  const bool existed = playground.Exists();
  if ((existed || playground.HasBegun()) && arguments.proxies_option.given()) {
    context.err() << "holdfast: --proxies is not looked at: " << playground.directory()
                  << " has a cluster already, which is started as it is\n";
  }
  const absl::StatusOr<size_t> documents = BringUp(context, arguments, playground);
  if (!documents.ok()) {
    if (!existed && playground.HasBegun()) {  // of an older cluster, what runs goes on
      playground.Stop(kStopGrace);
      playground.Save().IgnoreError();  // process ids that are gone do no harm
    }
    return documents.status();
  }
  if (context.json()) {
    WriteJson(context, playground, *documents);
  } else {
    context.out() << "cluster " << context.Bold() << playground.cluster().cluster_id << context.Plain()
                  << " is ready";
    if (*documents > 0)
      context.out() << "; " << *documents << " example documents are below " << kExamplePrefix;
    context.out() << "\n\n";
    PrintNodes(context, playground, existed);
    if (!existed) PrintNext(context, playground, default_dir, *documents);
  }
  context.out().flush();
  if (arguments.detach) return ExitCode::kOk;
  StayInForeground(context, signals, playground);
  playground.Stop(kStopGrace);
  HF_RETURN_IF_ERROR(playground.Save());
  if (!context.json())
    context.out() << "\nthe cluster has ended; `holdfast up` starts it again with its data\n";
  return ExitCode::kOk;
}

}  // namespace

void AddUpCommand(Command& root) {
  Command command = root.Add(
      "up", "Starts a two-site cluster on this machine",
      "  holdfast up\n"
      "  holdfast up --dir /tmp/cluster --detach --proxies 2\n"
      "  holdfast up --empty                     # without the example documents\n"
      "  holdfast up --only dc1 --detach         # a site that was lost comes back\n"
      "  holdfast up --ca ca.pem --cert node.pem --key node.key\n"
      "With TLS, one certificate serves all nodes and you: for IP 127.0.0.1, with the URI name\n"
      "holdfast://node/* (all nodes) or one holdfast://node/NODE for each node.\n"
      "A directory that has a cluster already: that cluster, with its data, is started again; a first\n"
      "start that did not come to its end is gone on with.");
  auto arguments = std::make_shared<Arguments>();
  command.Text("--dir", &arguments->dir, "Where its files go (HOLDFAST_DIR, else .holdfast)");
  arguments->proxies_option =
      command.Number("--proxies", &arguments->proxies, "Proxies in each site").Between(1, 16).ShowDefault();
  command.Flag("--detach", &arguments->detach, "Return when the cluster is ready, and leave it running");
  command.Texts("--only", &arguments->only,
                "Start only this node, or the nodes of this site; may be repeated");
  command.Flag("--empty", &arguments->empty, "Import no examples");
  command.Text("--examples", &arguments->examples, "Import this folder instead of the examples");
  command.Runs([arguments](Context& context) { return Run(context, *arguments); });
}

}  // namespace holdfast::admin
