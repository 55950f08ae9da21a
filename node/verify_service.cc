#include "node/verify_service.h"

#include <atomic>
#include <utility>

#include "base/error.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "node/errors.h"
#include "rpc/status.h"
#include "storage/errors.h"
#include "storage/verify.h"

namespace holdfast::node {
namespace {

// What the record of one revision says of the state after it.
absl::StatusOr<v1::VerifyResult> CarriedAt(storage::Store& store, Revision revision) {
  HF_ASSIGN_OR_RETURN(const storage::LogRecordPtr record, store.log().ReadAt(revision));
  v1::VerifyResult result;
  *result.mutable_position() = storage::ToProto(record->position);
  result.set_state_digest(record->message.state_digest());
  return result;
}

// The worker fills `next_`; gRPC's threads write it. Progress that nobody could take yet is replaced by newer
// progress. Deletes itself in OnDone, which comes after Finish, which comes after the worker has returned.
class VerifyReactor : public grpc::ServerWriteReactor<v1::VerifyResponse> {
 public:
  VerifyReactor(storage::Store* store, Executor* strand,
                std::function<void(const v1::VerifyResult&)> on_whole)
      : store_(store), strand_(strand), on_whole_(std::move(on_whole)) {}

  void Run(const v1::VerifyRequest& request) {
    absl::StatusOr<v1::VerifyResult> result = Verify(request);
    if (!request.deep() || !result.ok()) return End(std::move(result));
    strand_->Post([this, result = *std::move(result)]() mutable {
      absl::StatusOr<v1::VerifyResult> whole = WithNode(std::move(result));
      if (whole.ok()) on_whole_(*whole);
      End(std::move(whole));
    });
  }

  // The pool is full.
  void Refuse() {
    MutexLock lock(&mu_);
    ended_ = true;
    final_status_ = rpc::ToGrpcStatus(TooBusyError("verifications"));
    Continue();
  }

  void OnWriteDone(bool ok) override {
    MutexLock lock(&mu_);
    writing_ = false;
    if (!ok) {
      cancelled_ = true;
      has_next_ = false;
    }
    Continue();
  }
  void OnCancel() override { cancelled_ = true; }
  void OnDone() override { delete this; }

 private:
  absl::StatusOr<v1::VerifyResult> Verify(const v1::VerifyRequest& request) {
    if (request.at_revision() == 0) {
      return storage::VerifyStore(
          *store_, request.deep(), [this](int64_t checked, int64_t total) { Progress(checked, total); },
          [this] { return cancelled_.load(); });
    }
    if (request.deep()) return InvalidFieldError("at_revision", "cannot be looked at deeply");
    return CarriedAt(*store_, Revision(request.at_revision()));
  }

  // On the strand, which owns node.db.
  absl::StatusOr<v1::VerifyResult> WithNode(v1::VerifyResult result) {
    const absl::Status checked = store_->CheckNode();
    if (!checked.ok() && !storage::IsDamaged(checked)) return checked;
    if (checked.ok()) return result;
    v1::VerifyFinding& finding = *result.add_findings();
    finding.set_kind("node");
    finding.set_key(DetailOf(checked, "key"));
    finding.set_message(std::string(checked.message()));
    return result;
  }

  void End(absl::StatusOr<v1::VerifyResult> result) {
    MutexLock lock(&mu_);
    ended_ = true;
    final_status_ = rpc::ToGrpcStatus(result.status());
    if (result.ok()) {
      next_.Clear();
      *next_.mutable_result() = *std::move(result);
      has_next_ = true;
    }
    if (!writing_) Continue();
  }

  void Progress(int64_t checked, int64_t total) {
    MutexLock lock(&mu_);
    next_.set_checked(checked);
    next_.set_total(total);
    has_next_ = true;
    if (!writing_) Continue();
  }

  // The next step, if there is one. gRPC only queues what is started here: no reaction runs within it.
  void Continue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (has_next_ && !cancelled_) {
      has_next_ = false;
      writing_ = true;
      outgoing_ = next_;
      StartWrite(&outgoing_);
    } else if (ended_ && !std::exchange(finished_, true)) {
      Finish(final_status_);
    }
  }

  storage::Store* const store_;
  Executor* const strand_;
  const std::function<void(const v1::VerifyResult&)> on_whole_;
  std::atomic<bool> cancelled_{false};
  Mutex mu_;
  v1::VerifyResponse next_ ABSL_GUARDED_BY(mu_);
  v1::VerifyResponse outgoing_;  // gRPC's while writing_
  bool has_next_ ABSL_GUARDED_BY(mu_) = false;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  grpc::Status final_status_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

grpc::ServerWriteReactor<v1::VerifyResponse>* StartVerify(
    storage::Store* store, WorkerPool* pool, Executor* strand,
    std::function<void(const v1::VerifyResult&)> on_whole, const v1::VerifyRequest& request) {
  auto* const reactor = new VerifyReactor(store, strand, std::move(on_whole));
  if (!pool->TryPost([reactor, request] { reactor->Run(request); })) reactor->Refuse();
  return reactor;
}

}  // namespace holdfast::node
