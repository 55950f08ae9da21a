#include "tests/process/operation_fixture.h"

#include <signal.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "base/error.h"
#include "replication/inventory.h"
#include "tests/process/client_calls.h"

namespace holdfast::testing {
namespace {

constexpr char kHeldBack[] = "follow.before-append=error";
constexpr absl::Duration kAsk = absl::Seconds(2);

// 'T' of a process that SIGSTOP has stopped; 0 if it is gone.
char StateOf(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  const std::string text((std::istreambuf_iterator<char>(stat)), {});
  const size_t name_end = text.rfind(')');
  return name_end == std::string::npos || name_end + 2 >= text.size() ? 0 : text[name_end + 2];
}

}  // namespace

CommandBeside::CommandBeside(const Playground* playground, std::vector<std::string> arguments)
    : thread_([this, playground, arguments = std::move(arguments)] {
        result_ = playground->Holdfast(arguments, {absl::InfiniteDuration(), &killed_});
      }) {}

CommandBeside::~CommandBeside() {
  if (!thread_.joinable()) return;
  killed_ = true;
  thread_.join();
}

const CommandResult& CommandBeside::Result() {
  if (thread_.joinable()) thread_.join();
  return result_;
}

OperationTest::OperationTest(int proxies)
    : playground_({.proxies = proxies, .tls = TlsByDefault(), .failpoints = true}) {}

void OperationTest::SetUp() {
  ASSERT_TRUE(playground_.ok()) << playground_.error();
  auto admin = admin::MakeNodeAdmin(playground_.operator_tls());
  ASSERT_TRUE(admin.ok()) << admin.status();
  admin_ = *std::move(admin);
}

absl::StatusOr<v1::CommitResponse> OperationTest::Commit(const std::vector<std::string>& nodes,
                                                         absl::Duration timeout,
                                                         const std::string& request_id) {
  v1::CommitRequest request;
  request.set_request_id(request_id);
  v1::Mutation& mutation = *request.add_mutations();
  {
    MutexLock lock(&mu_);
    mutation.set_key(absl::StrCat("kept/", next_key_++));
  }
  mutation.set_put(absl::StrCat("value of ", mutation.key()));
  const absl::StatusOr<v1::CommitResponse> answer = playground_.ClientOf(nodes, timeout)->Commit(request);
  if (!answer.ok()) return answer;
  MutexLock lock(&mu_);
  acknowledged_[mutation.key()] = mutation.put();
  ++acknowledged_count_;
  return answer;
}

void OperationTest::CommitAll(int count, const std::string& node) {
  for (int i = 0; i < count; ++i) {
    const auto answer = Commit({node});
    ASSERT_TRUE(answer.ok()) << answer.status() << playground_.Logs();
  }
}

void OperationTest::WriteBeside(const std::vector<std::string>& nodes) {
  writer_ = std::thread([this, nodes] {
    while (!stop_writing_) Commit(nodes, absl::Seconds(1)).status().IgnoreError();
  });
}

void OperationTest::EndWriting() {
  stop_writing_ = true;
  if (writer_.joinable()) writer_.join();
}

std::string OperationTest::PlanOf(std::vector<std::string> command) {
  command.insert(command.end(), {"--dry-run", "-o", "json"});
  CommandResult plan;
  EXPECT_TRUE(Eventually(kPatience,
                         [&] {
                           plan = playground_.Holdfast(command);
                           return plan.exit_status == 0;
                         }))
      << plan.out << plan.err << playground_.Logs();
  return JsonText(plan.out, "plan_id");
}

CommandResult OperationTest::CarryOut(const std::vector<std::string>& command) {
  return CarryOutBeside(command)->Result();
}

std::unique_ptr<CommandBeside> OperationTest::CarryOutBeside(const std::vector<std::string>& command) {
  std::vector<std::string> confirmed = command;
  confirmed.insert(confirmed.end(), {"--yes", "--plan", PlanOf(command), "-o", "json"});
  return Beside(std::move(confirmed));
}

std::unique_ptr<CommandBeside> OperationTest::Beside(std::vector<std::string> arguments) {
  return std::make_unique<CommandBeside>(&playground_, std::move(arguments));
}

void OperationTest::WatchInTurns(const std::vector<std::string>& command,
                                 const std::vector<std::string>& points) {
  std::vector<std::string> confirmed = command;
  confirmed.insert(confirmed.end(), {"--yes", "--plan", PlanOf(command), "-o", "json"});
  std::vector<std::string> pauses;
  for (const std::string& point : points) pauses.push_back(point + "=pause@1");
  Arm("dc2-a", pauses);
  auto watching = Beside(std::move(confirmed));
  for (const std::string& point : points) {
    ASSERT_TRUE(WaitUntilStopped("dc2-a")) << point << playground_.Logs();
    ASSERT_EQ(playground_.HitsOf("dc2-a").back(), point);
    watching->Kill();
    EXPECT_EQ(watching->Result().exit_status, 128 + SIGKILL);
    watching = Beside({"operation", "attach", "-o", "json"});
    playground_.Signal("dc2-a", SIGCONT);
  }
  const CommandResult& attached = watching->Result();
  EXPECT_EQ(attached.exit_status, 0) << attached.out << attached.err << playground_.Logs();
  EXPECT_EQ(JsonText(attached.out, "state"), "DONE");
}

void OperationTest::HoldBack(const std::string& node) {
  held_back_[node] = true;
  playground_.Arm(node, kHeldBack);
}

void OperationTest::Arm(const std::string& node, const std::vector<std::string>& points) {
  playground_.Arm(node, absl::StrCat(held_back_[node] ? kHeldBack : "", ";", absl::StrJoin(points, ";")));
}

void OperationTest::Disarm(const std::string& node) {
  held_back_[node] = false;
  playground_.Arm(node, "");
}

bool OperationTest::WaitUntilDead(const std::string& node) {
  if (!Eventually(kPatience, [&] { return !playground_.IsRunning(node); })) return false;
  playground_.Kill(node);  // takes note of its end
  return true;
}

bool OperationTest::WaitUntilStopped(const std::string& node) {
  return Eventually(kPatience, [&] { return StateOf(playground_.node(node).pid) == 'T'; });
}

std::optional<v1::StatusResponse> OperationTest::StatusOf(const std::string& node) {
  const auto status = admin_->Status(playground_.node(node).peer_address, kAsk);
  if (!status.ok()) return std::nullopt;
  return *status;
}

std::vector<v1::Operation> OperationTest::OperationsOf(const std::string& node) {
  absl::StatusOr<v1::ListOperationsResponse> listed;
  EXPECT_TRUE(Eventually(kPatience,
                         [&] {
                           listed = admin_->ListOperations(playground_.node(node).peer_address, kAsk);
                           return listed.ok();
                         }))
      << node << ": " << listed.status() << playground_.Logs();
  if (!listed.ok()) return {};
  return {listed->operations().begin(), listed->operations().end()};
}

std::string OperationTest::WaitForPrimary() {
  std::string primary;
  EXPECT_TRUE(Eventually(kPatience,
                         [&] {
                           for (const char* const server : {"dc1-a", "dc2-a", "dc2-b"}) {
                             if (!playground_.IsRunning(server)) continue;
                             const auto status = StatusOf(server);
                             if (status && status->header().role() == v1::NODE_ROLE_PRIMARY) primary = server;
                           }
                           return !primary.empty();
                         }))
      << playground_.Holdfast({"status"}).out << playground_.Logs();
  return primary;
}

std::vector<std::string> OperationTest::AllNodes() const {
  std::vector<std::string> nodes = playground_.IdsOf("dc1");
  for (const std::string& node : playground_.IdsOf("dc2")) nodes.push_back(node);
  return nodes;
}

bool OperationTest::IsOneHistory(std::string* why) {
  std::string primary;
  std::vector<std::string> former;
  for (const std::string& node : AllNodes()) {
    const std::optional<v1::StatusResponse> status = StatusOf(node);
    if (!status) {
      *why = node + " does not answer";
      return false;
    }
    const v1::NodeRole role = status->header().role();
    if (role == v1::NODE_ROLE_SUSPENDED || role == v1::NODE_ROLE_FENCED) former.push_back(node);
    if (role == v1::NODE_ROLE_RECOVERING) {
      *why = node + " still asks whether it is primary";
      return false;
    }
    if (role != v1::NODE_ROLE_PRIMARY) continue;
    if (!primary.empty()) {
      *why = absl::StrCat(primary, " and ", node, " are both primary");
      return false;
    }
    primary = node;
  }
  if (primary.empty()) {
    *why = "nobody is primary";
    return false;
  }
  if (former.empty()) return true;
  *why = absl::StrCat("was primary: ", absl::StrJoin(former, ", "));
  for (const std::string& node : former) playground_.Holdfast({"rejoin", node, "--deadline", "10s"});
  return false;
}

void OperationTest::ExpectOneHistory() {
  EndWriting();
  for (const std::string& node : AllNodes()) {
    if (!playground_.IsRunning(node)) playground_.Restart(node);
    held_back_[node] = false;
    playground_.Arm(node, "");
  }
  std::string why;
  ASSERT_TRUE(Eventually(kPatience, [&] { return IsOneHistory(&why); }))
      << why << playground_.Holdfast({"status"}).out << playground_.Logs();
  CommitAll(1, WaitForPrimary());
  CommandResult verified;
  EXPECT_TRUE(Eventually(kPatience,
                         [&] {
                           verified = playground_.Holdfast({"verify", "--wait", "20s"});
                           return verified.exit_status == 0;
                         }))
      << verified.out << verified.err << playground_.Logs();
  const auto client = playground_.ClientOf({playground_.ids("proxy", "dc2").front()});
  const auto kept = ListBelow(*client, "kept");
  ASSERT_TRUE(kept.ok()) << kept.status();
  MutexLock lock(&mu_);
  for (const auto& [key, value] : acknowledged_) {
    const auto found = kept->values.find(key.substr(key.find('/') + 1));
    EXPECT_TRUE(found != kept->values.end() && found->second == value)
        << key << " was acknowledged, and is not there" << playground_.Logs();
  }
}

void OperationTest::ExpectHonest(const std::string& node) {
  // Every EPOCH record writes the cluster's own key.
  std::set<std::pair<uint64_t, std::string>> begun;
  v1::HistoryRequest request;
  request.set_key(std::string(replication::kClusterKey));
  const auto client = playground_.ClientOf({playground_.ids("proxy", "dc2").front()});
  const absl::Status read = client->HistoryAll(request, [&](v1::HistoryEntry& entry) {
    for (const v1::WatchEvent& event : entry.events()) {
      const auto cluster = replication::ClusterFromJson(event.kv().value());
      if (cluster.ok()) begun.emplace(cluster->epoch(), cluster->primary_node_id());
    }
    return absl::OkStatus();
  });
  ASSERT_TRUE(read.ok()) << read;
  std::vector<v1::Operation> operations;
  Eventually(kPatience, [&] {  // one that a node has begun by itself may still wait for the last to follow
    operations = OperationsOf(node);
    return std::none_of(operations.begin(), operations.end(), [](const v1::Operation& operation) {
      return operation.state() == v1::OPERATION_STATE_RUNNING;
    });
  });
  for (const v1::Operation& operation : operations) {
    const bool is_in_log = begun.contains({operation.plan().epoch(), operation.plan().candidate()});
    SCOPED_TRACE(operation.ShortDebugString());
    switch (operation.state()) {
      case v1::OPERATION_STATE_DONE:
      case v1::OPERATION_STATE_INCOMPLETE:
        EXPECT_TRUE(is_in_log) << "it says that it went through";
        break;
      case v1::OPERATION_STATE_REFUSED:
      case v1::OPERATION_STATE_ROLLED_BACK:
        EXPECT_FALSE(is_in_log) << "it says that nothing has changed";
        break;
      case v1::OPERATION_STATE_UNKNOWN:
        break;  // honest about either
      default:
        ADD_FAILURE() << "it is in the middle, and nobody goes on with it";
    }
  }
}

}  // namespace holdfast::testing
