#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/client.h"
#include "rpc/tls_files.h"
#include "tests/process/local_cluster.h"
#include "tests/process/process.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_certificates.h"

namespace holdfast::testing {

// Whether clusters use TLS unless a test says otherwise: the environment has HOLDFAST_TLS=1. The suite runs
// once without and once with it.
bool TlsByDefault();

// A two-site cluster of real processes on loopback, started by `holdfast up` in a directory of its own and
// ended by the destructor. With TLS, nodes, operator and clients have a certificate each, of an authority
// that is made for this cluster. A failed check or a sanitizer's report in any log fails the test. One
// thread, except where a method says otherwise.
class Playground {
 public:
  struct Options {
    int proxies = 2;  // in each site
    bool tls = TlsByDefault();
    bool failpoints = false;  // programs that have them (base/failpoint.h)
  };
  using Node = LocalCluster::Node;

  explicit Playground(const Options& options);
  Playground() : Playground(Options()) {}
  ~Playground();

  // False if `up` failed; `error` says why.
  bool ok() const { return error_.empty(); }
  const std::string& error() const { return error_; }
  const std::string& directory() const { return cluster_->directory(); }

  const Node& primary() const { return cluster_->Only("primary"); }
  std::vector<std::string> ids(const std::string& role, const std::string& site = "") const {
    return cluster_->ids(role, site);
  }
  const Node& node(const std::string& node_id) const { return cluster_->node(node_id); }

  std::vector<std::string> IdsOf(const std::string& site) const { return cluster_->IdsOf(site); }

  // `holdfast ARGS` with this cluster's endpoints and the operator's certificate. Any thread.
  CommandResult Holdfast(const std::vector<std::string>& arguments, const RunBounds& bounds = {}) const {
    return cluster_->Holdfast(arguments, bounds);
  }
  // Looks at the plan of `holdfast promote NODE MORE`, which must be admissible, then confirms it.
  CommandResult Promote(const std::string& node, const std::vector<std::string>& more = {}) const;
  // The environment that it gets ("NAME=value").
  std::vector<std::string> Environment() const { return cluster_->Environment(); }
  const std::string& endpoints() const { return cluster_->endpoints(); }

  // Empty without TLS.
  const rpc::TlsFiles& node_tls() const { return node_tls_; }
  const rpc::TlsFiles& operator_tls() const { return operator_tls_; }
  const rpc::TlsFiles& client_tls() const { return client_tls_; }
  // A node beside those of `up`.
  struct NodeFile {
    std::string name;  // of its files
    std::string node_id;
    std::string site;
    std::string client_address = "127.0.0.1:0";
    std::string peer_address = "127.0.0.1:0";
    std::vector<std::string> seeds = {};
    std::optional<rpc::TlsFiles> tls = {};  // instead of those of the cluster's nodes
  };
  // Writes <directory>/<name>.toml, with the data directory <directory>/<name>. Answers with its path.
  std::string WriteNodeFile(const NodeFile& file) const;
  // The authority of this cluster; only with TLS.
  TestAuthority& authority() { return *authority_; }

  // A client that knows these nodes. Any thread.
  std::unique_ptr<client::Client> ClientOf(const std::vector<std::string>& node_ids,
                                           absl::Duration timeout = absl::Seconds(10)) const;

  // kill -9 (of several: at once); SIGTERM and wait; SIGSTOP and SIGCONT.
  void Kill(const std::string& node_id) { cluster_->Kill({node_id}); }
  void KillAll(const std::vector<std::string>& node_ids) { cluster_->Kill(node_ids); }
  void Terminate(const std::string& node_id) { cluster_->Terminate(node_id); }
  void Signal(const std::string& node_id, int signal_number) { cluster_->Signal(node_id, signal_number); }
  // Starts a node again with the command that started it first. Does not wait until it serves.
  void Restart(const std::string& node_id) { cluster_->Restart(node_id); }

  bool IsRunning(const std::string& node_id) const { return cluster_->IsRunning(node_id); }
  // Of a cluster with failpoints: LocalCluster's.
  void Arm(const std::string& node_id, const std::string& spec) { cluster_->Arm(node_id, spec); }
  std::vector<std::string> HitsOf(const std::string& node_id) const { return cluster_->HitsOf(node_id); }

  // Waits until the node answers a read.
  bool WaitServing(const std::string& node_id, absl::Duration patience) const;
  // Waits until the primary admits commits: it has the key "playground/ready" then.
  bool WaitCommitting(absl::Duration patience);
  // Of that commit.
  int64_t ready_revision() const { return ready_revision_; }

  // What the nodes logged, for a failure's message.
  std::string Logs() const { return cluster_->Logs(); }

 private:
  void IssueCertificates();

  TemporaryDirectory root_;  // all that the test leaves on disk
  std::unique_ptr<LocalCluster> cluster_;
  std::unique_ptr<TestAuthority> authority_;
  rpc::TlsFiles node_tls_;
  rpc::TlsFiles operator_tls_;
  rpc::TlsFiles client_tls_;
  int64_t ready_revision_ = 0;
  std::string error_;
};

}  // namespace holdfast::testing
