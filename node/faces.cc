#include "node/faces.h"

#include <utility>

#include "base/status_macros.h"

namespace holdfast::node {

absl::StatusOr<std::unique_ptr<Faces>> Faces::Create(Options options) {
  auto faces = std::unique_ptr<Faces>(new Faces());
  faces->node_ = options.node;
  ClientFace::Options clients;
  clients.node = options.node;
  if (options.commit) clients.commit = faces->Counted(std::move(options.commit));
  HF_ASSIGN_OR_RETURN(faces->clients_, ClientFace::Create(std::move(clients)));
  auto peers = PeerFace::Create(faces->PeerOptions(options));
  if (!peers.ok()) {  // what serves clients is taken down on the strand
    faces->StopClients(absl::ZeroDuration());
    faces->DropServing();
    return peers.status();
  }
  faces->peers_ = *std::move(peers);
  return faces;
}

serving::CommitHandler Faces::Counted(serving::CommitHandler commit) {
  return [this, commit = std::move(commit)](v1::CommitRequest request, std::string principal,
                                            absl::Duration deadline,
                                            std::function<void(absl::StatusOr<v1::CommitResponse>)> done) {
    commit(std::move(request), std::move(principal), deadline,
           [this, done = std::move(done)](absl::StatusOr<v1::CommitResponse> answer) {
             if (answer.ok()) commits_.fetch_add(1, std::memory_order_relaxed);
             done(std::move(answer));
           });
  };
}

PeerFace::Options Faces::PeerOptions(const Options& options) {
  PeerFace::Options peers;
  peers.node = options.node;
  peers.administration = options.administration;
  peers.operations = options.operations;
  peers.drills = options.drills;
  peers.watches = [this] { return clients_->watches(); };
  peers.reads = [this] { return clients_->reads(); };
  peers.commits = [this] { return commits_.load(std::memory_order_relaxed); };
  peers.spell_left = options.spell_left;
  peers.undrain = [this] { return clients_->Undrain(); };
  peers.draining = [this] { return clients_->draining(); };
  peers.drain = [this](absl::Duration timeout, auto done) { clients_->BeginDrain(timeout, std::move(done)); };
  return peers;
}

void Faces::StopClients(absl::Duration grace) {
  clients_->Drain(grace);
  clients_->Stop(grace);
}

void Faces::DropServing() {
  node_->strand().RunAndWait([this] { clients_.reset(); });
}

}  // namespace holdfast::node
