#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "admin/environment.h"
#include "admin/exit_code.h"
#include "admin/flags.h"
#include "admin/node_admin.h"
#include "admin/table.h"
#include "client/client.h"
#include "rpc/tls_files.h"

namespace holdfast::admin {

// The flags that every command takes.
struct GlobalFlags {
  std::string endpoints;
  std::string output = "table";
  std::string deadline;
  std::string author;
  rpc::TlsFiles tls;
};

// One run of the program: its world, its flags, and what it talks to. A command's action gets it once all
// flags are read. One thread.
class Context {
 public:
  explicit Context(Environment* environment) : environment_(environment) {}

  GlobalFlags flags;

  // Set by the command that was named.
  Command::Action action;

  // Reads what flags left open from the variables, and checks both. INVALID_REQUEST (usage).
  absl::Status Complete();

  Environment& environment() { return *environment_; }
  std::ostream& out() { return *environment_->out; }
  std::ostream& err() { return *environment_->err; }
  bool json() const { return flags.output == "json"; }
  absl::Duration deadline() const { return deadline_; }
  std::string author() const;

  // Whom to ask: --endpoints, HOLDFAST_ENDPOINTS, the playground's cluster.json, or 127.0.0.1:7400.
  const std::vector<std::string>& endpoints() const { return endpoints_; }

  // The playground's directory: --dir is the command's own; this is HOLDFAST_DIR or ./.holdfast.
  std::string PlaygroundDir() const;

  // Connect when first asked for. Errors: TLS files, addresses.
  absl::StatusOr<client::Client*> client();
  absl::StatusOr<NodeAdmin*> nodes();

  // Colours and weights, empty unless standard output is a terminal and NO_COLOR is not set.
  std::string Style(const char* code) const;
  std::string Bold() const { return Style("1"); }
  std::string Dim() const { return Style("2"); }
  std::string Red() const { return Style("31"); }
  std::string Green() const { return Style("32"); }
  std::string Yellow() const { return Style("33"); }
  std::string Plain() const { return Style("0"); }

  // Prints a table with its heading in bold.
  void Print(const Table& table) { out() << table.ToString(Bold(), Plain()); }

 private:
  Environment* const environment_;
  absl::Duration deadline_ = absl::Seconds(10);
  std::vector<std::string> endpoints_;
  std::unique_ptr<client::Client> client_;
  std::unique_ptr<NodeAdmin> nodes_;
};

}  // namespace holdfast::admin
