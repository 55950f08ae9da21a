#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace holdfast::drill {

// A key's state from one revision on: which write of the journal made it.
struct Version {
  int64_t revision = 0;
  int64_t write = 0;
  bool operator==(const Version&) const = default;
};

// One key's change in one commit.
struct Change {
  int64_t revision = 0;
  int key = 0;
  int64_t write = 0;
  auto operator<=>(const Change&) const = default;
};

// What the primary says was committed, read from it when all is over: the truth that reads, watches and
// journals are held against. Filled, then only looked at. One thread.
class History {
 public:
  // In any order; each (key, revision) once.
  void Add(const Change& change);

  // The highest revision; 0 if there is none.
  int64_t last_revision() const { return by_revision_.empty() ? 0 : by_revision_.rbegin()->first; }

  // What a reader at `revision` must see; nullopt if the key does not exist there.
  std::optional<Version> At(int key, int64_t revision) const;

  // The write that made `key` at exactly `revision`.
  std::optional<int64_t> WriteAt(int key, int64_t revision) const;

  // Where a write stands for one of its keys, ascending: once, if all is well, or never.
  std::vector<int64_t> RevisionsOf(int key, int64_t write) const;

  // Every change behind `after`, up to and including `up_to`, in order of revision and key.
  std::vector<Change> Between(int64_t after, int64_t up_to) const;

 private:
  std::map<int, std::map<int64_t, int64_t>> by_key_;       // revision to write
  std::map<int64_t, std::map<int, int64_t>> by_revision_;  // key to write
};

}  // namespace holdfast::drill
