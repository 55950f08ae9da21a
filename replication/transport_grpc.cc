#include "replication/transport_grpc.h"

#include <grpcpp/grpcpp.h>

#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "holdfast/v1/replication.grpc.pb.h"
#include "rpc/status.h"

namespace holdfast::replication {
namespace {

// A failure that came before any call could be made reaches the owner like any other: later, on the strand.
template <typename Message>
void FailLater(Executor* strand, std::shared_ptr<StreamEvents<Message>*> events, absl::Status status) {
  strand->Post([events = std::move(events), status = std::move(status)] {
    if (*events != nullptr) (*events)->OnClosed(status);
  });
}

// gRPC's own words for a peer that cannot be reached do not name it.
absl::Status OfPeer(const std::string& address, const grpc::Status& status) {
  const absl::Status result = rpc::FromGrpcStatus(status);
  const bool nameless = ReasonOf(result) == "UNREACHABLE" && DetailOf(result, "address").empty();
  return nameless ? WithDetail(result, "address", address) : result;
}

// The calls that gRPC still holds, and their way to the strand. Their last reactions come when gRPC is done
// with them, so the transport waits for them; one that comes later still finds no strand, instead of a dead
// one.
class OpenCalls {
 public:
  explicit OpenCalls(Executor* strand) : strand_(strand) {}

  // `cancel` may be run from any thread until Leave.
  uint64_t Enter(std::function<void()> cancel) {
    MutexLock lock(&mu_);
    calls_.emplace(next_, std::move(cancel));
    return next_++;
  }

  void Leave(uint64_t call) {
    MutexLock lock(&mu_);
    calls_.erase(call);
    if (calls_.empty()) empty_.NotifyAll();
  }

  void Post(std::function<void()> reaction) {
    MutexLock lock(&mu_);
    if (strand_ != nullptr) strand_->Post(std::move(reaction));
  }

  // Cancels them and waits, bounded: a process that ends must end.
  void EndAll() {
    std::vector<std::function<void()>> cancels;
    {
      MutexLock lock(&mu_);
      for (const auto& [call, cancel] : calls_) cancels.push_back(cancel);
    }
    // Not under the lock: gRPC may run the last reaction inside of it.
    for (const auto& cancel : cancels) cancel();
    MutexLock lock(&mu_);
    empty_.WaitFor(&mu_, kMaxWait, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return calls_.empty(); });
    strand_ = nullptr;
  }

 private:
  static constexpr absl::Duration kMaxWait = absl::Seconds(5);

  Mutex mu_;
  CondVar empty_;
  Executor* strand_ ABSL_GUARDED_BY(mu_);
  uint64_t next_ ABSL_GUARDED_BY(mu_) = 1;
  std::map<uint64_t, std::function<void()>> calls_ ABSL_GUARDED_BY(mu_);
};

// What the client's ends of both kinds of stream have in common. Keeps itself until gRPC is done with it;
// `events_` is null once the owner has gone. Used on the strand, but for gRPC's reactions.
template <typename Reactor, typename Received>
class StreamCall : public Reactor, public std::enable_shared_from_this<StreamCall<Reactor, Received>> {
 public:
  StreamCall(const std::shared_ptr<grpc::Channel>& channel, std::shared_ptr<OpenCalls> open,
             StreamEvents<Received>* events)
      : stub_(v1::ReplicationService::NewStub(channel)), events_(events), open_(std::move(open)) {}

  void Abandon() {
    events_ = nullptr;
    context_.TryCancel();
    Release();
  }

  void OnDone(const grpc::Status& status) override {
    const std::shared_ptr<OpenCalls> open = open_;  // this may be gone after Post
    const uint64_t entry = entry_;
    open->Post([self = std::move(self_), status] {
      if (self->events_ != nullptr)
        std::exchange(self->events_, nullptr)->OnClosed(rpc::FromGrpcStatus(status));
    });
    open->Leave(entry);
  }

 protected:
  // Before the call is started. Operations are begun outside of reactions until Release.
  void Hold() {
    self_ = this->shared_from_this();
    entry_ = open_->Enter([weak = this->weak_from_this()] {
      if (const auto call = weak.lock()) call->context_.TryCancel();
    });
    this->AddHold();
  }

  void Release() {
    if (!std::exchange(released_, true)) this->RemoveHold();
  }

  // `reaction` of a call that lives until then, later, on the strand.
  void Post(std::function<void()> reaction) {
    open_->Post([self = this->shared_from_this(), reaction = std::move(reaction)] { reaction(); });
  }

