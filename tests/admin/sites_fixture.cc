#include "tests/admin/sites_fixture.h"

#include <algorithm>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/util/json_util.h"

namespace holdfast::admin {

CliSitesTest::CliSitesTest() {
  EXPECT_EQ(setenv("TZ", "UTC", 1), 0);
  nodes_ = {{"dc1-a", primary_.get()}, {"dc2-a", standby_.get()}, {"dc2-p1", proxy_.get()}};
  v1::CommitRequest inventory;
  inventory.set_request_id("more members");
  for (const char* id : {"dc1-p1", "dc2-b", "dc2-p2"}) {
    const bool is_proxy = absl::StrContains(id, "-p");
    v1::NodeInfo info;
    info.set_node_id(id);
    info.set_site(std::string(id).substr(0, 3));
    info.set_kind(is_proxy ? v1::NODE_KIND_PROXY : v1::NODE_KIND_SERVER);
    more_.push_back(
        std::make_unique<FakeNode>(&store_, info, is_proxy ? v1::NODE_ROLE_PROXY : v1::NODE_ROLE_STANDBY));
    nodes_[id] = more_.back().get();
    v1::Mutation& mutation = *inventory.add_mutations();
    mutation.set_key(absl::StrCat("_holdfast/nodes/", id));
    EXPECT_TRUE(
        google::protobuf::util::MessageToJsonString(more_.back()->info(), mutation.mutable_put()).ok());
  }
  EXPECT_TRUE(store_.Commit(inventory).ok());
  for (const auto& [id, node] : nodes_) node->operations = sites_.AnswersOf(id);
  std::vector<std::string> proxies;
  for (const char* id : {"dc1-p1", "dc2-p1", "dc2-p2"}) proxies.push_back(At(id).info().client_address());
  terminal_ = true;
  variables_["HOLDFAST_ENDPOINTS"] = absl::StrJoin(proxies, ",");
}

void CliSitesTest::Lose(const std::string& id) {
  At(id).Stop();
  sites_.Lose(id);
}

void CliSitesTest::LoseSite(const std::string& site) {
  for (const std::string& id : SimSites::Ids()) {
    if (absl::StartsWith(id, site)) Lose(id);
  }
}

std::string CliSitesTest::Type(const std::string& command, const std::string& input) {
  const std::vector<std::string> arguments = absl::StrSplit(command, ' ');
  const Outcome outcome = Run(arguments, input);
  std::string text = absl::StrCat("$ holdfast ", command, "\n", outcome.out, input, outcome.err);
  if (outcome.code != 0) absl::StrAppend(&text, "(exit code ", outcome.code, ")\n");
  return text;
}

std::string CliSitesTest::PlanId(const std::string& command) {
  const std::string json = Run(absl::StrSplit(command + " --dry-run -o json", ' ')).out;
  constexpr char kMember[] = "\"plan_id\": \"";
  const size_t at = json.find(kMember);
  EXPECT_NE(at, std::string::npos) << json;
  return at == std::string::npos ? "none" : json.substr(at + sizeof(kMember) - 1, 12);
}

std::string CliSitesTest::CarryOut(const std::string& command) {
  const std::string text = Type(absl::StrCat(command, " --yes --plan ", PlanId(command)));
  // The plan was looked at: its last part is the list of steps.
  const size_t begun = text.find("\n  promise-self ");
  const size_t copied = text.find("\n  pre-copy ");
  const size_t line = text.find('\n');
  const size_t report = std::min(begun, copied);
  EXPECT_NE(report, std::string::npos) << text;
  return report == std::string::npos ? text : text.substr(0, line) + text.substr(report);
}

}  // namespace holdfast::admin
