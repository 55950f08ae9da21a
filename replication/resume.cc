#include "replication/resume.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/mutants.h"

namespace holdfast::replication {

Resume::Resume(Options options) : options_(std::move(options)) {
  for (const Rule& rule : options_.rules) {
    for (const VoterId& voter : rule.voters) whom_.insert(voter.node_id);
  }
  const bool is_local = options_.rules.empty() || options_.rules.back().quorum == 0;
  if (is_local) {
    for (const auto& [server, unused] : options_.other_servers) whom_.insert(server);
  }
  whom_.erase(options_.node_id);
  servers_ = whom_;
  if (is_local && !servers_.empty()) whom_.insert(options_.proxies.begin(), options_.proxies.end());
}

void Resume::OnAnswer(const v1::PromiseResponse& answer) {
  if (!whom_.contains(answer.node_id())) return;
  const Revision appended(answer.appended().revision());
  highest_epoch_ = std::max({highest_epoch_, answer.promise().epoch(), appended.epoch()});
  const auto bad = [this](Verdict verdict, std::string found) {
    if (bad_news_ != kFenced) bad_news_ = verdict, found_ = std::move(found);
  };
  if (appended.epoch() > options_.epoch) {
    bad(kFenced, absl::StrCat("'", answer.node_id(), "' has records of epoch ", appended.epoch()));
  } else if (answer.promise().epoch() > options_.epoch) {
    bad(kSuspended, absl::StrCat("'", answer.node_id(), "' has promised epoch ", answer.promise().epoch(),
                                 " to '", answer.promise().candidate_node_id(), "'"));
  } else if (appended.epoch() == options_.epoch && appended > options_.appended.revision) {
    bad(kSuspended,
        absl::StrCat("'", answer.node_id(), "' holds records of this epoch up to ", appended.ToString(),
                     ", this node only up to ", options_.appended.revision.ToString(),
                     ": its log has lost its end, and only a new epoch can go on"));
  } else if (appended == options_.appended.revision && !appended.is_zero() &&
             answer.appended().chain_hash() != options_.appended.chain_hash.view()) {
    bad(kSuspended, absl::StrCat("'", answer.node_id(), "' has another record at ", appended.ToString()));
  }
  answered_[answer.node_id()] = answer.incarnation();
  if (Counts(answer)) {
    counted_.insert(answer.node_id());
  } else {
    counted_.erase(answer.node_id());
  }
}

bool Resume::Counts(const v1::PromiseResponse& answer) const {
  // It has followed this very epoch since it was wiped, if it was.
  const Revision appended(answer.appended().revision());
  if (!appended.is_zero() && appended.epoch() == options_.epoch) return true;
  const auto server = options_.other_servers.find(answer.node_id());
  if (server != options_.other_servers.end() && server->second == answer.incarnation()) return true;
  for (const Rule& rule : options_.rules) {
    for (const VoterId& voter : rule.voters) {
      if (voter.node_id == answer.node_id() && voter.incarnation == answer.incarnation()) return true;
    }
  }
  return false;
}

bool Resume::Met(const Rule& rule, bool newest) const {
  const std::optional<uint32_t> needed = rule.ResumeAnswersNeeded();
  if (!needed) {  // q = 0
    const auto answered = [this](const std::string& node) { return answered_.contains(node); };
    if (!newest || servers_.empty()) return true;
    // Or everybody was heard: nobody is left who could have been promoted.
    if (std::all_of(whom_.begin(), whom_.end(), answered)) return true;
    return !counted_.empty() && std::any_of(servers_.begin(), servers_.end(), answered);
  }
  uint32_t count = 0;
  for (const VoterId& voter : rule.voters) {
    if (voter.node_id == options_.node_id) ++count;  // rules of earlier epochs may name this node
    const auto it = answered_.find(voter.node_id);
    if (it != answered_.end() && it->second == voter.incarnation) ++count;
  }
  return count >= *needed;
}

Resume::Verdict Resume::verdict() const {
  if (MutantActive(Mutant::kRestartUnasked)) return kReady;
  if (bad_news_ != kWaiting) return bad_news_;
  for (size_t i = 0; i < options_.rules.size(); ++i) {
    if (!Met(options_.rules[i], i + 1 == options_.rules.size())) return kWaiting;
  }
  return kReady;
}

std::string Resume::explanation() const {
  if (bad_news_ != kWaiting) return found_;
  for (size_t i = 0; i < options_.rules.size(); ++i) {
    const Rule& rule = options_.rules[i];
    if (Met(rule, i + 1 == options_.rules.size())) continue;
    const std::optional<uint32_t> needed = rule.ResumeAnswersNeeded();
    return needed ? absl::StrCat(*needed, " of the ", rule.voters.size(), " voters to answer")
                  : absl::StrCat("one of ", servers_.size(),
                                 " other servers to answer, and a node that knows this epoch");
  }
  return "nothing";
}

}  // namespace holdfast::replication