  const std::unique_ptr<v1::ReplicationService::Stub> stub_;
  grpc::ClientContext context_;
  StreamEvents<Received>* events_;
  Received incoming_;
  bool released_ = false;

 private:
  const std::shared_ptr<OpenCalls> open_;
  uint64_t entry_ = 0;
  std::shared_ptr<StreamCall> self_;
};

class FollowCall
    : public StreamCall<grpc::ClientBidiReactor<v1::FollowRequest, v1::FollowResponse>, v1::FollowResponse> {
 public:
  using StreamCall::StreamCall;

  void Start() {
    stub_->async()->Follow(&context_, this);
    Hold();
    StartRead(&incoming_);
    StartCall();
  }

  void Send(v1::FollowRequest message) {
    if (released_) return;
    queue_.push_back(std::move(message));
    if (queue_.size() == 1) StartWrite(&queue_.front());
  }

  void OnReadDone(bool ok) override {
    Post([this, ok] { OnRead(ok); });
  }
  void OnWriteDone(bool ok) override {
    Post([this, ok] { OnWritten(ok); });
  }

 private:
  void OnRead(bool ok) {
    if (!ok) return Release();  // the end: OnDone says why
    if (events_ != nullptr) events_->OnMessage(std::move(incoming_));
    incoming_.Clear();
    if (!released_) StartRead(&incoming_);
  }

  void OnWritten(bool ok) {
    queue_.pop_front();
    if (ok && !queue_.empty() && !released_) StartWrite(&queue_.front());
  }

  std::deque<v1::FollowRequest> queue_;  // the front is being written
};

class FollowEnd : public StreamEnd<v1::FollowRequest> {
 public:
  explicit FollowEnd(std::shared_ptr<FollowCall> call) : call_(std::move(call)) {}
  ~FollowEnd() override { call_->Abandon(); }

  void Send(v1::FollowRequest message) override { call_->Send(std::move(message)); }
  // What may get lost are acknowledgements, which the next hello repeats.
  void Close(const absl::Status&) override { call_->Abandon(); }

 private:
  const std::shared_ptr<FollowCall> call_;
};

// For addresses that are none: the owner hears OnClosed, unless it has dropped the end before.
template <typename Sent, typename Received>
class DeadEnd : public StreamEnd<Sent> {
 public:
  DeadEnd(Executor* strand, StreamEvents<Received>* events, absl::Status status)
      : events_(std::make_shared<StreamEvents<Received>*>(events)) {
    FailLater(strand, events_, std::move(status));
  }
  ~DeadEnd() override { *events_ = nullptr; }
  void Send(Sent) override {}
  void Close(const absl::Status&) override { *events_ = nullptr; }

 private:
  const std::shared_ptr<StreamEvents<Received>*> events_;
};

class DeadSnapshot : public SnapshotStream {
 public:
  DeadSnapshot(Executor* strand, StreamEvents<v1::FetchSnapshotResponse>* events, absl::Status status)
      : events_(std::make_shared<StreamEvents<v1::FetchSnapshotResponse>*>(events)) {
    FailLater(strand, events_, std::move(status));
  }
  ~DeadSnapshot() override { *events_ = nullptr; }
  void Next() override {}

 private:
  const std::shared_ptr<StreamEvents<v1::FetchSnapshotResponse>*> events_;
};

class SnapshotCall
    : public StreamCall<grpc::ClientReadReactor<v1::FetchSnapshotResponse>, v1::FetchSnapshotResponse> {
 public:
  using StreamCall::StreamCall;

  void Start(v1::FetchSnapshotRequest request) {
    request_ = std::move(request);
    stub_->async()->FetchSnapshot(&context_, &request_, this);
    Hold();
    StartCall();
  }

  void Next() {
    if (!released_) StartRead(&incoming_);
  }

  void OnReadDone(bool ok) override {
    Post([this, ok] {
      if (!ok) return Release();
      if (events_ != nullptr) events_->OnMessage(std::move(incoming_));
    });
  }

 private:
  v1::FetchSnapshotRequest request_;
};

class SnapshotEnd : public SnapshotStream {
 public:
  explicit SnapshotEnd(std::shared_ptr<SnapshotCall> call) : call_(std::move(call)) {}
  ~SnapshotEnd() override { call_->Abandon(); }
  void Next() override { call_->Next(); }

