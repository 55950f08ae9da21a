#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "holdfast/v1/admin.grpc.pb.h"
#include "holdfast/v1/config.grpc.pb.h"
#include "holdfast/v1/operation.grpc.pb.h"
#include "holdfast/v1/salvage.grpc.pb.h"
#include "rpc/server.h"

namespace holdfast::admin {

// The data of a fake cluster: every state since revision 1, and who committed what. Any thread.
class FakeStore {
 public:
  using State = std::map<std::string, v1::KeyValue>;

  FakeStore();

  absl::StatusOr<v1::GetResponse> Get(const v1::GetRequest& request);
  absl::StatusOr<v1::ListResponse> List(const v1::ListRequest& request);
  absl::StatusOr<v1::HistoryResponse> History(const v1::HistoryRequest& request);
  absl::StatusOr<v1::CommitResponse> Commit(const v1::CommitRequest& request);
  // The events after `revision` in the request's range.
  std::vector<v1::WatchEvent> EventsAfter(const v1::WatchRequest& request, int64_t revision);

  int64_t revision();
  int64_t key_count();
  // Commits beyond this many are refused with NO_PRIMARY.
  void RefuseAfter(int commits);
  // Reads at revisions below are COMPACTED.
  void CompactTo(int64_t floor);
  int commit_count();
  int list_count();  // pages that were asked for

