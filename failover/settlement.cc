#include "failover/settlement.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "replication/inventory.h"
#include "replication/store_log.h"
#include "storage/record_codec.h"

namespace holdfast::failover {
namespace {

using replication::VoterId;

constexpr absl::Duration kInterval = absl::Seconds(1);
constexpr absl::Duration kTimeout = absl::Milliseconds(800);
constexpr absl::Duration kRememberTimeout = absl::Seconds(5);

using Voters = google::protobuf::RepeatedPtrField<v1::Voter>;

bool Contains(const Voters& voters, const v1::Voter& voter) {
  return std::any_of(voters.begin(), voters.end(), [&](const v1::Voter& known) {
    return known.node_id() == voter.node_id() && known.incarnation() == voter.incarnation();
  });
}

bool Add(const v1::Voter& voter, Voters* voters) {
  if (Contains(*voters, voter)) return false;
  *voters->Add() = voter;
  std::sort(voters->begin(), voters->end(),
            [](const v1::Voter& left, const v1::Voter& right) { return left.node_id() < right.node_id(); });
  return true;
}

const v1::NodeInfo* Find(const std::vector<v1::NodeInfo>& members, const std::string& node_id) {
  const auto member = std::find_if(members.begin(), members.end(),
                                   [&](const v1::NodeInfo& node) { return node.node_id() == node_id; });
  return member == members.end() ? nullptr : &*member;
}

// The incarnation that the inventory gives the voter's slot to, if that is another one.
std::optional<v1::Voter> OtherSlot(const v1::Voter& voter, const std::vector<v1::NodeInfo>& members) {
  const v1::NodeInfo* const member = Find(members, voter.node_id());
  if (member == nullptr || member->incarnation().empty() || member->incarnation() == voter.incarnation())
    return std::nullopt;
  v1::Voter slot;
  slot.set_node_id(voter.node_id());
  slot.set_incarnation(member->incarnation());
  return slot;
}

bool IsReplaced(const v1::Voter& voter, const v1::WaivedRule& waived,
                const std::vector<v1::NodeInfo>& members, const v1::DurabilityRule& rule) {
  if (Find(members, voter.node_id()) == nullptr) return true;
  const std::optional<v1::Voter> slot = OtherSlot(voter, members);
  if (slot && !Contains(waived.older_slots(), *slot)) return true;
  return std::any_of(rule.voters().begin(), rule.voters().end(), [&](const v1::Voter& other) {
    return other.node_id() == voter.node_id() && other.incarnation() != voter.incarnation();
  });
}

Voters Missing(const v1::WaivedRule& waived) {
  Voters missing;
  for (const v1::Voter& voter : waived.rule().voters()) {
    if (!Contains(waived.adopted(), voter) && !Contains(waived.replaced(), voter)) *missing.Add() = voter;
  }
  return missing;
}

}  // namespace

v1::UnsettledEpoch NoteOfWaived(Revision revision, const std::vector<v1::DurabilityRule>& waived,
                                const std::vector<v1::NodeInfo>& members) {
  v1::UnsettledEpoch note;
  note.set_epoch(revision.epoch());
  note.set_revision(revision.number());
  for (const v1::DurabilityRule& rule : waived) {
    v1::WaivedRule& one = *note.add_waived();
    *one.mutable_rule() = rule;
    const absl::StatusOr<replication::Rule> parsed = replication::Rule::FromProto(rule, "");
    if (parsed.ok()) one.set_needed(parsed->PromisesNeeded().value_or(0));
    for (const v1::Voter& voter : rule.voters()) {
      const std::optional<v1::Voter> slot = OtherSlot(voter, members);
      if (slot) Add(*slot, one.mutable_older_slots());
    }
  }
  return note;
}

bool NoteAdopted(const VoterId& voter, v1::UnsettledEpoch* note) {
  v1::Voter proto;
  proto.set_node_id(voter.node_id);
  proto.set_incarnation(voter.incarnation);
  bool is_news = false;
  for (v1::WaivedRule& waived : *note->mutable_waived()) {
    // Who has been replaced has one vote, and it is counted already.
    if (Contains(waived.rule().voters(), proto) && !Contains(waived.replaced(), proto))
      is_news |= Add(proto, waived.mutable_adopted());
  }
  return is_news;
}

bool NoteReplaced(const std::vector<v1::NodeInfo>& members, const v1::DurabilityRule& rule,
                  v1::UnsettledEpoch* note) {
  bool is_news = false;
  for (v1::WaivedRule& waived : *note->mutable_waived()) {
    for (const v1::Voter& voter : Missing(waived)) {
      if (IsReplaced(voter, waived, members, rule)) is_news |= Add(voter, waived.mutable_replaced());
    }
  }
  return is_news;
}

bool IsSettled(const v1::UnsettledEpoch& note) {
  return std::all_of(note.waived().begin(), note.waived().end(), [](const v1::WaivedRule& waived) {
    return static_cast<uint32_t>(waived.adopted_size() + waived.replaced_size()) >= waived.needed();
  });
}

std::string Describe(const v1::UnsettledEpoch& note) {
  std::vector<std::string> parts;
  for (const v1::WaivedRule& waived : note.waived()) {
    std::string come = replication::NamesOf(waived.adopted());
    if (waived.replaced_size() > 0)
      absl::StrAppend(&come, come.empty() ? "" : ", ", "replaced: ", replication::NamesOf(waived.replaced()));
    parts.push_back(absl::StrCat(
        "epoch ", note.epoch(), " did without ", waived.needed(),
        waived.needed() == 1 ? " vote of {" : " votes of {", replication::NamesOf(waived.rule().voters()),
        "}: ", waived.adopted_size() + waived.replaced_size(), " of ", waived.needed(), " have come to it",
        come.empty() ? "" : absl::StrCat(" (", come, ")"), ", missing are ",
        replication::NamesOf(Missing(waived))));
  }
  return absl::StrJoin(parts, "; ");
}

void Settlement::Start() {
  options_.strand->PostAfter(kInterval, life_.Wrap([this] { Start(); }));
  Look();
}

void Settlement::Look() {
  if (options_.replica->view().role != v1::NODE_ROLE_PRIMARY) return seen_.clear();
  if (open_ > 0) return;  // the last round is under way
  std::set<std::string> missing;
  for (const v1::UnsettledEpoch& note : options_.replica->unsettled()) {
    // Before its record is committed nobody needs to know.
    if (Revision(note.revision()) > options_.store->visible().revision) continue;
    for (const v1::WaivedRule& waived : note.waived()) {
      for (const v1::Voter& voter : Missing(waived)) missing.insert(voter.node_id());
    }
  }
  if (missing.empty()) return;
  const storage::NodeStore::Identity& self = options_.store->node().identity();
  v1::PromiseRequest look;
  look.set_cluster_id(self.cluster_id);
  look.set_inspect(true);
  open_ = 1;  // this call itself
  for (const v1::NodeInfo& member : options_.replica->nodes()) {
    if (!missing.contains(member.node_id()) || member.node_id() == self.node_id) continue;
    ++open_;
    options_.transport->Promise(member.peer_address(), look, kTimeout,
                                life_.Wrap([this](const absl::StatusOr<v1::PromiseResponse>& said) {
                                  if (said.ok()) OnAnswer(*said);
                                  if (--open_ == 0) Remember();
                                }));
  }
  if (--open_ == 0) Remember();
}

// It holds what this log has: by the hash of its end, never by its number alone.
void Settlement::OnAnswer(const v1::PromiseResponse& said) {
  const absl::StatusOr<Position> end = storage::FromProto(said.appended());
  if (!end.ok() || !replication::StoreLog(options_.store, options_.store->appended()).Has(*end)) return;
  for (const v1::UnsettledEpoch& note : options_.replica->unsettled()) {
    if (end->revision >= Revision(note.revision()))
      seen_[note.revision()].insert({said.node_id(), said.incarnation()});
  }
}

void Settlement::Remember() {
  if (!options_.append || !options_.replica->CanAdmit().ok()) return;
  const storage::NodeStore::Identity& self = options_.store->node().identity();
  for (const v1::UnsettledEpoch& note : options_.replica->unsettled())
    seen_[note.revision()].insert({self.node_id, self.incarnation});
  const absl::StatusOr<std::optional<storage::RecordDraft>> news = MakeRecord();
  if (!news.ok() || !*news) return;
  options_.append([this](storage::Store::Batch&) { return MakeRecord(); },
                  options_.clock->SinceBoot() + kRememberTimeout);
}

absl::StatusOr<std::optional<storage::RecordDraft>> Settlement::MakeRecord() const {
  storage::RecordDraft draft;
  draft.kind = v1::RECORD_KIND_SETTINGS;
  for (v1::UnsettledEpoch note : options_.replica->unsettled()) {
    bool is_news = NoteReplaced(options_.replica->nodes(), options_.replica->cluster().rule(), &note);
    if (const auto seen = seen_.find(note.revision()); seen != seen_.end()) {
      for (const VoterId& voter : seen->second) is_news |= NoteAdopted(voter, &note);
    }
    if (!is_news) continue;
    v1::Change& change = draft.changes.emplace_back();
    change.set_key(replication::UnsettledKey(note.epoch()));
    if (!IsSettled(note)) change.set_value(replication::ToJson(note));
  }
  if (draft.changes.empty()) return std::nullopt;
  // Keys in order: 100 stands before 64.
  std::sort(draft.changes.begin(), draft.changes.end(),
            [](const v1::Change& left, const v1::Change& right) { return left.key() < right.key(); });
  return draft;
}

}  // namespace holdfast::failover
