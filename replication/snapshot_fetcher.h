#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "replication/lifetime.h"
#include "replication/replica.h"
#include "replication/snapshot_admission.h"
#include "replication/transport.h"
#include "storage/snapshot_assembler.h"

namespace holdfast::replication {

// Fetches one snapshot into `<data_dir>/incoming.db`: asks for the rest of one that was begun (also before a
// restart), admits the manifest, writes each chunk away from the strand, and recomputes the whole file before
// it reports success. Nothing of the node changes meanwhile. One strand; destroyed at any moment, it only
// leaves files that the next fetch goes on with or removes.
class SnapshotFetcher : private StreamEvents<v1::FetchSnapshotResponse> {
 public:
  struct Options {
    const Replica::Options* replica = nullptr;  // must outlive this
    std::string address;
    bool repairing = false;
  };
  struct Fetched {
    std::string path;
    v1::SnapshotManifest manifest;
  };
  using Taker = std::function<SnapshotTaker()>;
  using Progress = std::function<void(int percent)>;
  using Done = std::function<void(absl::StatusOr<Fetched>)>;

  // `done` is called once, later, on the strand; never after the destructor. Errors: those of AdmitSnapshot
  // and of the transport, SNAPSHOT_BUSY, SNAPSHOT_ALTERED, DATA_DAMAGED (the file is not what it should be),
  // DISK_FULL, IO_ERROR.
  SnapshotFetcher(Options options, Taker taker, Progress progress, Done done);
  ~SnapshotFetcher() override;

  void Start();

 private:
  struct Work;  // what the worker touches; one piece of work at a time

  void OnMessage(v1::FetchSnapshotResponse message) override;
  void OnClosed(const absl::Status& status) override;

  void Ask();
  void OnManifest(v1::SnapshotManifest manifest);
  void Continue();
  void AddNext();
  void Verify();
  void WatchSilence(uint64_t heard, absl::Duration patience);
  void AskAgain(const absl::Status& why);
  void Finish(absl::StatusOr<Fetched> fetched);
  // Runs `work` away from the strand, then `done` with what it returned.
  // `is_short`: work that takes milliseconds (Replica::Options::feed_offload).
  void Offload(std::function<absl::Status(Work&)> work, std::function<void(absl::Status)> done,
               bool is_short = false);

  const Options options_;
  const Taker taker_;
  const Progress progress_;
  const Done done_;
  const std::string path_;
  Lifetime lifetime_;
  std::shared_ptr<Work> work_;
  std::unique_ptr<SnapshotStream> stream_;
  std::optional<v1::SnapshotManifest> manifest_;
  std::deque<v1::SnapshotChunk> arrived_;
  uint64_t heard_ = 0;  // messages, and questions
  bool busy_ = false;
  std::optional<absl::Status> closed_;  // the stream is over
  bool finished_ = false;
  int attempts_ = 0;
  int last_percent_ = -1;
};

}  // namespace holdfast::replication
