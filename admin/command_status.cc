#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "admin/cluster_view.h"
#include "admin/commands.h"
#include "admin/show.h"
#include "admin/show_durability.h"
#include "base/error.h"
#include "base/status_macros.h"

namespace holdfast::admin {
namespace {

using Answer = absl::StatusOr<v1::StatusResponse>;

std::string StateOf(const Answer& answer) {
  if (!answer.ok()) return ShowNoAnswer(answer.status());
  if (answer->header().role() == v1::NODE_ROLE_STANDBY && answer->activity().empty()) return "following";
  if (!answer->not_serving_reason().empty()) return answer->not_serving_reason();
  if (answer->draining()) return "drained";
  return answer->activity().empty() ? "serving" : answer->activity();
}

// Who feeds it, and who was chosen by hand if that is somebody else.
std::string ShowUpstream(const v1::StatusResponse& status) {
  const std::string fed_by = status.upstream_connected() ? status.upstream_node_id() : "-";
  if (!status.has_pin()) return fed_by;
  if (status.pin_followed()) return absl::StrCat(fed_by, " (by hand)");
  return absl::StrCat(fed_by, " (not ", status.pin().node_id(), ")");
}

// As much of it as a table has room for; the rest is said below.
std::string ShortState(const Answer& answer) {
  const std::string state = StateOf(answer);
  return state.substr(0, state.find(": "));
}

// What the table has no room for, each text once: "  dc2-a, dc2-b: not connected: ...".
void PrintStates(Context& context, const ClusterView& view, const std::vector<Answer>& answers) {
  std::vector<std::pair<std::string, std::vector<std::string>>> states;  // in the order of the nodes
  for (size_t i = 0; i < answers.size(); ++i) {
    const std::string state = StateOf(answers[i]);
    if (state == ShortState(answers[i])) continue;
    auto known =
        std::find_if(states.begin(), states.end(), [&](const auto& one) { return one.first == state; });
    if (known == states.end()) known = states.insert(states.end(), {state, {}});
    known->second.push_back(view.nodes[i].node_id());
  }
  for (const auto& [state, node_ids] : states)
    context.out() << Wrapped("  ", 4, absl::StrCat(absl::StrJoin(node_ids, ", "), ": ", state));
}

bool IsPrimary(const Answer& answer) {
  return answer.ok() && answer->header().role() == v1::NODE_ROLE_PRIMARY;
}

int64_t NewestRevision(const std::vector<Answer>& answers) {
  int64_t newest = 0;
  for (const Answer& answer : answers) {
    if (answer.ok()) newest = std::max(newest, answer->appended().revision());
  }
  return newest;
}

const v1::StatusResponse* Furthest(const std::vector<Answer>& answers) {
  const v1::StatusResponse* best = nullptr;
  for (const Answer& answer : answers) {
    if (answer.ok() && (best == nullptr || answer->appended().revision() > best->appended().revision()))
      best = &*answer;
  }
  return best;
}

void PrintSummary(Context& context, const ClusterView& view, const std::vector<Answer>& answers) {
  const v1::StatusResponse* const best = Furthest(answers);  // knows most
  context.out() << "cluster " << context.Bold() << view.cluster.cluster_id() << context.Plain();
  if (best == nullptr) {
    context.out() << "\nno node can be asked";
    if (!answers.empty()) context.out() << "; the first: " << answers.front().status().message();
    context.out() << "\n\n";
    return;
  }
  context.out() << "   epoch " << best->epoch() << "   primary ";
  if (std::any_of(answers.begin(), answers.end(), IsPrimary) || best->primary_node_id().empty()) {
    context.out() << (best->primary_node_id().empty() ? "none" : best->primary_node_id()) << "\n";
  } else {
    context.out() << context.Red() << "none" << context.Plain() << ", the last one known is "
                  << best->primary_node_id() << "\n";
  }
  context.out() << "revision " << ShowRevision(best->appended().revision()) << "   "
                << ShowCount(best->key_count()) << " keys   durability " << ShowRule(best->rule()) << "\n\n";
}

std::string WithoutWhom(const v1::UnsettledEpoch& epoch, const v1::WaivedRule& waived) {
  return absl::StrCat("epoch ", epoch.epoch(), " began by an override, without ", waived.needed(),
                      waived.needed() == 1 ? " vote of {" : " votes of {", ShowVoters(waived.rule()), "}");
}

std::string WhoHasCome(const v1::WaivedRule& waived) {
  std::vector<std::string> come;
  for (const v1::Voter& voter : waived.adopted()) come.push_back(voter.node_id());
  for (const v1::Voter& voter : waived.replaced())
    come.push_back(absl::StrCat(voter.node_id(), " (replaced)"));
  return absl::StrCat(come.size(), " of ", waived.needed(), " have come to it", come.empty() ? "" : ": ",
                      absl::StrJoin(come, ", "));
}

// R20: who knows most of it is whoever is furthest.
std::vector<std::string> UnsettledWarnings(const std::vector<Answer>& answers) {
  std::vector<std::string> warnings;
  const v1::StatusResponse* const best = Furthest(answers);
  if (best == nullptr) return warnings;
  for (const v1::UnsettledEpoch& epoch : best->unsettled()) {
    for (const v1::WaivedRule& waived : epoch.waived()) {
      warnings.push_back(
          absl::StrCat("UNSETTLED: ", WithoutWhom(epoch, waived), ", ", WhoHasCome(waived),
                       "; until enough have, a promotion elsewhere could still lose commits of "
                       "this branch; ends by itself"));
    }
  }
  return warnings;
}

void WriteUnsettled(JsonWriter& json, const std::vector<Answer>& answers) {
  json.Key("unsettled").BeginArray();
  if (const v1::StatusResponse* const best = Furthest(answers); best != nullptr) {
    for (const v1::UnsettledEpoch& epoch : best->unsettled()) {
      json.BeginObject().Member("epoch", static_cast<int64_t>(epoch.epoch()));
      json.Member("revision", epoch.revision()).Key("says").BeginArray();
      for (const v1::WaivedRule& waived : epoch.waived()) {
        json.String(absl::StrCat(WithoutWhom(epoch, waived), ", ", WhoHasCome(waived)));
      }
      json.EndArray().EndObject();
    }
  }
  json.EndArray();
}

void PrintTable(Context& context, const ClusterView& view, const std::vector<Answer>& answers) {
  Table table({{"NODE"},
               {"SITE"},
               {"ROLE"},
               {"REVISION"},
               {"STALENESS", Align::kRight},
               {"FED BY"},
               {"CLIENTS AT"},
               {"STATE"}});
  for (size_t i = 0; i < answers.size(); ++i) {
    const v1::NodeInfo& node = view.nodes[i];
    if (!answers[i].ok()) {
      table.Add({node.node_id(), node.site(), node.kind() == v1::NODE_KIND_PROXY ? "proxy" : "server", "-",
                 "-", "-", node.client_address(), ShortState(answers[i])});
      continue;
    }
    const v1::StatusResponse& status = *answers[i];
    table.Add({node.node_id(), node.site(), ShowRole(status.header().role()),
               ShowRevision(status.visible().revision()), ShowStaleness(status.header()),
               ShowUpstream(status), node.client_address(), ShortState(answers[i])});
  }
  context.Print(table);
  PrintStates(context, view, answers);
}

// What only an operator can do for a former primary. A suspended one may be the last: nobody has begun a
// newer epoch.
std::string NextFor(const v1::NodeInfo& node, const v1::StatusResponse& status, bool has_other_primary) {
  const v1::NodeRole role = status.header().role();
  if (role == v1::NODE_ROLE_FENCED || (role == v1::NODE_ROLE_SUSPENDED && has_other_primary)) {
    return absl::StrCat("holdfast rejoin ", node.node_id());
  }
  if (role == v1::NODE_ROLE_SUSPENDED)
    return absl::StrCat("holdfast operation list; then holdfast promote ", node.node_id(), " --dry-run");
  return "";
}

// Of the standbys that were asked, the one that holds most; empty if there is none.
std::string BestStandby(const std::vector<Answer>& answers) {
  const v1::StatusResponse* best = nullptr;
  for (const Answer& answer : answers) {
    if (!answer.ok() || answer->header().role() != v1::NODE_ROLE_STANDBY) continue;
    if (best == nullptr || answer->appended().revision() > best->appended().revision()) best = &*answer;
  }
  return best == nullptr ? std::string() : best->header().node_id();
}

// Whoever is left answers reads. What this machine does not reach may be alive: the plan asks the nodes, too.
void PrintNoPrimary(Context& context, const std::vector<Answer>& answers) {
  const std::string standby = BestStandby(answers);
  const std::string next =
      standby.empty() ? "holdfast check" : absl::StrCat("holdfast promote ", standby, " --dry-run");
  context.out() << "\n"
                << Wrapped("", 0,
                           absl::StrCat(
                               "no node that was asked is primary: reads go on, commits are refused. If its "
                               "site is lost, see what a promotion would come to; that changes nothing"
                               "; next: ",
                               next));
}

void PrintNext(Context& context, const ClusterView& view, const std::vector<Answer>& answers) {
  const bool has_primary = std::any_of(answers.begin(), answers.end(), IsPrimary);
  bool any = false;
  for (size_t i = 0; i < answers.size(); ++i) {
    const std::string next = answers[i].ok() ? NextFor(view.nodes[i], *answers[i], has_primary) : "";
    if (next.empty()) continue;
    context.out() << (any ? "" : "\n") << view.nodes[i].node_id() << " is "
                  << ShowRole(answers[i]->header().role()) << "; next: " << next << "\n";
    any = true;
  }
  const bool is_anybody =
      std::any_of(answers.begin(), answers.end(), [](const Answer& answer) { return answer.ok(); });
  if (!has_primary && !any && is_anybody) PrintNoPrimary(context, answers);
}

// What nobody asked for, and everybody should know.
void PrintWarningsOf(Context& context, const std::vector<Answer>& answers) {
  const v1::StatusResponse* const witness = BestWitness(answers);
  std::vector<std::string> warnings = UnsettledWarnings(answers);
  if (witness != nullptr) {
    for (std::string& warning : DurabilityWarnings(*witness)) warnings.push_back(std::move(warning));
  }
  for (const Answer& answer : answers) {
    if (!answer.ok() || !answer->draining()) continue;
    const std::string& id = answer->header().node_id();
    warnings.push_back(
        absl::StrCat("'", id, "' was drained and serves nobody new; back: holdfast drain ", id, " --undo"));
  }
  for (const Answer& answer : answers) {
    if (!answer.ok() || !answer->has_pin() || answer->pin_followed()) continue;
    const std::string& id = answer->header().node_id();
    warnings.push_back(absl::StrCat("'", answer->pin().node_id(), "', chosen by hand, does not feed '", id,
                                    "' (", answer->pin_says(),
                                    "); it chooses by itself meanwhile; for good: holdfast "
                                    "nodes point ",
                                    id, " --upstream auto"));
  }
  PrintWarnings(context, warnings);
}

void WritePosition(JsonWriter& json, absl::string_view name, const v1::LogPosition& position) {
  json.Key(name).BeginObject().Member("revision", position.revision());
  json.Member("chain_hash", absl::BytesToHexString(position.chain_hash())).EndObject();
}

void WriteNode(JsonWriter& json, const v1::NodeInfo& node, const Answer& answer) {
  json.BeginObject().Member("node_id", node.node_id()).Member("site", node.site());
  json.Member("address", node.client_address()).Member("peer_address", node.peer_address());
  json.Member("reached", answer.ok());
  if (!answer.ok()) {
    json.Member("error", answer.status().message()).EndObject();
    return;
  }
  json.Member("role", ShowRole(answer->header().role())).Member("incarnation", answer->incarnation());
  json.Member("version", answer->version()).Member("epoch", static_cast<int64_t>(answer->epoch()));
  WritePosition(json, "appended", answer->appended());
  WritePosition(json, "visible", answer->visible());
  json.Member("state_digest", absl::BytesToHexString(answer->state_digest()));
  json.Member("digest_revision", answer->digest_position().revision())
      .Member("key_count", answer->key_count());
  json.Member("floor_revision", answer->floor_revision()).Member("upstream", answer->upstream_node_id());
  json.Member("upstream_connected", answer->upstream_connected()).Member("state", StateOf(answer));
  json.Member("draining", answer->draining());
  if (answer->has_pin()) {
    json.Key("pointed_at").BeginObject().Member("node_id", answer->pin().node_id());
    json.Member("followed", answer->pin_followed()).Member("says", answer->pin_says());
    json.Member("operator", answer->pin().operator_name()).Member("set_at_us", answer->pin().set_at_us());
    json.EndObject();
  }
  const v1::NodeGauges& gauges = answer->gauges();
  json.Key("gauges").BeginObject().Member("database_bytes", gauges.database_bytes());
  json.Member("wal_bytes", gauges.wal_bytes()).Member("disk_free_bytes", gauges.disk_free_bytes());
  json.Member("watches", gauges.watches())
      .Member("reads", gauges.reads())
      .Member("commits", gauges.commits());
  json.Member("log_records", gauges.log_records()).EndObject();
  WriteHeader(json, answer->header());
  json.EndObject();
}

absl::StatusOr<ExitCode> Run(Context& context) {
  HF_ASSIGN_OR_RETURN(const ClusterView view, ReadClusterView(context));
  HF_ASSIGN_OR_RETURN(NodeAdmin* const admin, context.nodes());
  const std::vector<Answer> answers = AskStatus(*admin, view.nodes, context.deadline());
  const bool all =
      std::all_of(answers.begin(), answers.end(), [](const Answer& answer) { return answer.ok(); });
  if (context.json()) {
    JsonWriter json;
    json.BeginObject()
        .Member("cluster_id", view.cluster.cluster_id())
        .Member("revision", NewestRevision(answers));
    WriteUnsettled(json, answers);
    if (const v1::StatusResponse* const witness = BestWitness(answers); witness != nullptr) {
      json.Member("quorum", int64_t{witness->rule().quorum()}).Key("warnings").BeginArray();
      for (const std::string& warning : DurabilityWarnings(*witness)) json.String(warning);
      json.EndArray();
    }
    json.Key("nodes").BeginArray();
    for (size_t i = 0; i < answers.size(); ++i) WriteNode(json, view.nodes[i], answers[i]);
    context.out() << json.EndArray().EndObject().text() << "\n";
  } else {
    PrintSummary(context, view, answers);
    PrintTable(context, view, answers);
    PrintWarningsOf(context, answers);
    PrintNext(context, view, answers);
  }
  return all ? ExitCode::kOk : ExitCode::kNotAsked;
}

}  // namespace

void AddStatusCommand(Command& root) {
  Command command = root.Add("status", "Shows every node; exits with 3 if one cannot be asked",
                             "  holdfast status\n"
                             "  holdfast status --endpoints cfg-1.dc2.example:7400 -o json");
  command.Runs(Run);
}

}  // namespace holdfast::admin
