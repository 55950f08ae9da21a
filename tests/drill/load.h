#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/drill/journal.h"
#include "tests/drill/proxy_reader.h"
#include "tests/drill/watcher.h"
#include "tests/drill/writer.h"
#include "tests/process/local_cluster.h"

namespace holdfast::drill {

// Commits the drill's keys for the first time, through the client library, and notes them in the journal;
// then waits until every proxy shows them. Answers with the revision that holds them all. Errors: those of
// Client::Commit and Client::Get.
absl::StatusOr<int64_t> ImportKeys(const testing::LocalCluster& cluster, int key_count, Journal* journal,
                                   const Halt& halt);

// Everything that uses the cluster while the disaster goes on: readers and a watcher at each proxy, and two
// writers, one that goes straight to the servers and one with the client library at the proxies of the site
// that is left. Where the lost site lives on behind a cut there is a third, which knows its primary only, and
// goes on committing there whatever comes of it. One thread.
class Load {
 public:
  struct Options {
    const testing::LocalCluster* cluster = nullptr;  // these must outlive the load
    Journal* journal = nullptr;
    Clock* clock = RealClock();
    int key_count = 0;
    double reads_per_second = 300;  // at each proxy
    double writes_per_second = 40;  // in all
    absl::Duration read_deadline = kReadDeadline;
    uint64_t seed = 1;
    int64_t after = 0;         // where the watchers begin
    std::string home = "dc2";  // the site that is left: of the library's client
    std::string cut_off;       // the primary of the site that lives on behind the cut; empty: none
  };
  static constexpr int kReadersPerProxy = 3;   // so that one slow answer does not hold up the rest
  static constexpr char kDirect[] = "direct";  // the writers' names
  static constexpr char kLibrary[] = "library";
  static constexpr char kCutOff[] = "cut off";

  // Errors: INVALID_REQUEST for an address.
  static absl::StatusOr<std::unique_ptr<Load>> Start(const Options& options);

  // By node id.
  const std::map<std::string, std::vector<std::unique_ptr<ProxyReader>>>& readers() const { return readers_; }
  const std::map<std::string, std::unique_ptr<Watcher>>& watchers() const { return watchers_; }
  const std::vector<std::unique_ptr<Writer>>& writers() const { return writers_; }

  // The site of these proxies is lost; a proxy is back.
  void SuspendReaders(const std::vector<std::string>& node_ids);
  void ResumeReaders(const std::string& node_id);
  // Whether every reader of the proxy was shown as much.
  bool HaveSeen(const std::string& node_id, int64_t revision) const;

  void StopWriters();
  // Everything.
  void Stop();

 private:
  Load() = default;

  std::map<std::string, std::vector<std::unique_ptr<ProxyReader>>> readers_;
  std::map<std::string, std::unique_ptr<Watcher>> watchers_;
  std::vector<std::unique_ptr<Writer>> writers_;
};

}  // namespace holdfast::drill
