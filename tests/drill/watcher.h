#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "holdfast/v1/config.pb.h"
#include "rpc/channel.h"
#include "tests/drill/findings.h"
#include "tests/drill/halt.h"
#include "tests/drill/watch_judge.h"

namespace grpc {
class ClientContext;
}

namespace holdfast::drill {

// Watches all keys of the drill at one proxy, on a thread of its own, as a client without a library would: it
// keeps every event as it came, and opens the stream again behind the last revision if it ends. Any thread.
class Watcher {
 public:
  struct Options {
    std::string node_id;
    std::string address;
    int64_t after = 0;  // the revision behind which it begins
  };

  // Begins at once. Errors: INVALID_REQUEST for the address.
  static absl::StatusOr<std::unique_ptr<Watcher>> Start(Options options);
  ~Watcher();

  // Ends the stream and the thread.
  void Stop();

  // Everything up to this revision has come.
  int64_t reached() const;
  WatchLog log() const;
  // Streams that ended before Stop, and why.
  int64_t ended_count() const;
  Findings ends() const;

  const std::string& node_id() const { return options_.node_id; }

 private:
  Watcher(Options options, std::unique_ptr<rpc::ChannelCache> channels);
  void Run();
  absl::Status RunStream();
  void Take(const v1::WatchResponse& message);

  const Options options_;
  const std::unique_ptr<rpc::ChannelCache> channels_;
  Halt halt_;

  mutable Mutex mu_;
  grpc::ClientContext* stream_ ABSL_GUARDED_BY(mu_) = nullptr;  // the present one
  int64_t reached_ ABSL_GUARDED_BY(mu_) = 0;
  WatchLog log_ ABSL_GUARDED_BY(mu_);
  int64_t ended_count_ ABSL_GUARDED_BY(mu_) = 0;
  Findings ends_ ABSL_GUARDED_BY(mu_);

  std::thread thread_;
};

}  // namespace holdfast::drill
