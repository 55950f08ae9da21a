#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "client/client.h"
#include "tests/process/process.h"

namespace holdfast::testing {

// A two-site cluster of real processes on loopback, started by `holdfast up` in a directory of its own and
// ended by the destructor. One thread, except where a method says otherwise.
class Playground {
 public:
  struct Options {
    int proxies = 2;                     // in each site
    bool examples = false;               // import examples/ as `up` does by default
    std::vector<std::string> arguments;  // more flags for `up`
  };
  struct Node {
    std::string node_id;
    std::string site;
    std::string role;          // primary, standby, proxy
    std::string address;       // for clients
    std::string peer_address;  // for nodes and operators
    std::string data_dir;
    pid_t pid = 0;
    std::vector<std::string> command;  // as it was started
  };

  explicit Playground(const Options& options);
  Playground() : Playground(Options()) {}
  ~Playground();

  // False if `up` failed; `error` says why.
  bool ok() const { return error_.empty(); }
  const std::string& error() const { return error_; }
  const std::string& directory() const { return directory_; }

  const Node& primary() const { return Only("primary"); }
  std::vector<std::string> ids(const std::string& role, const std::string& site = "") const;
  const Node& node(const std::string& node_id) const { return nodes_.at(node_id); }

  // `holdfast ARGS` with this cluster's endpoints. Any thread.
  CommandResult Holdfast(const std::vector<std::string>& arguments) const;

  // A client that knows these nodes. Any thread.
  std::unique_ptr<client::Client> ClientOf(const std::vector<std::string>& node_ids,
                                           absl::Duration timeout = absl::Seconds(10)) const;

  // kill -9; SIGTERM and wait; SIGSTOP and SIGCONT.
  void Kill(const std::string& node_id);
  void Terminate(const std::string& node_id);
  void Signal(const std::string& node_id, int signal_number);
  // Starts a node again with the command that started it first. Does not wait until it serves.
  void Restart(const std::string& node_id);

  // Waits until the node answers a read of `key` (or that there is none).
  bool WaitServing(const std::string& node_id, absl::Duration patience) const;
  // Waits until the primary admits commits.
  bool WaitCommitting(absl::Duration patience) const;

  // What the nodes logged, for a failure's message.
  std::string Logs() const;

 private:
  const Node& Only(const std::string& role) const;
  void ReadClusterFile();

  std::string directory_;
  std::string endpoints_;
  std::string error_;
  std::map<std::string, Node> nodes_;
};

}  // namespace holdfast::testing
