#include "tests/sim/history.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/digest.h"

namespace holdfast::sim {
namespace {

std::string KeyOf(const ChainHash& hash) { return std::string(hash.view()); }

bool IsZero(const ChainHash& hash) { return hash == ChainHash(); }

}  // namespace

Entry* History::Add(const Holder& holder, uint64_t promised, const storage::LogRecordPtr& record) {
  const std::string& node = holder.first;
  const ChainHash hash = NextChainHash(record->previous, record->bytes);
  if (hash != record->position.chain_hash) {
    violations_->Add("I3", absl::StrCat(node, ": the hash of ", record->position.ToString(),
                                        " is not that of its bytes after its predecessor"));
  }
  std::unique_ptr<Entry>& slot = entries_[KeyOf(hash)];
  if (slot == nullptr) {
    slot = std::make_unique<Entry>();
    slot->record = record;
    slot->position = {Revision(record->message.revision()), hash};
    if (!IsZero(record->previous)) slot->parent = Find(record->previous);
    CheckRecord(*slot, node);
    const auto [other, is_new] = by_revision_.emplace(slot->position.revision.number(), slot.get());
    if (!is_new) {
      violations_->Add(
          "I4", absl::StrCat(node, ": two records of revision ", slot->position.revision.ToString(), ": ",
                             slot->position.ToString(), " and ", other->second->position.ToString(),
                             " (first held by ", *other->second->nodes.begin(), ")"));
    }
    const bool has_rule = record->message.has_rule();
    slot->rule = has_rule ? &slot->record->message.rule() : (slot->parent ? slot->parent->rule : nullptr);
    slot->rule_entry = has_rule ? slot.get() : (slot->parent ? slot->parent->rule_entry : nullptr);
  }
  AddHolder(slot.get(), holder, promised);
  return slot.get();
}

void History::CheckRecord(const Entry& entry, const std::string& node) {
  const v1::Record& record = entry.record->message;
  if (entry.parent == nullptr && !IsZero(entry.record->previous)) {
    violations_->Add(
        "I3", absl::StrCat(node, ": ", entry.position.ToString(), " follows a record nobody ever held"));
    return;
  }
  const Revision before = entry.parent ? entry.parent->position.revision : Revision();
  if (entry.position.revision.index() != before.index() + 1 || entry.epoch() < before.epoch()) {
    violations_->Add(
        "I3", absl::StrCat(node, ": ", entry.position.revision.ToString(), " follows ", before.ToString()));
  }
  const bool starts_epoch = entry.parent == nullptr || entry.epoch() != before.epoch();
  if (starts_epoch != (record.kind() == v1::RECORD_KIND_EPOCH)) {
    violations_->Add("I2", absl::StrCat(node, ": ", entry.position.revision.ToString(),
                                        " is an EPOCH record in the middle, or begins an epoch without one"));
  }
  const auto [writer, is_new] = writer_of_epoch_.emplace(entry.epoch(), record.origin_node());
  if (!is_new && writer->second != record.origin_node()) {
    violations_->Add("I2", absl::StrCat("epoch ", entry.epoch(), " is written by ", writer->second, " and ",
                                        record.origin_node()));
  }
}

void History::AddHolder(Entry* entry, const Holder& holder, uint64_t promised) {
  for (; entry != nullptr; entry = const_cast<Entry*>(entry->parent)) {
    if (!entry->holders.emplace(holder, promised).second) return;
    entry->nodes.insert(holder.first);
  }
}

Entry* History::Find(const ChainHash& hash) {
  const auto found = entries_.find(KeyOf(hash));
  return found == entries_.end() ? nullptr : found->second.get();
}

Entry* History::FindRevision(Revision revision) {
  const auto found = by_revision_.find(revision.number());
  return found == by_revision_.end() ? nullptr : found->second;
}

bool History::Any(const std::function<bool(const Entry&)>& is_such) const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [&](const auto& entry) { return is_such(*entry.second); });
}

bool History::IsOnPath(const Entry* ancestor, const Entry* entry) {
  if (ancestor == nullptr) return true;
  while (entry != nullptr && entry->position.revision > ancestor->position.revision) entry = entry->parent;
  return entry == ancestor;
}

