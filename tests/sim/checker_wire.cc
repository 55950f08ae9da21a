// What the checker makes of the network's traffic.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/digest.h"
#include "base/error.h"
#include "tests/sim/checker.h"

namespace holdfast::sim {

Entry* Checker::Known(const std::string& node, const v1::LogPosition& position, absl::string_view where) {
  if (position.revision() == 0) return nullptr;
  const std::optional<ChainHash> hash = ChainHash::FromBytes(position.chain_hash());
  Entry* const entry = hash ? history_.Find(*hash) : nullptr;
  if (entry == nullptr || entry->position.revision.number() != position.revision()) {
    violations_->Add("I4", absl::StrCat(node, " names ", Revision(position.revision()).ToString(), " in its ",
                                        std::string(where), ", a position that nobody ever had"));
    return nullptr;
  }
  return entry;
}

void Checker::OnFollowRequest(const std::string& from, const std::string&, const v1::FollowRequest& request) {
  NodeFacts& facts = facts_[from];
  const v1::LogPosition& appended =
      request.has_hello() ? request.hello().appended() : request.ack().appended();
  const Entry* const entry = Known(from, appended, "acknowledgement");
  if (entry != nullptr && !History::IsOnPath(entry, facts.end)) {
    violations_->Add("R12",
                     absl::StrCat(from, " acknowledges ", entry->position.ToString(), ", not durable there"));
  }
  if (request.has_hello()) {
    NotePromise(from, request.hello().promise(), "hello");
  } else {
    coverage_->Count("acknowledgements");
    NoteStreamEpoch(from, request.ack().stream_epoch());
    if (request.ack().incarnation() != facts.incarnation) {
      violations_->Add("R12", absl::StrCat(from, " acknowledges with an incarnation that is not its own"));
    }
  }
}

void Checker::OnFollowResponse(const std::string& from, const std::string& to,
                               const v1::FollowResponse& response) {
  const NodeFacts& facts = facts_[from];
  if (response.has_verdict()) {
    const v1::FollowVerdict& verdict = response.verdict();
    static constexpr const char* kNames[] = {"unspecified", "continue",  "rewind",
                                             "snapshot",    "suspended", "fenced"};
    const std::string decision = kNames[std::clamp(static_cast<int>(verdict.decision()), 0, 5)];
    coverage_->Count("verdict_" + decision);
    if (verdict.fed_through_size() > 1) coverage_->Count("followed_a_relay");
    story_->Note(from, absl::StrCat("tells ", to, ": ", decision, " (epoch ", verdict.stream_epoch(), " of ",
                                    verdict.primary_node_id(), ") ", verdict.message()));
    return;
  }
  if (response.has_heartbeat()) {
    const Entry* const committed = Known(from, response.heartbeat().committed(), "heartbeat");
    if (committed != nullptr && !IsCommittedAnywhere(committed)) {
      violations_->Add(
          "R14", absl::StrCat(from, " calls ", committed->position.ToString(), " committed; it is not"));
    }
    return;
  }
  const v1::FollowRecords& batch = response.records();
  ChainHash hash = ChainHash::FromBytes(batch.previous_chain_hash()).value_or(ChainHash());
  for (const std::string& bytes : batch.records()) {
    hash = NextChainHash(hash, bytes);
    const Entry* const entry = history_.Find(hash);
    if (entry == nullptr || !entry->nodes.contains(from) || !History::IsOnPath(entry, facts.end)) {
      violations_->Add("R8", absl::StrCat(from, " sends a record that is not durable there: ",
                                          entry ? entry->position.ToString() : "unknown"));
      return;
    }
  }
}

void Checker::OnClosed(const std::string& from, const std::string& to, const absl::Status& status) {
  if (status.ok()) return;
  const std::string reason = ReasonOf(status);
  coverage_->Count("closed_" + (reason.empty() ? std::string("other") : reason));
  story_->Note(from, absl::StrCat("ends the stream of ", to, ": ", status.ToString()));
}

}  // namespace holdfast::sim
