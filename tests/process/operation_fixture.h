#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "admin/node_admin.h"
#include "base/mutex.h"
#include "holdfast/v1/operation.pb.h"
#include "tests/process/playground.h"

namespace holdfast::testing {

// A `holdfast` command that runs beside the test, until its end or until it is killed.
class CommandBeside {
 public:
  // `playground` must outlive this.
  CommandBeside(const Playground* playground, std::vector<std::string> arguments);
  ~CommandBeside();

  // Waits for its end; with Kill, which is SIGKILL, that comes at once.
  const CommandResult& Result();
  void Kill() { killed_ = true; }

 private:
  std::atomic<bool> killed_{false};
  CommandResult result_;
  std::thread thread_;
};

// For tests of operations that are broken off: a small cluster whose nodes have failpoints, what clients were
// told, and the judgement over all of it at the end. dc1-a is the primary; dc2-a, dc2-b and dc2-p1 vote.
class OperationTest : public ::testing::Test {
 protected:
  explicit OperationTest(int proxies = 1);
  void SetUp() override;

  // ---- Clients ----

  // One commit of one new key by a client that knows these nodes; what is acknowledged has to be there at the
  // end. Any thread.
  absl::StatusOr<v1::CommitResponse> Commit(const std::vector<std::string>& nodes,
                                            absl::Duration timeout = absl::Seconds(20),
                                            const std::string& request_id = "");
  // So many, each of which is acknowledged.
  void CommitAll(int count, const std::string& node = "dc1-a");
  // Commits without rest at these nodes until the fixture or EndWriting ends it; failures are none.
  void WriteBeside(const std::vector<std::string>& nodes);
  void EndWriting();
  int64_t acknowledged_count() const { return acknowledged_count_; }

  // ---- Operators ----

  // The id of the plan that `promote NODE ...` or `switchover NODE` shows, once nothing blocks it.
  std::string PlanOf(std::vector<std::string> command);
  // Confirms that plan.
  CommandResult CarryOut(const std::vector<std::string>& command);
  std::unique_ptr<CommandBeside> CarryOutBeside(const std::vector<std::string>& command);
  std::unique_ptr<CommandBeside> Beside(std::vector<std::string> arguments);

  // Confirms that plan too; its candidate dc2-a stands still at each of `points`, the command that watches is
  // killed there, and another one attaches. The last one hears that it is DONE.
  void WatchInTurns(const std::vector<std::string>& command, const std::vector<std::string>& points);

  // ---- Nodes ----

  // `node` takes no records any more: what is acknowledged from now on, it has not.
  void HoldBack(const std::string& node);
  // Arms `points` there (each "NAME=ACTION"), without ending HoldBack.
  void Arm(const std::string& node, const std::vector<std::string>& points);
  void Disarm(const std::string& node);
  bool WaitUntilDead(const std::string& node);
  // Paused at a failpoint.
  bool WaitUntilStopped(const std::string& node);
  std::optional<v1::StatusResponse> StatusOf(const std::string& node);
  // The operations that a server knows of itself, newest first; waits until it answers.
  std::vector<v1::Operation> OperationsOf(const std::string& node);
  // Whoever acts as primary, once somebody does.
  std::string WaitForPrimary();

  // ---- The judgement ----

  // Starts whoever does not run, brings former primaries back, and expects: one primary, everybody follows it
  // with equal digests, every acknowledged commit is there.
  void ExpectOneHistory();
  // What `node` says of each operation agrees with the log: one that went through has its EPOCH record there,
  // one that was refused or rolled back has none, none is in the middle of it.
  void ExpectHonest(const std::string& node);

  Playground playground_;
  std::unique_ptr<admin::NodeAdmin> admin_;

 private:
  bool IsOneHistory(std::string* why);
  std::vector<std::string> AllNodes() const;

  std::atomic<bool> stop_writing_{false};
  std::atomic<int64_t> acknowledged_count_{0};
  Mutex mu_;
  int next_key_ ABSL_GUARDED_BY(mu_) = 0;
  std::map<std::string, std::string> acknowledged_ ABSL_GUARDED_BY(mu_);  // key, value
  std::map<std::string, bool> held_back_;
  std::thread writer_;
};

}  // namespace holdfast::testing
