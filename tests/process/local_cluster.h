#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "rpc/tls_files.h"
#include "tests/process/programs.h"
#include "tests/process/site_networks.h"

namespace holdfast::testing {

// A two-site cluster of real processes on loopback, started by `holdfast up`, whose nodes are ended by their
// process ids when it goes, whatever happened to them: killed, stopped, or left behind by an `up` that did
// not come to its end. For tests (Playground) and for the drill. One thread, except where a method says
// otherwise.
class LocalCluster {
 public:
  struct Options {
    std::string directory;  // where `up` makes it; its parent exists
    int proxies = 2;        // in each site
    rpc::TlsFiles node_tls = {};
    rpc::TlsFiles operator_tls = {};
    std::string failpoints_dir = {};  // not empty: programs with failpoints, armed there
    // Each site in a network of its own: the same files and programs, started by hand instead of by `up`,
    // which knows loopback only. Must outlive this; without TLS.
    SiteNetworks* networks = nullptr;
  };
  struct Node {
    std::string node_id;
    std::string site;
    std::string role;          // primary, standby, proxy: at the start
    std::string address;       // for clients
    std::string peer_address;  // for nodes and operators
    std::string data_dir;
    pid_t pid = 0;                     // 0 once Kill or Terminate has ended it
    std::vector<std::string> command;  // as it was started
  };

  explicit LocalCluster(Options options);
  ~LocalCluster();
  LocalCluster(const LocalCluster&) = delete;
  LocalCluster& operator=(const LocalCluster&) = delete;

  // Once. A failure says what `up` and the nodes said.
  absl::Status Start(const RunBounds& bounds = {});

  const std::string& directory() const { return options_.directory; }
  const std::map<std::string, Node>& nodes() const { return nodes_; }
  const Node& node(const std::string& node_id) const { return nodes_.at(node_id); }
  // The first one with a role.
  const Node& Only(const std::string& role) const;
  std::vector<std::string> ids(const std::string& role, const std::string& site = "") const;
  // All nodes of a site.
  std::vector<std::string> IdsOf(const std::string& site) const;

  // Whom `holdfast` and clients ask: the proxies and the primary, separated by commas.
  const std::string& endpoints() const { return endpoints_; }
  void set_endpoints(const std::string& endpoints) { endpoints_ = endpoints; }
  // Where the operator sits: sees what that site's network shows. Only with networks.
  void set_operator_site(const std::string& site) { operator_site_ = site; }
  // `holdfast ARGS` with these endpoints and the operator's certificate. Any thread.
  CommandResult Holdfast(const std::vector<std::string>& arguments, const RunBounds& bounds = {}) const;
  // The environment that it gets ("NAME=value").
  std::vector<std::string> Environment() const;

  // SIGKILL to all of them at once, then waits until they are gone; SIGTERM and wait; any signal.
  void Kill(const std::vector<std::string>& node_ids);
  void Terminate(const std::string& node_id);
  void Signal(const std::string& node_id, int signal_number);
  // Starts a node again with the command that started it first. Does not wait until it serves.
  void Restart(const std::string& node_id);
  bool IsRunning(const std::string& node_id) const;
  // Ends whatever runs of it. The destructor does the same.
  void End();

  // Replaces what is armed in a node's process (base/failpoint.h): NAME=kill|pause|error[@N];... Only with
  // failpoints.
  void Arm(const std::string& node_id, const std::string& spec);
  // The points that the node's process has passed, in order.
  std::vector<std::string> HitsOf(const std::string& node_id) const;

  // What went wrong that nobody asked for: nodes that died of a signal nobody sent, failed checks and
  // sanitizers' reports in logs. Empties the list of the former.
  std::vector<std::string> TakeTroubles();
  // What the nodes logged, for a failure's message.
  std::string Logs() const;

 private:
  absl::Status ReadClusterFile();
  std::vector<std::string> NodeEnvironment() const;
  // networked_start.cc
  absl::Status StartInNetworks(const RunBounds& bounds);
  absl::Status WriteFiles();
  absl::Status InitByHand(const RunBounds& bounds) const;
  absl::Status WaitUntilReady(const RunBounds& bounds) const;
  int NetworkOf(const std::string& site) const;  // -1: ours
  void EndNode(const std::string& node_id, int signal_number, const char* complaint);

  const Options options_;
  std::string endpoints_;
  std::string operator_site_;
  std::map<std::string, Node> nodes_;
  std::vector<std::string> died_;
};

}  // namespace holdfast::testing
