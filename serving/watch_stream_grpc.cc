#include "serving/watch_stream_grpc.h"

#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/slice.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "rpc/status.h"
#include "serving/errors.h"

namespace holdfast::serving {
namespace {

using Owner = std::shared_ptr<const void>;

grpc::Slice ToSlice(const WatchMessage::Piece& piece) {
  const auto release = [](void* owner) { delete static_cast<Owner*>(owner); };
  // gRPC never writes into a slice that it was given.
  return grpc::Slice(const_cast<char*>(piece.bytes.data()), piece.bytes.size(), release,
                     new Owner(piece.owner));
}

grpc::ByteBuffer ToByteBuffer(const WatchMessage& message) {
  std::vector<grpc::Slice> slices;
  slices.reserve(message.pieces().size());
  for (const WatchMessage::Piece& piece : message.pieces()) slices.push_back(ToSlice(piece));
  return grpc::ByteBuffer(slices.data(), slices.size());
}

// One stream: the hub writes on its thread, gRPC reports on its own. gRPC forbids a second write before the
// first is done; Finish waits for it too. Owned by itself until OnDone, and by the hub until it has called
// Finish.
class WatchStreamGrpc : public grpc::ServerWriteReactor<grpc::ByteBuffer>,
                        public WatchSink,
                        public std::enable_shared_from_this<WatchStreamGrpc> {
 public:
  explicit WatchStreamGrpc(WatchHub* hub) : hub_(hub), id_(hub->NewId()) {}

  void Begin(const ReadAdmission& admission, const CallLimits& limits, const grpc::ByteBuffer& bytes) {
    self_ = shared_from_this();
    v1::WatchRequest request;
    grpc::ByteBuffer copy(bytes);  // of the references: parsing consumes
    if (!grpc::SerializationTraits<v1::WatchRequest>::Deserialize(&copy, &request).ok())
      return Finish(InvalidRequestError("request", "must be a WatchRequest"));
    if (request.min_revision() < 0)
      return Finish(InvalidRequestError("min_revision", "must not be negative"));
    ReadDemands demands;
    demands.min_revision = Revision(request.min_revision());
    const TaskQueue at_once = [](const std::function<void()>& task) {
      task();
      return true;
    };
    admission.OnWorker(demands, limits, at_once,
                       [self = self_, request = std::move(request)](const absl::StatusOr<ReadDecision>& at) {
                         if (!at.ok()) return self->Finish(at.status());
                         self->hub_->Open(self->id_, request, self);
                       });
  }

  bool CanWrite() override {
    MutexLock lock(&mu_);
    wanted_ = writing_;
    return !writing_;
  }

  void Write(WatchMessage message) override {
    buffer_ = ToByteBuffer(message);
    {
      MutexLock lock(&mu_);
      writing_ = true;
    }
    StartWrite(&buffer_);
  }

  void Finish(const absl::Status& status) override {
    {
      MutexLock lock(&mu_);
      if (writing_) {
        ending_ = status;
        return;
      }
    }
    End(status);
  }

  void OnWriteDone(bool ok) override {
    buffer_.Clear();
    bool wanted;
    std::optional<absl::Status> ending;
    {
      MutexLock lock(&mu_);
      writing_ = false;
      wanted = std::exchange(wanted_, false);
      ending = std::exchange(ending_, std::nullopt);
    }
    if (ending) return End(*ending);
    if (!ok) return hub_->Close(id_);
    if (wanted) hub_->OnWritable(id_);
  }

  void OnCancel() override { hub_->Close(id_); }
  void OnDone() override { const auto self = std::move(self_); }  // the last reference may be this one

 private:
  void End(const absl::Status& status) {
    grpc::ServerWriteReactor<grpc::ByteBuffer>::Finish(status.ok() ? grpc::Status::OK
                                                                   : rpc::ToGrpcStatus(status));
  }

  WatchHub* const hub_;
  const WatchId id_;
  std::shared_ptr<WatchStreamGrpc> self_;
  grpc::ByteBuffer buffer_;  // of the write under way

  Mutex mu_;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool wanted_ ABSL_GUARDED_BY(mu_) = false;  // the hub has more
  std::optional<absl::Status> ending_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

grpc::ServerWriteReactor<grpc::ByteBuffer>* OpenWatchStream(WatchHub& hub, const ReadAdmission& admission,
                                                            const CallLimits& limits,
                                                            const grpc::ByteBuffer& request) {
  const auto stream = std::make_shared<WatchStreamGrpc>(&hub);
  stream->Begin(admission, limits, request);
  return stream.get();
}

}  // namespace holdfast::serving