 private:
  absl::Status Judge(const v1::CommitRequest& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  const State& At(int64_t revision) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Mutex mu_;
  std::vector<State> states_ ABSL_GUARDED_BY(mu_);  // by revision - 1
  std::vector<v1::HistoryEntry> entries_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, int64_t> requests_ ABSL_GUARDED_BY(mu_);
  std::optional<int> refuse_after_ ABSL_GUARDED_BY(mu_);
  int64_t floor_ ABSL_GUARDED_BY(mu_) = 0;
  int lists_ ABSL_GUARDED_BY(mu_) = 0;
};

// What a node answers to operators, where a test has more to say than the fields of a FakeNode; each is
// called on a thread of gRPC, several at once.
struct FakeOperations {
  std::function<v1::StatusResponse()> status;
  std::function<absl::StatusOr<v1::PlanOperationResponse>(const v1::PlanOperationRequest&)> plan;
  std::function<absl::StatusOr<v1::StartOperationResponse>(const v1::StartOperationRequest&)> start;
  std::function<absl::StatusOr<v1::GetOperationResponse>(const v1::GetOperationRequest&)> get;
  std::function<absl::StatusOr<v1::ListOperationsResponse>()> list;
  std::function<absl::StatusOr<v1::ResumeOperationResponse>(const v1::ResumeOperationRequest&)> resume;
  std::function<absl::StatusOr<v1::AbortOperationResponse>(const v1::AbortOperationRequest&)> abort;
};

// One node on two free loopback ports that serves the store and says of itself what the test wants.
class FakeNode : public v1::ConfigService::CallbackService,
                 public v1::AdminService::CallbackService,
                 public v1::OperationService::CallbackService,
                 public v1::SalvageService::CallbackService {
 public:
  FakeNode(FakeStore* store, v1::NodeInfo info, v1::NodeRole role);
  ~FakeNode() override;

  const v1::NodeInfo& info() const { return info_; }
  void Stop();

  // What Status answers, beyond what follows from the store; set before any call.
  v1::StatusResponse status;
  std::vector<v1::VerifyFinding> findings;
  std::string recorded_digest = std::string(16, '\x44');  // what its records carry, by Verify at a revision
  std::string primary_client_address;                     // where commits are sent, if not here

  grpc::Status lost_answer;  // if it is an error: Init and ChangeNodes take effect, and this is heard of them

  // Its salvage files, and what each streams.
  std::vector<v1::SalvageFileSummary> salvage_files;
  std::map<std::string, std::vector<v1::ReadSalvageResponse>> salvage_content;

  // Its rating of itself, the plan of a promotion, and its rehearsals: what a start answers, and then each
  // look in turn, the last one for ever.
  v1::ReadinessReport report;
  absl::StatusOr<v1::Plan> plan = v1::Plan();
  absl::Status drill_refusal;
  std::atomic<int> busy_answers = 0;  // so many questions for a plan, or its start, come while it makes one
  std::vector<v1::Drill> drills;

  // What is answered instead, as far as it is there; set before any call.
  FakeOperations operations;

  // What was asked.
  std::optional<v1::PlanOperationRequest> planned;
  std::optional<v1::StartDrillRequest> drilled;
  std::optional<v1::ChangeNodesRequest> changed;
  std::optional<v1::InitRequest> initialised;
  std::optional<v1::DrainRequest> drained;
  v1::DrainResponse drain_answer;
  std::optional<v1::ChangeSpellRequest> spell_changed;
  std::optional<v1::PointUpstreamRequest> pointed;
  std::optional<v1::LendSlotRequest> lent;
  std::optional<v1::TakeSlotRequest> taken;

  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext*, const v1::GetRequest*,
                                v1::GetResponse*) override;
  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext*, const v1::ListRequest*,
                                 v1::ListResponse*) override;
  grpc::ServerUnaryReactor* History(grpc::CallbackServerContext*, const v1::HistoryRequest*,
                                    v1::HistoryResponse*) override;
  grpc::ServerUnaryReactor* Commit(grpc::CallbackServerContext*, const v1::CommitRequest*,
                                   v1::CommitResponse*) override;
  grpc::ServerWriteReactor<v1::WatchResponse>* Watch(grpc::CallbackServerContext*,
                                                     const v1::WatchRequest*) override;
  grpc::ServerUnaryReactor* Status(grpc::CallbackServerContext*, const v1::StatusRequest*,
                                   v1::StatusResponse*) override;
  grpc::ServerUnaryReactor* Init(grpc::CallbackServerContext*, const v1::InitRequest*,
                                 v1::InitResponse*) override;
  grpc::ServerUnaryReactor* ChangeNodes(grpc::CallbackServerContext*, const v1::ChangeNodesRequest*,
                                        v1::ChangeNodesResponse*) override;
  grpc::ServerUnaryReactor* Drain(grpc::CallbackServerContext*, const v1::DrainRequest*,
                                  v1::DrainResponse*) override;
  grpc::ServerUnaryReactor* Check(grpc::CallbackServerContext*, const v1::CheckRequest*,
                                  v1::CheckResponse*) override;
  grpc::ServerUnaryReactor* StartDrill(grpc::CallbackServerContext*, const v1::StartDrillRequest*,
                                       v1::StartDrillResponse*) override;
  grpc::ServerUnaryReactor* GetDrill(grpc::CallbackServerContext*, const v1::GetDrillRequest*,
                                     v1::GetDrillResponse*) override;
  grpc::ServerUnaryReactor* PlanOperation(grpc::CallbackServerContext*, const v1::PlanOperationRequest*,
                                          v1::PlanOperationResponse*) override;
  grpc::ServerUnaryReactor* StartOperation(grpc::CallbackServerContext*, const v1::StartOperationRequest*,
                                           v1::StartOperationResponse*) override;
  grpc::ServerUnaryReactor* GetOperation(grpc::CallbackServerContext*, const v1::GetOperationRequest*,
                                         v1::GetOperationResponse*) override;
  grpc::ServerUnaryReactor* ListOperations(grpc::CallbackServerContext*, const v1::ListOperationsRequest*,
                                           v1::ListOperationsResponse*) override;
  grpc::ServerUnaryReactor* ResumeOperation(grpc::CallbackServerContext*, const v1::ResumeOperationRequest*,
                                            v1::ResumeOperationResponse*) override;
  grpc::ServerUnaryReactor* AbortOperation(grpc::CallbackServerContext*, const v1::AbortOperationRequest*,
                                           v1::AbortOperationResponse*) override;
  grpc::ServerUnaryReactor* ChangeSpell(grpc::CallbackServerContext*, const v1::ChangeSpellRequest*,
                                        v1::ChangeSpellResponse*) override;
  grpc::ServerUnaryReactor* PointUpstream(grpc::CallbackServerContext*, const v1::PointUpstreamRequest*,
                                          v1::PointUpstreamResponse*) override;
  grpc::ServerUnaryReactor* LendSlot(grpc::CallbackServerContext*, const v1::LendSlotRequest*,
                                     v1::LendSlotResponse*) override;
  grpc::ServerUnaryReactor* TakeSlot(grpc::CallbackServerContext*, const v1::TakeSlotRequest*,
                                     v1::TakeSlotResponse*) override;
  grpc::ServerWriteReactor<v1::VerifyResponse>* Verify(grpc::CallbackServerContext*,
                                                       const v1::VerifyRequest*) override;
  grpc::ServerWriteReactor<v1::SalvageFileSummary>* ListSalvage(grpc::CallbackServerContext*,
                                                                const v1::ListSalvageRequest*) override;
  grpc::ServerWriteReactor<v1::ReadSalvageResponse>* ReadSalvage(grpc::CallbackServerContext*,
                                                                 const v1::ReadSalvageRequest*) override;

 private:
  v1::ResponseHeader Header();
  bool IsBusy() { return busy_answers > 0 && busy_answers-- > 0; }

  FakeStore* const store_;  // must outlive this
  v1::NodeInfo info_;
  const v1::NodeRole role_;
  size_t looks_ = 0;
  std::unique_ptr<rpc::Server> clients_;
  std::unique_ptr<rpc::Server> peers_;
};

}  // namespace holdfast::admin