const Entry* History::CommonAncestor(const Entry* a, const Entry* b) {
  while (a != b) {
    if (a == nullptr || b == nullptr) return nullptr;
    if (a->position.revision > b->position.revision) {
      a = a->parent;
    } else {
      b = b->parent;
    }
  }
  return a;
}

bool History::Holds(const Entry& entry, const v1::DurabilityRule& rule, uint64_t last) {
  uint32_t held = 0;
  for (const v1::Voter& voter : rule.voters()) {
    const auto holder = entry.holders.find({voter.node_id(), voter.incarnation()});
    held += holder != entry.holders.end() && holder->second <= last;
  }
  return held >= rule.quorum();
}

bool History::Waives(const Entry& change, const v1::DurabilityRule& rule) {
  const auto& waived = change.record->message.epoch().waived_rules();
  return std::any_of(waived.begin(), waived.end(), [&](const v1::DurabilityRule& one) {
    return one.SerializeAsString() == rule.SerializeAsString();
  });
}

bool History::IsWaived(const v1::DurabilityRule& rule, const Entry* from, const Entry* change) {
  for (const Entry* at = from->rule_entry;; at = at->parent->rule_entry) {
    if (Waives(*at, rule)) return true;
    if (at == change) return false;
  }
}

bool History::IsCommitted(const Entry* entry, const Entry* end) const {
  // From the end backwards: the first record decides that its quorum took in streams of its own epoch (R9).
  for (const Entry* at = end; at != nullptr && at->position.revision >= entry->position.revision;
       at = at->parent) {
    if (at->rule == nullptr || !Holds(*at, *at->rule, at->epoch())) continue;
    // Every change of the rule up to here must be held by the rule before it too (R10), also one below
    // `entry`: what stands under a rule is no more committed than that. An override does without the rules
    // that it waives by name (R20), the one before it or one further back.
    bool changes_held = true;
    for (const Entry* change = at->rule_entry; change != nullptr && change->parent != nullptr;
         change = change->parent->rule_entry) {
      const v1::DurabilityRule* const before = change->parent->rule;
      if (before == nullptr || IsWaived(*before, at, change)) continue;
      changes_held &= Holds(*change, *before, at->epoch());
    }
    if (changes_held) return true;
  }
  return false;
}

void Model::MoveTo(const Entry* entry) {
  std::vector<const Entry*> path;
  const Entry* walk = entry;
  while (walk != nullptr && walk != at_ &&
         (at_ == nullptr || walk->position.revision > at_->position.revision)) {
    path.push_back(walk);
    walk = walk->parent;
  }
  if (walk != at_) {  // not ahead on the same path: from the beginning
    rows_.clear();
    changed_at_.clear();
    for (; walk != nullptr; walk = walk->parent) path.push_back(walk);
  }
  for (auto step = path.rbegin(); step != path.rend(); ++step) Apply(**step);
  at_ = entry;
}

void Model::Apply(const Entry& entry) {
  const int64_t revision = entry.position.revision.number();
  for (const v1::Change& change : entry.record->message.changes()) {
    changed_at_[change.key()] = revision;
    if (!change.has_value()) {
      rows_.erase(change.key());
      continue;
    }
    ModelRow& row = rows_[change.key()];
    if (row.version == 0) row.create_revision = revision;
    row.value = change.value();
    row.mod_revision = revision;
    ++row.version;
  }
}

int64_t Model::RangeChangedAt(const std::string& key, const std::string& range_end) const {
  int64_t newest = 0;
  for (auto at = changed_at_.lower_bound(key); at != changed_at_.end() && InRange(at->first, key, range_end);
       ++at) {
    newest = std::max(newest, at->second);
  }
  return newest;
}

Digest128 Model::Digest() const {
  Digest128 sum;
  for (const auto& [key, row] : rows_) {
    sum += RowHash(key, row.create_revision, row.mod_revision, row.version, row.value);
  }
  return sum;
}

std::string Name(const Entry* entry) { return entry == nullptr ? "0" : entry->position.ToString(); }

int PromiseQuorum(const v1::DurabilityRule& rule) {
  const int quorum = static_cast<int>(rule.quorum());
  return std::max(quorum, rule.voters_size() - quorum + 1);
}

bool InRange(const std::string& key, const std::string& begin, const std::string& end) {
  if (end.empty()) return key == begin;
  if (key < begin) return false;
  return end == std::string(1, '\0') || key < end;
}

}  // namespace holdfast::sim
