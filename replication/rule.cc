#include "replication/rule.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "replication/errors.h"

namespace holdfast::replication {
namespace {

absl::Status CheckVoters(const std::vector<VoterId>& voters, absl::string_view writer) {
  for (size_t i = 0; i < voters.size(); ++i) {
    if (voters[i].node_id.empty() || voters[i].incarnation.empty()) {
      return ImpossibleRuleError("a voter lacks its node id or its incarnation");
    }
    if (voters[i].node_id == writer) {
      return ImpossibleRuleError(
          absl::StrCat("the primary '", writer, "' cannot be a voter of its own rule"));
    }
    if (i > 0 && voters[i - 1].node_id == voters[i].node_id) {
      return ImpossibleRuleError(absl::StrCat("'", voters[i].node_id, "' is named twice"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Rule> Rule::FromProto(const v1::DurabilityRule& proto, absl::string_view writer) {
  Rule rule;
  for (const v1::Voter& voter : proto.voters()) rule.voters.push_back({voter.node_id(), voter.incarnation()});
  std::sort(rule.voters.begin(), rule.voters.end());
  rule.quorum = proto.quorum();
  if (rule.voters.size() > kMaxVoters) {
    return ImpossibleRuleError(absl::StrCat(rule.voters.size(), " voters; the limit is ", kMaxVoters));
  }
  if (rule.quorum > rule.voters.size()) {
    return ImpossibleRuleError(
        absl::StrCat("quorum ", rule.quorum, " of only ", rule.voters.size(), " voters can never be met"));
  }
  HF_RETURN_IF_ERROR(CheckVoters(rule.voters, writer));
  return rule;
}

v1::DurabilityRule Rule::ToProto() const {
  v1::DurabilityRule proto;
  for (const VoterId& voter : voters) {
    v1::Voter* out = proto.add_voters();
    out->set_node_id(voter.node_id);
    out->set_incarnation(voter.incarnation);
  }
  proto.set_quorum(quorum);
  return proto;
}

bool Rule::HasVoter(const VoterId& voter) const {
  return std::find(voters.begin(), voters.end(), voter) != voters.end();
}

std::optional<uint32_t> Rule::PromisesNeeded() const {
  if (quorum == 0) return std::nullopt;
  return std::max(quorum, static_cast<uint32_t>(voters.size()) - quorum + 1);
}

std::optional<uint32_t> Rule::ResumeAnswersNeeded() const {
  const std::optional<uint32_t> promises = PromisesNeeded();
  if (!promises) return std::nullopt;
  return static_cast<uint32_t>(voters.size()) - *promises + 1;
}

}  // namespace holdfast::replication
