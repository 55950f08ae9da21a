// What the checker makes of records that a node no longer has: who may lose what, and where it must be kept.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "replication/inventory.h"
#include "storage/salvage_file.h"
#include "tests/sim/checker.h"

namespace holdfast::sim {

namespace {

absl::Status ReadSalvage(storage::FileSystem& files, const std::string& path, std::set<std::string>* hashes) {
  HF_ASSIGN_OR_RETURN(const auto reader, storage::SalvageReader::Open(&files, path));
  storage::SalvageRecord record;
  for (;;) {
    HF_ASSIGN_OR_RETURN(const bool more, reader->Next(&record));
    if (!more) return absl::OkStatus();
    hashes->insert(std::string(record.position.chain_hash.view()));
  }
}

// The disk may have been told to fail a few times, and cannot tell the checker from the node.
constexpr int kMaxAttempts = 10;

}  // namespace

// The chain hashes of all records in the salvage files of a node.
std::set<std::string> Checker::Salvaged(storage::FileSystem& files) {
  std::set<std::string> hashes;
  const auto paths = storage::ListSalvageFiles(&files, "data");
  if (!paths.ok()) return hashes;
  for (const std::string& path : *paths) {
    absl::Status read;
    for (int i = 0; i < kMaxAttempts && (i == 0 || ReasonOf(read) == "IO_ERROR"); ++i)
      read = ReadSalvage(files, path, &hashes);
    if (!read.ok()) violations_->Add("I6", absl::StrCat(path, ": ", read.ToString()));
  }
  return hashes;
}

// I6, I1: what a node had and no longer has must be in its salvage files, and must not have been promised to
// readers.
void Checker::CheckLost(const std::string& node, const Entry* before, const Entry* now,
                        storage::FileSystem& files, const char* when) {
  const Entry* const common = History::CommonAncestor(before, now);
  if (before == common) return;
  const std::set<std::string> salvaged = Salvaged(files);
  for (const Entry* lost = before; lost != common; lost = lost->parent) {
    // What a node compacted on its own branch is no longer a record that could be kept.
    if (lost->position.revision <= facts_[node].floor) {
      coverage_->Count("cut_below_own_floor");
      continue;
    }
    if (!salvaged.contains(std::string(lost->position.chain_hash.view()))) {
      violations_->Add(
          "I6", absl::StrCat(node, " dropped ", Name(lost), " while ", when, ", no salvage file has it"));
      return;
    }
    // A candidate cuts the branch that is not chosen before there is an EPOCH record that says so.
    if (lost->shown_as_replicated && !facts_[node].chooses && !MayBeLost(lost)) {
      violations_->Add("I1", absl::StrCat(node, " dropped ", Name(lost), " while ", when,
                                          ", which was shown as committed"));
      return;
    }
  }
}

void Checker::OnEpoch(const Entry* epoch_record, bool insisted) {
  const bool forks = std::any_of(epoch_records_.begin(), epoch_records_.end(),
                                 [&](const Entry* other) { return !History::IsOnPath(other, epoch_record); });
  if (forks) coverage_->Count("epochs_beside_another");
  epoch_records_.insert(epoch_record);
  if (insisted) overrides_.push_back({epoch_record, NotCommittedBefore(epoch_record)});
}

void Checker::OnOperationEnd(const std::string& node, const v1::Operation& operation) {
  const Entry* record = nullptr;
  for (const auto& [revision, entry] : history_.by_revision()) {
    if (entry->record->message.epoch().operation_id() == operation.operation_id()) record = entry;
  }
  const std::string what = absl::StrCat(node, " calls operation ", operation.operation_id(), " ",
                                        v1::OperationState_Name(operation.state()));
  const bool is_undone = operation.state() == v1::OPERATION_STATE_ROLLED_BACK ||
                         operation.state() == v1::OPERATION_STATE_REFUSED;
  if (is_undone && record != nullptr)
    violations_->Add("I8", absl::StrCat(what, ", and its record is ", record->position.ToString()));
  if (operation.state() != v1::OPERATION_STATE_DONE) return;
  if (record == nullptr || !IsCommittedAnywhere(record))
    violations_->Add("I9", absl::StrCat(what, ", and its record is ", Name(record), ", not committed"));
}

std::set<const Entry*> Checker::NotCommittedBefore(const Entry* epoch_record) const {
  const auto is_committed = [&](const Entry* entry) {
    if (history_.IsCommitted(entry, epoch_record->parent)) return true;
    return std::any_of(facts_.begin(), facts_.end(), [&](const auto& node) {
      const Entry* const end = node.second.end;
      return end != nullptr && History::IsOnPath(entry, end) && !History::IsOnPath(epoch_record, end) &&
             history_.IsCommitted(entry, end);
    });
  };
  std::set<const Entry*> pending;
  for (const Entry* at = epoch_record->parent; at != nullptr && !is_committed(at); at = at->parent)
    pending.insert(at);
  return pending;
}

// R20: an override may be lost to a proven promotion on the other branch until a promise quorum of each rule
// that it waives holds its EPOCH record.
bool Checker::IsSettled(const Override& override_) const {
  const auto& rules = override_.epoch_record->record->message.epoch().waived_rules();
  return std::all_of(rules.begin(), rules.end(), [&](const v1::DurabilityRule& rule) {
    if (rule.quorum() == 0) return true;  // nothing can be proven under it
    const auto adopted =
        std::count_if(rule.voters().begin(), rule.voters().end(), [&](const v1::Voter& voter) {
          return override_.epoch_record->holders.contains({voter.node_id(), voter.incarnation()});
        });
    return adopted >= PromiseQuorum(rule);
  });
}

// Who was taken out of the inventory since the override, or was not in it then, counts for nothing any more,
// also if he is admitted again: the operator answers for it (decision 0018).
bool Checker::WasRemoved(const std::string& node_id, const Entry& at, const Entry& epoch_record) {
  const std::string key = replication::NodeKey(node_id);
  for (const Entry* entry = &at; entry != nullptr; entry = entry->parent) {
    for (const v1::Change& change : entry->record->message.changes()) {
      if (change.key() != key) continue;
      if (!change.has_value()) return true;
      if (entry->position.revision <= epoch_record.position.revision) return false;
    }
  }
  return true;
}

void Checker::CheckSettled(const std::string& node, const Entry& entry) {
  for (const v1::Change& change : entry.record->message.changes()) {
    if (!absl::StartsWith(change.key(), replication::kUnsettledPrefix) || change.has_value()) continue;
    const Entry* begun = &entry;
    while (begun != nullptr && replication::UnsettledKey(begun->epoch()) != change.key())
      begun = begun->parent;
    if (begun == nullptr) continue;
    while (begun->record->message.kind() != v1::RECORD_KIND_EPOCH) begun = begun->parent;
    coverage_->Count("overrides_settled");
    for (const v1::DurabilityRule& rule : begun->record->message.epoch().waived_rules()) {
      std::vector<std::string> missing;
      for (const v1::Voter& voter : rule.voters()) {
        const bool has_come = begun->holders.contains({voter.node_id(), voter.incarnation()}) ||
                              facts_[voter.node_id()].incarnation != voter.incarnation() ||
                              WasRemoved(voter.node_id(), entry, *begun);
        if (!has_come) missing.push_back(voter.node_id());
      }
      const int come = rule.voters_size() - static_cast<int>(missing.size());
      if (come >= PromiseQuorum(rule)) continue;
      violations_->Add(
          "R20", absl::StrCat(node, " calls epoch ", begun->epoch(), " settled, to which ", come, " of the ",
                              PromiseQuorum(rule), " votes have come that it waived; missing are ",
                              absl::StrJoin(missing, ", ")));
    }
  }
}

bool Checker::MayBeLost(const Entry* entry) const {
  return std::any_of(overrides_.begin(), overrides_.end(), [&](const Override& override_) {
    const Entry* const kept = override_.epoch_record;
    if (kept->epoch() > entry->epoch() && !History::IsOnPath(entry, kept)) return true;  // what it cut off
    const bool by_its_word = override_.pending.contains(entry) || History::IsOnPath(kept, entry);
    return by_its_word && !IsSettled(override_);
  });
}

}  // namespace holdfast::sim
