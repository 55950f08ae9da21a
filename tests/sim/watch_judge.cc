#include "tests/sim/watch_judge.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"

namespace holdfast::sim {
namespace {

bool SameRow(const v1::KeyValue& kv, const std::map<std::string, ModelRow>& rows) {
  const auto row = rows.find(kv.key());
  if (row == rows.end()) return kv.mod_revision() == 0;
  return kv.value() == row->second.value && kv.mod_revision() == row->second.mod_revision &&
         kv.create_revision() == row->second.create_revision && kv.version() == row->second.version;
}

std::vector<const Entry*> Path(const Entry* after, const Entry* to) {
  std::vector<const Entry*> path;
  for (const Entry* at = to; at != after && at != nullptr; at = at->parent) path.push_back(at);
  std::reverse(path.begin(), path.end());
  return path;
}

}  // namespace

WatchJudge::WatchJudge(World* world, std::string name, v1::WatchRequest request)
    : world_(world), name_(std::move(name)), request_(std::move(request)) {}

void WatchJudge::Violation(const std::string& node, const std::string& what) {
  world_->violations.Add("I11", absl::StrCat(name_, " at ", node, ", told up to ", Name(told_), ": ", what));
}

v1::WatchRequest WatchJudge::Open(const Entry* demanded, bool from_now) {
  Forget();
  demanded_ = demanded;
  from_now_ = from_now || told_ == nullptr;
  greeted_ = false;
  v1::WatchRequest request = request_;
  if (!from_now_) request.set_start_revision(told_->position.revision.number() + 1);
  if (demanded_ != nullptr) request.set_min_revision(demanded_->position.revision.number());
  return request;
}

void WatchJudge::Forget() {
  events_.clear();
  rewound_.Clear();
}

// I5: who demanded a revision is told of no less, and of no other history, unless it is a `rewound`.
void WatchJudge::CheckGreeting(const std::string& node, const v1::WatchResponse& message,
                               const Entry* reached) {
  const Entry* const shown = world_->checker.history().FindRevision(Revision(message.header().revision()));
  if (demanded_ == nullptr) return;
  world_->coverage.Count(from_now_ ? "watches_from_now_with_demand" : "watches_resumed_with_demand");
  if (History::IsOnPath(demanded_, shown) && (!from_now_ || History::IsOnPath(demanded_, reached))) return;
  world_->violations.Add("I5",
                         absl::StrCat(name_, " at ", node, ", which had to have shown ", Name(demanded_),
                                      ", is greeted at ", Name(shown), ", told up to ", Name(reached)));
}

void WatchJudge::OnMessage(const std::string& node, const v1::WatchResponse& message) {
  world_->coverage.Count("watch_messages");
  const bool is_greeting = !std::exchange(greeted_, true);
  if (message.has_rewound()) {
    rewound_.set_common_revision(message.rewound().common_revision());
    rewound_.mutable_restored()->MergeFrom(message.rewound().restored());
    if (!message.fragment()) OnRewound(node);
    return;
  }
  events_.insert(events_.end(), message.events().begin(), message.events().end());
  if (message.fragment()) return;
  const Entry* const reached = world_->checker.history().FindRevision(Revision(message.revision()));
  if (reached == nullptr) return Violation(node, "reaches a revision that nobody ever had");
  // Where a cursor from another node stands the node itself may not have come yet.
  if (reached != told_ && !reached->shown_on.contains(node))
    return Violation(node, absl::StrCat("is told up to ", Name(reached), ", which the node has never shown"));
  if (is_greeting) CheckGreeting(node, message, reached);
  if (is_greeting && from_now_ && events_.empty()) {
    told_ = reached;
    return;
  }
  CheckEvents(node, reached);
}

bool WatchJudge::InWatchedRange(const std::string& key) const {
  return InRange(key, request_.key(), request_.range_end());
}

bool WatchJudge::Matches(const v1::Change& change) const {
  return InWatchedRange(change.key()) && !(change.has_value() ? request_.no_puts() : request_.no_deletes());
}

void WatchJudge::CheckEvents(const std::string& node, const Entry* reached) {
  const std::vector<v1::WatchEvent> events = std::exchange(events_, {});
  if (!History::IsOnPath(told_, reached)) {
    return Violation(node, absl::StrCat("goes on at ", Name(reached), " in another history without a word"));
  }
  size_t next = 0;
  for (const Entry* entry : Path(told_, reached)) {
    before_.MoveTo(entry->parent);
    model_.MoveTo(entry);
    for (const v1::Change& change : entry->record->message.changes()) {
      if (!Matches(change)) continue;
      if (next == events.size()) {
        return Violation(
            node, absl::StrCat("missed ", change.key(), " at ", Name(entry), ", told up to ", Name(reached)));
      }
      if (!IsEventOf(node, events[next], change, *entry)) {
        return Violation(node, absl::StrCat("got ", events[next].ShortDebugString(), " where ", change.key(),
                                            " at ", Name(entry), " was next"));
      }
      ++next;
    }
  }
  if (next < events.size())
    return Violation(node, absl::StrCat("got more than happened: ", events[next].ShortDebugString()));
  world_->coverage.Count("watch_events", static_cast<int64_t>(next));
  told_ = reached;
}

// `model_` stands at `entry`, `before_` just before it.
bool WatchJudge::IsEventOf(const std::string& node, const v1::WatchEvent& event, const v1::Change& change,
                           const Entry& entry) {
  if (event.kv().key() != change.key() || event.deleted() == change.has_value()) return false;
  if (event.kv().mod_revision() != entry.position.revision.number()) return false;
  if (!event.deleted() && !SameRow(event.kv(), model_.rows())) return false;
  return IsPreviousRight(node, event, entry);
}

// The version before, if it was asked for, there was one, and compaction has not taken it.
bool WatchJudge::IsPreviousRight(const std::string& node, const v1::WatchEvent& event,
                                 const Entry& entry) const {
  if (event.has_previous()) {
    world_->coverage.Count("watch_events_with_previous");
    return request_.include_previous() && event.previous().key() == event.kv().key() &&
           event.previous().mod_revision() > 0 && SameRow(event.previous(), before_.rows());
  }
  if (!request_.include_previous() || !before_.rows().contains(event.kv().key())) return true;
  return entry.position.revision <= world_->checker.facts(node).floor;
}

void WatchJudge::OnRewound(const std::string& node) {
  world_->coverage.Count("watches_rewound");
  const Entry* const common = world_->checker.history().FindRevision(Revision(rewound_.common_revision()));
  if (common == nullptr || !History::IsOnPath(common, told_)) {
    return Violation(node, absl::StrCat("was rewound to ", Revision(rewound_.common_revision()).ToString(),
                                        ", which it never had"));
  }
  // What is called lost, this node has shown and cut. (The beginning of a large commit may be all of it.)
  const std::set<const Entry*>& cut = world_->checker.facts(node).cut;
  bool is_lost = told_ != common || !events_.empty();
  for (const Entry* lost = told_; is_lost && lost != common; lost = lost->parent)
    is_lost = cut.contains(lost);
  if (!is_lost)
    return Violation(node, absl::StrCat("was rewound to ", Name(common), "; the node lost nothing"));
  CheckRestored(node, common);
  told_ = common;
  Forget();
}

// The state now of each matching key that the lost records touched: at the common record, or at a later one
// if the history was cut once more meanwhile.
void WatchJudge::CheckRestored(const std::string& node, const Entry* common) {
  std::map<std::string, const v1::KeyValue*> restored;
  for (const v1::KeyValue& kv : rewound_.restored()) restored[kv.key()] = &kv;
  std::vector<const Entry*> candidates = {common};
  const Entry* const shown = world_->checker.facts(node).visible;
  if (History::IsOnPath(common, shown)) {
    for (const Entry* later : Path(common, shown)) candidates.push_back(later);
  }
  for (const Entry* lost = told_; lost != common; lost = lost->parent) {
    for (const v1::Change& change : lost->record->message.changes()) {
      if (!InWatchedRange(change.key())) continue;
      const auto found = restored.find(change.key());
      if (found == restored.end())
        return Violation(node, absl::StrCat(change.key(), " was rewound, its value was not told"));
      const bool right = std::any_of(candidates.begin(), candidates.end(), [&](const Entry* at) {
        model_.MoveTo(at);
        return SameRow(*found->second, model_.rows());
      });
      if (!right) return Violation(node, absl::StrCat(change.key(), " was restored to a wrong value"));
    }
  }
}

bool WatchJudge::IsLostAt(const std::string& node, const Entry* entry) const {
  const NodeFacts& facts = world_->checker.facts(node);
  // A snapshot may show less than was shown here before, and so only a part of what was told.
  if (entry != nullptr && facts.cut.contains(entry)) return true;
  return !History::IsOnPath(entry, facts.visible) && !History::IsOnPath(facts.visible, entry);
}

void WatchJudge::OnEnded(const std::string& node, const absl::Status& status) {
  Forget();
  const std::string reason = ReasonOf(status);
  world_->coverage.Count("watch_ended_" + (reason.empty() ? std::string("other") : reason));
  if (reason == "STALE" && demanded_ == nullptr)
    Violation(node, "was told that the node is behind; it had demanded nothing");
  if (reason != "REWOUND" && reason != "COMPACTED") return;
  const NodeFacts& facts = world_->checker.facts(node);
  if (reason == "REWOUND" && !IsLostAt(node, told_) && !IsLostAt(node, demanded_)) {
    Violation(node, absl::StrCat("was told that its history is lost; the node shows ", Name(facts.visible)));
  }
  if (reason == "COMPACTED" && told_ != nullptr && told_->position.revision >= facts.floor) {
    Violation(node,
              absl::StrCat("was told that its cursor is compacted; the floor is ", facts.floor.ToString()));
  }
  told_ = facts.visible;  // it reads again
}

}  // namespace holdfast::sim
