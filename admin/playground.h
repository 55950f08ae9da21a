#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "admin/cluster_file.h"
#include "admin/context.h"
#include "admin/free_ports.h"
#include "holdfast/v1/admin.pb.h"

namespace holdfast::admin {

// Who lives where in that cluster: the primary and proxies in dc1; in dc2 the standby pair and proxies, the
// first of which votes with the pair (R22). Without addresses.
std::vector<v1::NodeSpec> PlaygroundMembers(int proxies_per_site);

inline constexpr char kPlaygroundPrimary[] = "dc1-a";

// The two-site cluster of `holdfast up`: the primary and proxies in dc1, the standby pair and proxies in dc2,
// all on loopback. Its directory holds what a person would write: a configuration file for each node,
// `cluster.toml` for `holdfast init`; and `cluster.json`, which appears when the first start is done. Until
// then `starting.json` holds the same, so that a first start that died leaves nothing that nobody knows of.
// One thread.
class Playground {
 public:
  // `directory` is made absolute. Nothing is touched yet.
  Playground(Context* context, const std::string& directory);

  const std::string& directory() const { return directory_; }
  std::string cluster_file() const { return directory_ + "/cluster.json"; }
  const ClusterFile& cluster() const { return cluster_; }

  // There is a cluster.json; only a starting.json. Load reads the one that is there.
  bool Exists() const;
  bool HasBegun() const;
  absl::Status Load();

  // Chooses nodes and ports, writes the files. INVALID_REQUEST if the directory holds something else;
  // IO_ERROR if the certificate does not speak for each node.
  absl::Status Create(int proxies_per_site);

  // From now on this is about these nodes, or all nodes of these sites, alone. INVALID_REQUEST names one that
  // is neither.
  absl::Status Select(const std::vector<std::string>& names);

  // Starts the programs that do not run, found beside the running binary; each is saved at once. IO_ERROR.
  absl::Status Start();

  // The same as `holdfast init` with the files that Create wrote; first waits for the nodes to answer. A
  // cluster that an earlier start has begun is taken as it is.
  absl::Status Init(absl::Duration timeout);

  // Waits until every proxy serves and every standby follows; a former primary that is suspended or fenced
  // waits for an operator, and is not waited for. Of selected servers it is enough that they answer: the
  // others may be away. DEADLINE names who is not ready; IO_ERROR who has ended.
  absl::Status WaitUntilReady(absl::Duration timeout);

  // Writes the process ids of now: to cluster.json if it is there, else to starting.json.
  absl::Status Save();

  // The first start is done: cluster.json takes the place of starting.json.
  absl::Status Finish();

  // Ends what runs, proxies first; without any grace all at once, as a loss of power would. Answers how many
  // were killed.
  int Stop(absl::Duration grace);

  // How many of the selected nodes run.
  int64_t CountRunning() const;
  bool IsNodeRunning(const ClusterFile::Node& node) const;

 private:
  std::string starting_file() const { return directory_ + "/starting.json"; }
  absl::Status WriteNodeFile(const ClusterFile::Node& node) const;
  absl::Status CheckAllRun() const;
  bool IsSelected(const ClusterFile::Node& node) const {
    return selected_.empty() || selected_.count(node.node_id) > 0;
  }
  bool IsReady(NodeAdmin& admin, const ClusterFile::Node& node) const;

  Context* const context_;
  const std::string directory_;
  ClusterFile cluster_;
  std::set<std::string> selected_;  // node ids; empty: all
  PortHolds port_holds_;            // until the nodes listen
  int64_t first_revision_ = 0;      // of the cluster, once it is initialised by us
};

}  // namespace holdfast::admin
