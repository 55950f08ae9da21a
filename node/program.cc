#include "node/program.h"

#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "base/log_output.h"
#include "base/status_macros.h"
#include "node/errors.h"
#include "node/version.h"
#include "rpc/address.h"
#include "rpc/credentials.h"

namespace holdfast::node {
namespace {

// The two signals that ask a node to leave. Blocked before any thread is made, so that only Wait sees them.
class StopSignals {
 public:
  StopSignals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    signal(SIGPIPE, SIG_IGN);
  }

  int Wait() {
    int number = 0;
    while (sigwait(&set_, &number) != 0) {
    }
    return number;
  }

 private:
  sigset_t set_;
};

std::unique_ptr<Logger> MakeLogger(const NodeConfig& config) {
  LogOptions options;
  options.node = config.node_id;
  options.lowest = ParseLogLevel(config.log_level).value_or(LogLevel::kInfo);
  options.format = config.log_format == "json" ? LogFormat::kJson : LogFormat::kText;
  return MakeStandardErrorLogger(std::move(options), RealClock());
}

// What the file and the command line come to together.
absl::StatusOr<NodeConfig> ReadConfig(const std::string& path, bool insecure) {
  HF_ASSIGN_OR_RETURN(NodeConfig config, ReadNodeConfig(path));
  const rpc::TlsFiles tls{config.tls_ca, config.tls_cert, config.tls_key};
  if (insecure && tls.enabled()) return InsecureWithTlsError(path);
  config.insecure |= insecure;
  for (const std::string& listen : {config.client.listen, config.peer.listen}) {
    HF_ASSIGN_OR_RETURN(const rpc::Address address, rpc::ParseAddress(listen));
    HF_RETURN_IF_ERROR(rpc::CheckListenPolicy(address, tls, config.insecure));
  }
  return config;
}

int Complain(const std::string& program, const absl::Status& status, int exit_status) {
  std::fprintf(stderr, "%s: %s\n", program.c_str(), std::string(status.message()).c_str());
  return exit_status;
}

}  // namespace

int RunProgram(const ProgramDescription& description, const StartNode& start, int argc, char** argv) {
  std::string path;
  bool check_only = false;
  bool insecure = false;
  CLI::App app(description.purpose, description.name);
  app.add_option("--config", path, "the node's configuration file (TOML)")->required()->type_name("FILE");
  app.add_flag("--check-config", check_only,
               "read the configuration file, say what is wrong with it, and end");
  app.add_flag("--insecure", insecure,
               "listen beyond loopback although there is no [tls]: only on a network that is trusted");
  app.set_version_flag("--version", absl::StrCat(description.name, " ", kVersion));
  app.footer(
      absl::StrCat("Example:\n  ", description.example,
                   "\n\nEnds with SIGTERM: clients are told where to go, calls in flight are finished."));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  const absl::StatusOr<NodeConfig> config = ReadConfig(path, insecure);
  if (!config.ok()) return Complain(description.name, config.status(), 2);
  if (check_only) {
    std::printf("%s: %s is in order\n", description.name.c_str(), path.c_str());
    return 0;
  }
  StopSignals signals;
  const std::unique_ptr<Logger> logger = MakeLogger(*config);
  absl::StatusOr<std::unique_ptr<RunningNode>> node = start(*config, logger.get());
  if (!node.ok()) {
    logger->Error("main", "cannot start", {{"error", node.status().message()}});
    return 1;
  }
  logger->Info(
      "main", "started",
      {{"version", kVersion}, {"clients", (*node)->client_address()}, {"peers", (*node)->peer_address()}});
  const int number = signals.Wait();
  logger->Info("main", "leaving", {{"signal", strsignal(number)}});
  (*node)->Stop();
  node->reset();
  logger->Info("main", "ended");
  return 0;
}

}  // namespace holdfast::node
