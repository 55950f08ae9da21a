#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "node/node_runtime.h"
#include "rpc/server.h"
#include "serving/config_service.h"
#include "serving/serving.h"

namespace holdfast::node {

// The listener for clients, with serving behind it. Main thread, except where a method says otherwise;
// destroyed on the strand once it was stopped.
class ClientFace {
 public:
  struct Options {
    NodeRuntime* node = nullptr;    // must outlive the face
    serving::CommitHandler commit;  // empty at a proxy
  };

  // Listens; health says NOT_SERVING until Refresh sees a node that serves. Errors as rpc::Server::Start.
  static absl::StatusOr<std::unique_ptr<ClientFace>> Create(Options options);
  ~ClientFace();

  const std::string& address() const { return server_->address(); }

  // Tells serving what the replica is now. On the strand, when something changed and about twice a second.
  void Refresh();

  // Leaves service: health says NOT_SERVING, watches end with a hint where to go. `done` on the strand, once
  // all have ended or `timeout` has passed. May be called again while another is under way. Strand.
  void BeginDrain(absl::Duration timeout, std::function<void(v1::DrainResponse)> done);

  // Back into service: health says so, watches are taken again. DRAINING if the process is about to end; OK
  // for a node that was in service. Strand.
  absl::Status Undrain();
  bool draining() const { return draining_; }  // strand

  // As BeginDrain, for good: the process is about to end. Returns when it is done. Any thread but the strand.
  void Drain(absl::Duration timeout);

  // Sends callers away with DRAINING for a moment (a listener that closes on them would only say CANCELLED),
  // then takes no more calls and lets those in flight end within `grace`. Any thread but the strand.
  void Stop(absl::Duration grace);

  // Any thread.
  int64_t watches() const { return config_.watch_count(); }
  int64_t reads() const { return config_.read_count(); }

 private:
  explicit ClientFace(Options options);

  serving::NodeView MakeView() const;
  std::string NodeToTryInstead() const;
  void RefreshLater();

  NodeRuntime* const node_;
  serving::Serving serving_;
  serving::ConfigServiceImpl config_;
  std::unique_ptr<rpc::Server> server_;
  // Strand.
  bool draining_ = false;
  bool ending_ = false;  // drained for good
  bool refusing_ = false;
  Executor::TimerId refresh_ = 0;
};

}  // namespace holdfast::node
