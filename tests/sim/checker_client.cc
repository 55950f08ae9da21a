// What the checker makes of what clients ask and see.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/digest.h"
#include "base/error.h"
#include "tests/sim/checker.h"

namespace holdfast::sim {
namespace {

bool Holds(const v1::Precondition& precondition, const Model& before) {
  const auto row = before.rows().find(precondition.key());
  switch (precondition.condition_case()) {
    case v1::Precondition::kAbsent:
      return row == before.rows().end();
    case v1::Precondition::kModRevision:
      return row != before.rows().end() && row->second.mod_revision == precondition.mod_revision();
    case v1::Precondition::kRangeUnchangedSince:
      return before.RangeChangedAt(precondition.key(), precondition.range_end()) <=
             precondition.range_unchanged_since();
    case v1::Precondition::CONDITION_NOT_SET:
      return true;
  }
  return true;
}

// The changes that a request must come to: in key order, deletions of absent keys left out.
std::map<std::string, std::optional<std::string>> Wanted(const v1::CommitRequest& request,
                                                         const Model& before) {
  std::map<std::string, std::optional<std::string>> wanted;
  for (const v1::Mutation& mutation : request.mutations()) {
    if (mutation.has_put()) {
      wanted[mutation.key()] = mutation.put();
    } else if (before.rows().contains(mutation.key())) {
      wanted[mutation.key()] = std::nullopt;
    }
  }
  return wanted;
}

}  // namespace

void Checker::OnRequest(const v1::CommitRequest& request) {
  requests_[request.request_id()].request = request;
}

// `model` is the state on which `request` was judged.
void Checker::CheckPreconditions(const v1::CommitRequest& request, const Model& model,
                                 const std::string& what) {
  for (const v1::Precondition& precondition : request.preconditions()) {
    if (Holds(precondition, model)) continue;
    violations_->Add("I2", absl::StrCat(what, " against its precondition ", precondition.ShortDebugString(),
                                        "; last change ",
                                        model.RangeChangedAt(precondition.key(), precondition.range_end())));
  }
}

// An answer that nothing had to change speaks of the state at its revision, which must be committed.
void Checker::CheckUnchanged(const std::string& node, const v1::CommitRequest& request,
                             const v1::CommitResponse& answer) {
  const Revision at(answer.revision());
  const std::string what = absl::StrCat(node, " answered at ", at.ToString(), " that nothing changes");
  Entry* const entry = history_.FindRevision(at);
  if (entry == nullptr || !entry->nodes.contains(node)) {
    violations_->Add("I1", absl::StrCat(what, ", where it never had a record"));
    return;
  }
  if (!IsCommittedAnywhere(entry)) violations_->Add("R14", absl::StrCat(what, ", which is not committed"));
  Model state;
  state.MoveTo(entry);
  if (!Wanted(request, state).empty())
    violations_->Add("I1", absl::StrCat(what, ": ", request.ShortDebugString()));
  CheckPreconditions(request, state, what);
}

// A record that is new to the world: its digest, and for a COMMIT its request.
void Checker::CheckCommit(const Entry& entry) {
  const v1::Record& record = entry.record->message;
  model_.MoveTo(entry.parent);
  if (record.has_commit()) {
    Request& request = requests_[record.commit().request_id()];
    if (request.entry != nullptr && History::IsOnPath(request.entry, entry.parent)) {
      violations_->Add(
          "I1", absl::StrCat("one request is in the log twice: ", request.entry->position.ToString(), " and ",
                             entry.position.ToString()));
    }
    request.entry = &entry;
    CheckPreconditions(request.request, model_, absl::StrCat(entry.position.ToString(), " was committed"));
    std::map<std::string, std::optional<std::string>> changes;
    for (const v1::Change& change : record.changes()) {
      changes[change.key()] = change.has_value() ? std::optional<std::string>(change.value()) : std::nullopt;
    }
    if (changes != Wanted(request.request, model_)) {
      violations_->Add("I1",
                       absl::StrCat(entry.position.ToString(), " does not change what its request said"));
    }
  }
  model_.MoveTo(&entry);
  if (model_.Digest().ToBytes() != record.state_digest()) {
    violations_->Add(
        "I4", absl::StrCat(entry.position.ToString(), " carries a digest that its state does not have"));
  }
}

void Checker::OnAnswer(const std::string& node, const v1::CommitRequest& request,
                       const absl::StatusOr<v1::CommitResponse>& answer, bool definite) {
  Request& known = requests_[request.request_id()];
  if (!answer.ok()) {
    coverage_->Count("commit_" + ReasonOf(answer.status()));
    // A refusal is final only if no earlier try may still be under way.
    if (definite) known.refused = true;
    return;
  }
  coverage_->Count(answer->changed() ? "commits_acknowledged" : "commits_without_change");
  if (answer->repeated()) coverage_->Count("commits_repeated");
  if (!answer->changed()) return CheckUnchanged(node, request, *answer);
  Entry* const entry = history_.FindRevision(Revision(answer->revision()));
  if (entry == nullptr || entry->record->message.commit().request_id() != request.request_id()) {
    violations_->Add("I1", absl::StrCat(node, " acknowledged ", Revision(answer->revision()).ToString(),
                                        ", which is not the record of that request"));
    return;
  }
  const bool is_local = entry->rule == nullptr || entry->rule->quorum() == 0;
  if (answer->local() != is_local) {
    violations_->Add("I1", absl::StrCat(node, " called ", entry->position.ToString(),
                                        answer->local() ? " local" : " replicated",
                                        ", the rule at its index says otherwise"));
  }
  if (!IsCommittedAnywhere(entry)) {
    violations_->Add(
        "I1", absl::StrCat(node, " acknowledged ", entry->position.ToString(), ", which is not committed"));
  }
  // Local commits are safe only as long as nobody else becomes primary.
  entry->acknowledged = !is_local || !promotes_;
}

void Checker::OnRead(const std::string& node, Revision at, const std::string* only_key,
                     const std::map<std::string, ModelRow>& rows) {
  const NodeFacts& facts = facts_[node];
  const Entry* entry = facts.visible;
  while (entry != nullptr && entry->position.revision > at) entry = entry->parent;
  if (entry == nullptr || entry->position.revision != at) {
    violations_->Add(
        "I4", absl::StrCat(node, " answered a read at ", at.ToString(), ", which is not in its history"));
    return;
  }
  coverage_->Count("reads");
  Model& model = reader_models_[node];
  model.MoveTo(entry);
  const auto check = [&](const std::string& key, const ModelRow* expected, const ModelRow* found) {
    const bool same =
        (expected == nullptr) == (found == nullptr) &&
        (expected == nullptr ||
         (expected->value == found->value && expected->create_revision == found->create_revision &&
          expected->mod_revision == found->mod_revision && expected->version == found->version));
    if (!same)
      violations_->Add("R14", absl::StrCat(node, " gave a wrong answer for ", key, " at ", at.ToString()));
  };
  const auto row = [](const std::map<std::string, ModelRow>& all, const std::string& key) {
    const auto found = all.find(key);
    return found == all.end() ? nullptr : &found->second;
  };
  if (only_key != nullptr) return check(*only_key, row(model.rows(), *only_key), row(rows, *only_key));
  for (const auto& [key, expected] : model.rows()) check(key, &expected, row(rows, key));
  for (const auto& [key, found] : rows) check(key, row(model.rows(), key), &found);
}

void Checker::OnFreshness(const std::string& node, const replication::ReplicaView& view,
                          std::optional<absl::Duration> staleness, double clock_rate) {
  if (!staleness.has_value()) return;
  // The bound speaks of the stream that it came from, also when that has ended and a newer epoch is promised:
  // such a node still knows how old its old primary's word is.
  NodeFacts& facts = facts_[node];
  if (view.role == v1::NODE_ROLE_PRIMARY) facts.stream_epoch = view.epoch;
  if (!facts.stream_epoch) return;
  const auto timeline = shown_by_primary_.find(*facts.stream_epoch);
  if (timeline == shown_by_primary_.end()) return;
  coverage_->Count("freshness_checks");
  if (!view.upstream_connected && view.role != v1::NODE_ROLE_PRIMARY)
    coverage_->Count("freshness_checks_while_cut_off");
  // A clock may run slow against the primary's by the drift of both.
  const absl::Duration age = *staleness / clock_rate * 1.01 + absl::Milliseconds(2);
  Revision needed;
  for (const auto& [when, revision] : timeline->second) {
    if (when <= time_->now() - age) needed = std::max(needed, revision);
  }
  const Entry* const visible = facts.visible;
  const Revision shown = visible == nullptr ? Revision() : visible->position.revision;
  if (shown < needed) {
    violations_->Add("FRESHNESS", absl::StrCat(node, " says it is at most ", absl::FormatDuration(*staleness),
                                               " old and shows ", shown.ToString(), "; the primary showed ",
                                               needed.ToString(), " before that"));
  }
}

void Checker::CheckEnd(const std::string& primary, const std::vector<std::string>& nodes) {
  const Entry* const end = facts_[primary].end;
  for (const auto& [revision, entry] : history_.by_revision()) {
    const bool must_be_there = (entry->acknowledged || entry->shown_as_replicated) && !MayBeLost(entry);
    if (must_be_there && !History::IsOnPath(entry, end)) {
      violations_->Add("I1", absl::StrCat(entry->position.ToString(), " was acknowledged, the primary ",
                                          primary, " does not have it"));
    }
  }
  for (const auto& [id, request] : requests_) {
    if (request.refused && request.entry != nullptr && History::IsOnPath(request.entry, end)) {
      violations_->Add(
          "I8", absl::StrCat(request.entry->position.ToString(), " is in the log although it was refused"));
    }
  }
  for (const std::string& node : nodes) {
    if (facts_[node].end == end && facts_[node].visible == end) continue;
    violations_->Add("I10", absl::StrCat(node, " ends at ", Name(facts_[node].end), " and shows ",
                                         Name(facts_[node].visible), ", the primary is at ", Name(end)));
  }
}

}  // namespace holdfast::sim
