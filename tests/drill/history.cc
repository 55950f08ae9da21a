#include "tests/drill/history.h"

namespace holdfast::drill {

void History::Add(const Change& change) {
  by_key_[change.key][change.revision] = change.write;
  by_revision_[change.revision][change.key] = change.write;
}

std::optional<Version> History::At(int key, int64_t revision) const {
  const auto versions = by_key_.find(key);
  if (versions == by_key_.end()) return std::nullopt;
  auto next = versions->second.upper_bound(revision);
  if (next == versions->second.begin()) return std::nullopt;
  --next;
  return Version{next->first, next->second};
}

std::optional<int64_t> History::WriteAt(int key, int64_t revision) const {
  const std::optional<Version> version = At(key, revision);
  if (!version || version->revision != revision) return std::nullopt;
  return version->write;
}

std::vector<int64_t> History::RevisionsOf(int key, int64_t write) const {
  std::vector<int64_t> revisions;
  const auto versions = by_key_.find(key);
  if (versions == by_key_.end()) return revisions;
  for (const auto& [revision, by] : versions->second) {
    if (by == write) revisions.push_back(revision);
  }
  return revisions;
}

std::vector<Change> History::Between(int64_t after, int64_t up_to) const {
  std::vector<Change> changes;
  for (auto it = by_revision_.upper_bound(after); it != by_revision_.end() && it->first <= up_to; ++it) {
    for (const auto& [key, write] : it->second) changes.push_back({it->first, key, write});
  }
  return changes;
}

}  // namespace holdfast::drill
