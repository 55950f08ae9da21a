#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "node/client_face.h"
#include "node/peer_face.h"

namespace holdfast::node {

// The two listeners of a node (DESIGN 2), and what an operator asks at one of the other. Main thread, except
// where a method says otherwise.
class Faces {
 public:
  struct Options {
    NodeRuntime* node = nullptr;  // these must outlive the faces
    NodeAdministration* administration = nullptr;
    failover::Operations* operations = nullptr;                 // null at a proxy
    NodeDrills* drills = nullptr;                               // likewise
    serving::CommitHandler commit;                              // empty at a proxy
    std::function<std::optional<absl::Duration>()> spell_left;  // as in NodeStatus; empty at a proxy
  };

  // Listens at both. Errors as rpc::Server::Start.
  static absl::StatusOr<std::unique_ptr<Faces>> Create(Options options);

  const std::string& client_address() const { return clients_->address(); }
  const std::string& peer_address() const { return peers_->address(); }

  // ClientFace::Refresh. Strand.
  void Refresh() { clients_->Refresh(); }

  // In this order: clients leave first, while replication still runs; peers once its streams are closed; then
  // what clients were served with is taken down.
  void StopClients(absl::Duration grace);
  void StopPeers(absl::Duration grace) { peers_->Stop(grace); }
  void DropServing();

 private:
  Faces() = default;
  serving::CommitHandler Counted(serving::CommitHandler commit);
  PeerFace::Options PeerOptions(const Options& options);

  NodeRuntime* node_ = nullptr;
  std::atomic<int64_t> commits_{0};
  std::unique_ptr<ClientFace> clients_;
  std::unique_ptr<PeerFace> peers_;
};

}  // namespace holdfast::node