 private:
  const std::shared_ptr<SnapshotCall> call_;
};

// What a call with one question and one answer needs until it is answered.
template <typename Request, typename Response>
struct UnaryCall {
  std::unique_ptr<v1::ReplicationService::Stub> stub;
  grpc::ClientContext context;
  Request request;
  Response response;
};

class GrpcTransport : public PeerTransport {
 public:
  GrpcTransport(rpc::ChannelCache* channels, Executor* strand)
      : channels_(channels), strand_(strand), open_(std::make_shared<OpenCalls>(strand)) {}
  ~GrpcTransport() override { open_->EndAll(); }

  std::unique_ptr<StreamEnd<v1::FollowRequest>> Follow(const std::string& address,
                                                       StreamEvents<v1::FollowResponse>* events) override {
    absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = channels_->Get(address);
    if (!channel.ok()) {
      return std::make_unique<DeadEnd<v1::FollowRequest, v1::FollowResponse>>(strand_, events,
                                                                              channel.status());
    }
    auto call = std::make_shared<FollowCall>(*std::move(channel), open_, events);
    call->Start();
    return std::make_unique<FollowEnd>(std::move(call));
  }

  std::unique_ptr<SnapshotStream> FetchSnapshot(const std::string& address,
                                                const v1::FetchSnapshotRequest& request,
                                                StreamEvents<v1::FetchSnapshotResponse>* events) override {
    absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = channels_->Get(address);
    if (!channel.ok()) return std::make_unique<DeadSnapshot>(strand_, events, channel.status());
    auto call = std::make_shared<SnapshotCall>(*std::move(channel), open_, events);
    call->Start(request);
    return std::make_unique<SnapshotEnd>(std::move(call));
  }

  void Promise(const std::string& address, const v1::PromiseRequest& request, absl::Duration timeout,
               std::function<void(absl::StatusOr<v1::PromiseResponse>)> done) override {
    Ask(address, request, timeout, std::move(done),
        [](auto* stub, auto... arguments) { stub->Promise(std::move(arguments)...); });
  }

  void FetchRecords(const std::string& address, const v1::FetchRecordsRequest& request,
                    absl::Duration timeout,
                    std::function<void(absl::StatusOr<v1::FetchRecordsResponse>)> done) override {
    Ask(address, request, timeout, std::move(done),
        [](auto* stub, auto... arguments) { stub->FetchRecords(std::move(arguments)...); });
  }

  void Look(const std::string& address, const v1::LookRequest& request, absl::Duration timeout,
            std::function<void(absl::StatusOr<v1::LookResponse>)> done) override {
    Ask(address, request, timeout, std::move(done),
        [](auto* stub, auto... arguments) { stub->Look(std::move(arguments)...); });
  }

  void Freeze(const std::string& address, const v1::FreezeRequest& request, absl::Duration timeout,
              std::function<void(absl::StatusOr<v1::FreezeResponse>)> done) override {
    Ask(address, request, timeout, std::move(done),
        [](auto* stub, auto... arguments) { stub->Freeze(std::move(arguments)...); });
  }

 private:
  // `start` begins the call at an asynchronous stub.
  template <typename Request, typename Response, typename Start>
  void Ask(const std::string& address, const Request& request, absl::Duration timeout,
           std::function<void(absl::StatusOr<Response>)> done, Start start) {
    absl::StatusOr<std::shared_ptr<grpc::Channel>> channel = channels_->Get(address);
    if (!channel.ok()) {
      strand_->Post([done = std::move(done), status = channel.status()] { done(status); });
      return;
    }
    auto call = std::make_shared<UnaryCall<Request, Response>>();
    call->stub = v1::ReplicationService::NewStub(*channel);
    call->request = request;
    rpc::SetTimeout(call->context, timeout);
    const uint64_t entry = open_->Enter([weak = std::weak_ptr(call)] {
      if (const auto alive = weak.lock()) alive->context.TryCancel();
    });
    start(call->stub->async(), &call->context, &call->request, &call->response,
          [open = open_, entry, call, address, done = std::move(done)](const grpc::Status& status) {
            open->Post([call, address, done, status] {
              if (!status.ok()) return done(OfPeer(address, status));
              done(std::move(call->response));
            });
            open->Leave(entry);
          });
  }

  rpc::ChannelCache* const channels_;
  Executor* const strand_;
  const std::shared_ptr<OpenCalls> open_;
};

}  // namespace

std::unique_ptr<PeerTransport> MakeGrpcTransport(rpc::ChannelCache* channels, Executor* strand) {
  return std::make_unique<GrpcTransport>(channels, strand);
}

}  // namespace holdfast::replication
