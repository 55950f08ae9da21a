#include "replication/replication_service.h"

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/error.h"
#include "rpc/credentials.h"
#include "rpc/finisher.h"
#include "rpc/status.h"

namespace holdfast::replication {
namespace {

absl::Status NotThatNodeError(const rpc::PeerIdentity& peer, absl::string_view hello) {
  return WithDetail(MakeError(absl::StatusCode::kPermissionDenied, "PERMISSION_DENIED",
                              absl::StrCat("the certificate of \"", peer.principal, "\" speaks for ",
                                           peer.IsNode() ? absl::StrJoin(peer.node_ids, ", ") : "no node",
                                           ", and the hello is node ", hello, "'s")),
                    "principal", peer.principal);
}

// The server's end of Follow. Every operation is begun on the strand, Finish last; deletes itself in OnDone.
class FollowCall : public grpc::ServerBidiReactor<v1::FollowRequest, v1::FollowResponse> {
 public:
  FollowCall(PeerService* peers, Executor* strand, rpc::PeerIdentity peer)
      : peers_(peers), strand_(strand), peer_(std::move(peer)) {}

  void Accept() {
    auto end = std::make_unique<End>(this);
    end_ = end.get();
    events_ = peers_->AcceptFollow(std::move(end));
    if (!finished_) StartRead(&incoming_);
  }

  void OnReadDone(bool ok) override {
    strand_->Post([this, ok] { OnRead(ok); });
  }
  void OnWriteDone(bool ok) override {
    strand_->Post([this, ok] { OnWritten(ok); });
  }
  void OnDone() override {
    // Reactions that were posted before this one come first on the strand.
    strand_->Post([this] { delete this; });
  }

 private:
  // What the protocol holds of this call. `call_` is null once the call needs it no more.
  class End : public StreamEnd<v1::FollowResponse> {
   public:
    explicit End(FollowCall* call) : call_(call) {}
    ~End() override {
      if (call_ == nullptr) return;
      call_->end_ = nullptr;
      call_->FinishWhenWritten(grpc::Status::CANCELLED);
    }
    void Send(v1::FollowResponse message) override {
      if (call_ != nullptr) call_->Send(std::move(message));
    }
    void Close(const absl::Status& status) override {
      if (call_ != nullptr) call_->FinishWhenWritten(rpc::ToGrpcStatus(status));
    }

    FollowCall* call_;
  };

  void OnRead(bool ok) {
    if (!ok) return GoneAway();
    if (incoming_.has_hello() && !peer_.MaySpeakFor(incoming_.hello().node_id())) {
      return FinishWhenWritten(rpc::ToGrpcStatus(NotThatNodeError(peer_, incoming_.hello().node_id())));
    }
    if (!closing_) events_->OnMessage(std::move(incoming_));
    incoming_.Clear();
    if (!finished_) StartRead(&incoming_);
  }

  // The follower has gone, or the call was finished from here.
  void GoneAway() {
    if (!closing_) {
      closing_ = true;
      events_->OnClosed(absl::OkStatus());
    }
    queue_.clear();
    final_status_ = grpc::Status::OK;
    FinishNow();
  }

  void Send(v1::FollowResponse message) {
    if (closing_) return;
    queue_.push_back(std::move(message));
    if (!writing_) WriteNext();
  }

  void WriteNext() {
    writing_ = true;
    outgoing_ = std::move(queue_.front());
    queue_.pop_front();
    StartWrite(&outgoing_);
  }

  void OnWritten(bool ok) {
    writing_ = false;
    if (finished_) return;
    if (!ok) queue_.clear();  // the read that fails next ends the call
    if (!queue_.empty()) return WriteNext();
    if (closing_ && final_status_) FinishNow();
  }

  // No callback reaches the protocol afterwards.
  void FinishWhenWritten(grpc::Status status) {
    if (closing_) return;
    closing_ = true;
    final_status_ = std::move(status);
    if (!writing_ && queue_.empty()) FinishNow();
  }

  void FinishNow() {
    if (std::exchange(finished_, true)) return;
    Finish(*final_status_);
  }

  ~FollowCall() override {
    if (end_ != nullptr) end_->call_ = nullptr;
  }

