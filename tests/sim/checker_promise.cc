// What the checker makes of promises: it keeps every one that a node let anybody see, and judges by those
// what the node takes afterwards, not by what the node says of itself then.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "tests/sim/checker.h"

namespace holdfast::sim {
namespace {

std::string Name(const v1::EpochPromise& promise) {
  return absl::StrCat("epoch ", promise.epoch(), " of ", promise.candidate_node_id());
}

Holder CandidateOf(const v1::EpochPromise& promise) {
  return {promise.candidate_node_id(), promise.candidate_incarnation()};
}

}  // namespace

// R1, R2: nothing but a higher promise replaces one.
void Checker::NotePromise(const std::string& node, const v1::EpochPromise& promise, absl::string_view where) {
  v1::EpochPromise& granted = facts_[node].granted;
  const bool known_to_whom = !granted.candidate_node_id().empty();
  if (promise.epoch() < granted.epoch()) {
    violations_->Add("R1", absl::StrCat(node, " has promised ", Name(granted), ", at its ",
                                        std::string(where), " it knows ", Name(promise)));
  } else if (promise.epoch() == granted.epoch() && known_to_whom &&
             CandidateOf(promise) != CandidateOf(granted)) {
    violations_->Add("R2", absl::StrCat(node, " has promised ", Name(granted), " and, as its ",
                                        std::string(where), " says, ", Name(promise)));
  } else {
    granted = promise;
  }
}

// R11, R12: what is acknowledged comes from a stream that was promised, and not from one of a lower epoch.
void Checker::NoteStreamEpoch(const std::string& node, uint64_t stream_epoch) {
  v1::EpochPromise& granted = facts_[node].granted;
  // Until it has something of that stream, its bound speaks of the one before.
  NodeFacts& facts = facts_[node];
  if (facts.end != nullptr && facts.end->epoch() == stream_epoch) facts.stream_epoch = stream_epoch;
  if (stream_epoch < granted.epoch()) {
    violations_->Add("R12", absl::StrCat(node, " acknowledges in a stream of epoch ", stream_epoch,
                                         " and has promised ", Name(granted)));
  } else if (stream_epoch > granted.epoch()) {
    granted.Clear();  // to whom, its next word or append says
    granted.set_epoch(stream_epoch);
  }
}

// I7, R11, R15, R17: what a node takes after a promise is in the log of the one it promised to; who promised
// itself takes nothing but what it writes in that epoch.
void Checker::CheckPromise(const std::string& node, const v1::EpochPromise& promise, const Entry& entry) {
  NotePromise(node, promise, "append");
  const NodeFacts& facts = facts_[node];
  const Holder candidate = CandidateOf(facts.granted);
  const std::string taken = absl::StrCat(node, " took ", entry.position.ToString());
  if (candidate.first.empty()) {
    violations_->Add("R11", absl::StrCat(taken, " and has promised nothing to anybody"));
  } else if (entry.epoch() > facts.granted.epoch()) {
    violations_->Add("R11", absl::StrCat(taken, " and has promised no more than ", Name(facts.granted)));
  } else if (candidate == Holder(node, facts.incarnation)) {
    if (entry.epoch() == facts.granted.epoch() && entry.record->message.origin_node() == node) return;
    // R6: a candidate harvests, from who has promised it the same epoch and so stands still.
    if (entry.epoch() < facts.granted.epoch() && IsWithFollowerOf(facts.granted, entry)) return;
    violations_->Add("R17",
                     absl::StrCat(taken, " although it promised itself epoch ", facts.granted.epoch()));
  } else if (!entry.holders.contains(candidate)) {
    violations_->Add("I7", absl::StrCat(taken, " although it promised ", Name(facts.granted),
                                        ", which never had that record"));
  }
}

// R15: what a snapshot brings beyond what it shows is of the log of the primary itself, and ends in the epoch
// that this one writes; what is shown of it was shown by the primary, or before by the taker.
void Checker::CheckTail(const std::string& node, const Entry& end, const Entry& shown) {
  coverage_->Count("snapshots_with_a_tail");
  const v1::EpochPromise& granted = facts_[node].granted;
  const Holder primary = CandidateOf(granted);
  const bool is_primarys = end.epoch() == granted.epoch() && end.holders.contains(primary) &&
                           end.record->message.origin_node() == primary.first;
  const bool is_right = shown.shown_on.contains(primary.first) || shown.shown_on.contains(node);
  if (is_primarys && is_right) return;
  violations_->Add(
      "R15", absl::StrCat(node, " took a snapshot up to ", end.position.ToString(), " that shows ",
                          shown.position.ToString(), " in a stream of ", Name(granted),
                          is_primarys ? ", who never showed so much" : ", which is not the end of that log"));
}

// Now, or when the candidate heard of it: one may have promised somebody else since.
bool Checker::IsWithFollowerOf(const v1::EpochPromise& promise, const Entry& entry) const {
  const auto candidate = facts_.find(promise.candidate_node_id());
  if (candidate != facts_.end()) {
    const auto heard = candidate->second.heard.find(promise.epoch());
    const bool was_heard = heard != candidate->second.heard.end() &&
                           std::any_of(heard->second.begin(), heard->second.end(), [&](const auto& end) {
                             return History::IsOnPath(&entry, end.second);
                           });
    if (was_heard) return true;
  }
  return std::any_of(facts_.begin(), facts_.end(), [&](const auto& other) {
    const NodeFacts& facts = other.second;
    return other.first != promise.candidate_node_id() && facts.granted.epoch() == promise.epoch() &&
           CandidateOf(facts.granted) == CandidateOf(promise) && History::IsOnPath(&entry, facts.end);
  });
}

// R13: what is cut conflicts with a record of the one whose stream it is, who goes on from `kept` another
// way.
void Checker::CheckConflict(const std::string& node, const v1::EpochPromise& promise, const Entry* kept) {
  NotePromise(node, promise, "rewind");
  const Entry* const end = facts_[node].end;
  const Holder primary = CandidateOf(facts_[node].granted);
  // R6: a candidate cuts what conflicts with the log that it harvests.
  const bool harvests = primary == Holder(node, facts_[node].incarnation);
  const bool conflicts = history_.Any([&](const Entry& entry) {
    if (entry.parent != kept || History::IsOnPath(&entry, end)) return false;
    return entry.holders.contains(primary) || (harvests && IsWithFollowerOf(facts_[node].granted, entry));
  });
  if (conflicts) return;
  violations_->Add("R13", absl::StrCat(node, " cuts from ", Name(end), " to ", Name(kept), "; ",
                                       primary.first, ", which it follows, has nothing else there"));
}

void Checker::OnPromiseAnswer(const std::string& from, const std::string& to,
                              const absl::StatusOr<v1::PromiseResponse>& answer) {
  if (!answer.ok()) {
    coverage_->Count("promise_" + ReasonOf(answer.status()));
    return;
  }
  coverage_->Count("promise_answers");
  NotePromise(from, answer->promise(), "answer");
  const Entry* const entry = Known(from, answer->appended(), "promise");
  if (entry != facts_[from].end) {
    violations_->Add("R1", absl::StrCat(from, " answers a promise with a position that is not its own"));
  }
  NoteHeard(from, to, *answer);
}

}  // namespace holdfast::sim
