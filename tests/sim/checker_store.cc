// What the checker makes of the reports of stores.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/sim/checker.h"

namespace holdfast::sim {
Checker::Checker(testing::VirtualTime* time, Story* story, Coverage* coverage, Violations* violations,
                 bool promotes)
    : time_(time),
      story_(story),
      coverage_(coverage),
      violations_(violations),
      promotes_(promotes),
      history_(violations) {}

void Checker::OnAppended(const std::string& node, storage::Store& store,
                         absl::Span<const storage::LogRecordPtr> records) {
  NodeFacts& facts = facts_[node];
  facts.incarnation = store.node().identity().incarnation;
  for (const storage::LogRecordPtr& record : records) {
    const bool is_new = history_.Find(record->position.chain_hash) == nullptr;
    Entry* const entry = history_.Add({node, facts.incarnation}, store.node().promise().epoch(), record);
    if (entry->parent != facts.end) {
      violations_->Add("I3", absl::StrCat(node, " appended ", Name(entry), " after ", Name(facts.end),
                                          ", but it belongs after ", Name(entry->parent)));
    }
    if (is_new) CheckCommit(*entry);
    if (is_new) CountAdmissions(*entry);
    if (is_new) CheckSettled(node, *entry);
    if (is_new) NoteBegun(node, *entry);
    CheckPromise(node, store.node().promise(), *entry);
    CheckResumed(node, *entry);
    facts.end = entry;
  }
  CheckFloor(node, store);
  if (store.appended() != facts.end->position) {
    violations_->Add("I3", absl::StrCat(node, " says its log ends at ", store.appended().ToString(),
                                        ", it reported ", Name(facts.end)));
  }
}

// A record has named a voter whose disk was lost, or that is new to the vote.
void Checker::CountAdmissions(const Entry& entry) {
  if (entry.rule_entry != &entry || entry.parent == nullptr || entry.parent->rule == nullptr) return;
  for (const v1::Voter& voter : entry.rule->voters()) {
    const auto& before = entry.parent->rule->voters();
    const bool was_voter = std::any_of(before.begin(), before.end(), [&](const v1::Voter& old) {
      return old.node_id() == voter.node_id() && old.incarnation() == voter.incarnation();
    });
    const bool was_lost = std::any_of(lost_incarnations_.begin(), lost_incarnations_.end(),
                                      [&](const Holder& lost) { return lost.first == voter.node_id(); });
    if (!was_voter) coverage_->Count(was_lost ? "wiped_voters_admitted" : "voters_admitted");
  }
}

void Checker::OnVisible(const std::string& node, storage::Store& store, const Position& visible) {
  NodeFacts& facts = facts_[node];
  if (visible.revision.is_zero()) return;
  Entry* const entry = history_.Find(visible.chain_hash);
  if (entry == nullptr || !History::IsOnPath(entry, facts.end)) {
    violations_->Add("R14", absl::StrCat(node, " shows ", visible.ToString(), ", which is not in its log"));
    return;
  }
  if (!IsCommittedAnywhere(entry)) {
    violations_->Add("R14", absl::StrCat(node, " shows ", Name(entry), ", which ",
                                         entry->rule ? entry->rule->quorum() : 0, " voters do not hold"));
  }
  CheckOwnEpochFirst(node, *entry, facts);
  facts.visible = entry;
  CheckFloor(node, store);
  NoteShown(node, entry);
  if (entry->record->message.origin_node() == node) {
    shown_by_primary_[entry->epoch()].push_back({time_->now(), visible.revision});
  }
}

// R9, R14: whoever writes an epoch shows nothing new from before it until a record of its own epoch is
// committed.
void Checker::CheckOwnEpochFirst(const std::string& node, const Entry& shown, const NodeFacts& facts) {
  const bool writes = facts.end->record->message.origin_node() == node;
  if (!writes || !shown.shown_on.empty() || shown.epoch() == facts.end->epoch()) return;
  violations_->Add("R9",
                   absl::StrCat(node, " shows ", Name(&shown), ", which nobody has shown, before any of ",
                                "its own epoch ", facts.end->epoch()));
}

// The floor moves once the COMPACT record that names it is shown, never above what is shown.
void Checker::CheckFloor(const std::string& node, const storage::Store& store) {
  NodeFacts& facts = facts_[node];
  if (std::exchange(facts.floor, store.floor()) == store.floor()) return;
  const auto names_floor = [&store](const Entry& entry) {
    return Revision(entry.record->message.compact_floor()) >= store.floor();
  };
  const Entry* at = facts.visible;
  while (at != nullptr && at->position.revision > store.floor() && !names_floor(*at)) at = at->parent;
  if (at != nullptr && at->position.revision > store.floor()) return;
  violations_->Add("R15", absl::StrCat(node, " compacts up to ", store.floor().ToString(), " and shows ",
                                       Name(facts.visible), ", which nothing there says"));
}

void Checker::NoteShown(const std::string& node, const Entry* entry) {
  for (const Entry* at = entry; at != nullptr; at = at->parent) {
    if (!const_cast<Entry*>(at)->shown_on.insert(node).second) break;
  }
  for (; entry != nullptr && !entry->shown_as_replicated; entry = entry->parent) {
    if (entry->rule == nullptr || entry->rule->quorum() == 0) continue;
    const_cast<Entry*>(entry)->shown_as_replicated = true;
  }
}

bool Checker::IsCommittedAnywhere(const Entry* entry) {
  if (committed_.contains(entry)) return true;
  bool committed = history_.IsCommitted(entry, entry);
  for (const auto& [node, facts] : facts_) {
    if (committed) break;
    if (facts.end != nullptr && History::IsOnPath(entry, facts.end))
      committed = history_.IsCommitted(entry, facts.end);
  }
  for (const Entry* at = entry; committed && at != nullptr && committed_.insert(at).second; at = at->parent) {
  }
  return committed;
}

void Checker::OnRewound(const std::string& node, storage::Store& store, storage::FileSystem& files,
                        const Position& ancestor, const Position& visible_before,
                        const std::vector<std::string>& touched_keys) {
  NodeFacts& facts = facts_[node];
  const Entry* const kept = ancestor.revision.is_zero() ? nullptr : history_.Find(ancestor.chain_hash);
  story_->Note(node, absl::StrCat("rewound from ", Name(facts.end), " to ", ancestor.ToString()));
  coverage_->Count("rewinds");
  if (!History::IsOnPath(kept, facts.end)) {
    violations_->Add("I3",
                     absl::StrCat(node, " rewound to ", ancestor.ToString(), ", which was not in its log"));
    return;
  }
  std::set<std::string> touched;
  bool own_cut = false;
  for (const Entry* lost = facts.end; lost != kept && lost != nullptr; lost = lost->parent) {
    coverage_->Count("records_cut");
    own_cut |= lost->record->message.origin_node() == node;
    if (lost->position.revision > visible_before.revision) continue;
    for (const v1::Change& change : lost->record->message.changes()) touched.insert(change.key());
  }
  if (own_cut) coverage_->Count("former_primaries_rewound");
  if (visible_before.revision > ancestor.revision) {
    coverage_->Count("rewinds_of_visible_records");
    if (touched != std::set<std::string>(touched_keys.begin(), touched_keys.end())) {
      violations_->Add("I11", absl::StrCat(node, " told watchers of ", touched_keys.size(),
                                           " keys after a rewind, ", touched.size(), " were touched"));
    }
  }
  for (const Entry* lost = facts.visible; lost != nullptr && !History::IsOnPath(lost, kept);
       lost = lost->parent)
    facts.cut.insert(lost);
  CheckConflict(node, store.node().promise(), kept);
  CheckLost(node, facts.end, kept, files, "rewinding");
  facts.end = kept;
  if (facts.visible != nullptr && !History::IsOnPath(facts.visible, kept)) facts.visible = kept;
}

void Checker::OnReplaced(const std::string& node, storage::Store& store, storage::FileSystem& files,
                         const Position& visible) {
  NodeFacts& facts = facts_[node];
  facts.incarnation = store.node().identity().incarnation;
  const Position position = store.appended();
  coverage_->Count("snapshots_taken");
  story_->Note(node, absl::StrCat("took a snapshot up to ", position.ToString(), " in place of ",
                                  Name(facts.end), ", shows ", visible.ToString()));
  Entry* const entry = history_.Find(position.chain_hash);
  const Entry* const shown = history_.Find(visible.chain_hash);
  if (entry == nullptr || shown == nullptr || !History::IsOnPath(shown, entry) ||
      !IsCommittedAnywhere(shown)) {
    violations_->Add("R15", absl::StrCat(node, " took a snapshot up to ", position.ToString(), " and shows ",
                                         visible.ToString(), ", not committed in it"));
    return;
  }
  if (facts.end != nullptr && History::IsOnPath(entry, facts.end) && entry != facts.end) {
    violations_->Add("R15", absl::StrCat(node, " went back from ", Name(facts.end), " by a snapshot"));
  }
  CheckPromise(node, store.node().promise(), *entry);
  if (entry != shown) CheckTail(node, *entry, *shown);  // before this node holds it
  history_.AddHolder(entry, {node, facts.incarnation}, facts.granted.epoch());
  CheckLost(node, facts.end, entry, files, "taking a snapshot");
  for (const Entry* lost = facts.visible; !History::IsOnPath(lost, entry); lost = lost->parent)
    facts.cut.insert(lost);
  facts.end = entry;
  facts.visible = shown;
  facts.floor = store.floor();
  NoteShown(node, shown);
}

const Entry* Checker::ReadLog(const std::string& node, storage::Store& store) {
  const Position end = store.appended();
  if (end.revision.is_zero()) return nullptr;
  Revision after = store.log().oldest();
  if (!after.is_zero()) after = Revision(after.number() - 1);
  const Holder holder{node, store.node().identity().incarnation};
  const uint64_t promised = store.node().promise().epoch();
  while (after < end.revision) {
    const auto records = store.log().ReadAfter(after, end.revision, 1000, 64 << 20);
    if (!records.ok() || records->empty()) {
      violations_->Add("I3", absl::StrCat(node, "'s log cannot be read after ", after.ToString(), ": ",
                                          records.ok() ? "nothing there" : records.status().ToString()));
      return nullptr;
    }
    for (const storage::LogRecordPtr& record : *records) {
      const bool is_new = history_.Find(record->position.chain_hash) == nullptr;
      Entry* const entry = history_.Add(holder, promised, record);
      if (is_new) CheckCommit(*entry);
      if (is_new) NoteBegun(node, *entry);
    }
    after = records->back()->position.revision;
  }
  Entry* const entry = history_.Find(end.chain_hash);
  if (entry == nullptr) {
    violations_->Add("I3", absl::StrCat(node, "'s log ends at ", end.ToString(), ", which nobody ever held"));
  } else {
    history_.AddHolder(entry, holder, promised);
  }
  return entry;
}

void Checker::OnOpened(const std::string& node, storage::Store& store, storage::FileSystem& files) {
  NodeFacts& facts = facts_[node];
  const std::string incarnation = store.node().identity().incarnation;
  const auto lost = lost_incarnations_.lower_bound({node, ""});
  if (facts.incarnation.empty() && lost != lost_incarnations_.end() && lost->first == node)
    coverage_->Count("incarnations_renewed");
  facts.incarnation = incarnation;
  if (lost_incarnations_.contains({node, incarnation})) {
    violations_->Add("R16", absl::StrCat(node, " has lost its log and keeps its incarnation"));
  }
  const Entry* const end = ReadLog(node, store);
  const Entry* const common = History::CommonAncestor(facts.end, end);
  if (facts.end != common) {
    coverage_->Count("crashes_that_finished_a_cut");
    CheckLost(node, facts.end, end, files, "restarting");
  }
  facts.end = end;
  facts.floor = store.floor();
  NotePromise(node, store.node().promise(), "restart");
  const Position visible = store.visible();
  const Entry* const shown = visible.revision.is_zero() ? nullptr : history_.Find(visible.chain_hash);
  if (!visible.revision.is_zero() && (shown == nullptr || !History::IsOnPath(shown, end))) {
    violations_->Add("R14",
                     absl::StrCat(node, " shows ", visible.ToString(), " after a restart, not in its log"));
  }
  if (facts.expect_visible && facts.visible != nullptr && History::IsOnPath(facts.visible, end) &&
      visible.revision < facts.visible->position.revision) {
    // In the middle of a rewind: what is to be cut is in the salvage file already, and no longer shown.
    if (Salvaged(files).contains(std::string(facts.visible->position.chain_hash.view()))) {
      coverage_->Count("crashes_during_a_rewind");
    } else {
      violations_->Add("I5", absl::StrCat(node, " shows ", visible.ToString(), " after a restart, it showed ",
                                          Name(facts.visible)));
    }
  }
  facts.visible = shown;
  facts.cut.clear();
  facts.stream_epoch.reset();
  facts.heard.clear();
  facts.answered_since_start.clear();
  const Entry* newest_epoch = end;
  while (newest_epoch != nullptr && newest_epoch->record->message.kind() != v1::RECORD_KIND_EPOCH)
    newest_epoch = newest_epoch->parent;
  facts.was_primary = newest_epoch != nullptr && newest_epoch->record->message.epoch().node_id() == node;
  facts.expect_visible = true;
  NoteShown(node, shown);
  if (shown != nullptr && !IsCommittedAnywhere(shown)) {
    violations_->Add("R14", absl::StrCat(node, " shows ", Name(shown), " after a restart, not committed"));
  }
}

void Checker::OnCrashed(const std::string& node, bool power_lost) {
  // A second crash before the node was open again does not bring back what the first one took.
  facts_[node].expect_visible = facts_[node].expect_visible && !power_lost;
}

void Checker::OnWiped(const std::string& node) {
  if (const std::string& lost = facts_[node].incarnation; !lost.empty())
    lost_incarnations_.insert({node, lost});
  facts_[node] = NodeFacts();
}

}  // namespace holdfast::sim