  PeerService* const peers_;
  Executor* const strand_;
  const rpc::PeerIdentity peer_;  // by its certificate
  End* end_ = nullptr;
  std::unique_ptr<StreamEvents<v1::FollowRequest>> events_;
  v1::FollowRequest incoming_;
  v1::FollowResponse outgoing_;
  std::deque<v1::FollowResponse> queue_;
  bool writing_ = false;
  bool closing_ = false;
  bool finished_ = false;
  std::optional<grpc::Status> final_status_;
};

// Sends a snapshot, a message at a time; deletes itself in OnDone.
class SnapshotCall : public grpc::ServerWriteReactor<v1::FetchSnapshotResponse> {
 public:
  SnapshotCall(PeerService* peers, Executor* strand) : peers_(peers), strand_(strand) {}

  void Accept(const v1::FetchSnapshotRequest& request) {
    auto source = peers_->AcceptFetchSnapshot(request);
    if (!source.ok()) return FinishNow(rpc::ToGrpcStatus(source.status()));
    source_ = *std::move(source);
    AskNext();
  }

  void OnWriteDone(bool ok) override {
    strand_->Post([this, ok] {
      if (!ok) return FinishNow(grpc::Status::CANCELLED);
      AskNext();
    });
  }
  void OnDone() override {
    strand_->Post([this] { delete this; });
  }

 private:
  ~SnapshotCall() override = default;

  void AskNext() {
    if (finished_) return;
    source_->Next([this](absl::StatusOr<std::optional<v1::FetchSnapshotResponse>> next) {
      if (finished_) return;
      if (!next.ok()) return FinishNow(rpc::ToGrpcStatus(next.status()));
      if (!next->has_value()) return FinishNow(grpc::Status::OK);
      outgoing_ = **std::move(next);
      StartWrite(&outgoing_);
    });
  }

  void FinishNow(const grpc::Status& status) {
    if (std::exchange(finished_, true)) return;
    source_.reset();
    Finish(status);
  }

  PeerService* const peers_;
  Executor* const strand_;
  std::unique_ptr<PeerService::SnapshotSource> source_;
  v1::FetchSnapshotResponse outgoing_;
  bool finished_ = false;
};

}  // namespace

grpc::ServerBidiReactor<v1::FollowRequest, v1::FollowResponse>* ReplicationServiceImpl::Follow(
    grpc::CallbackServerContext* context) {
  auto* const call = new FollowCall(peers_, strand_, rpc::IdentityOf(*context->auth_context()));
  strand_->Post([call] { call->Accept(); });
  return call;
}

grpc::ServerWriteReactor<v1::FetchSnapshotResponse>* ReplicationServiceImpl::FetchSnapshot(
    grpc::CallbackServerContext*, const v1::FetchSnapshotRequest* request) {
  auto* const call = new SnapshotCall(peers_, strand_);
  strand_->Post([call, request] { call->Accept(*request); });
  return call;
}

grpc::ServerUnaryReactor* ReplicationServiceImpl::Promise(grpc::CallbackServerContext* context,
                                                          const v1::PromiseRequest* request,
                                                          v1::PromiseResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  strand_->Post([this, reactor, request, response] {
    rpc::Finisher(reactor, response)(peers_->AcceptPromise(*request));
  });
  return reactor;
}

grpc::ServerUnaryReactor* ReplicationServiceImpl::FetchRecords(grpc::CallbackServerContext* context,
                                                               const v1::FetchRecordsRequest* request,
                                                               v1::FetchRecordsResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  strand_->Post([this, reactor, request, response] {
    peers_->AcceptFetchRecords(*request, rpc::Finisher(reactor, response));
  });
  return reactor;
}

grpc::ServerUnaryReactor* ReplicationServiceImpl::Look(grpc::CallbackServerContext* context,
                                                       const v1::LookRequest* request,
                                                       v1::LookResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  strand_->Post(
      [this, reactor, request, response] { peers_->AcceptLook(*request, rpc::Finisher(reactor, response)); });
  return reactor;
}

grpc::ServerUnaryReactor* ReplicationServiceImpl::Freeze(grpc::CallbackServerContext* context,
                                                         const v1::FreezeRequest* request,
                                                         v1::FreezeResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  strand_->Post([this, reactor, request, response] {
    rpc::Finisher(reactor, response)(peers_->AcceptFreeze(*request));
  });
  return reactor;
}

}  // namespace holdfast::replication
