#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/position.h"
#include "replication/epoch_history.h"
#include "replication/log_view.h"

namespace holdfast::replication {

// A log for tests of the deciders: positions only. Two logs built from the same entries are the same history.
class TestLog : public LogView {
 public:
  // Appends `count` records of `epoch`; the first of an epoch is its EPOCH record. `writer` tells forks
  // apart.
  TestLog& Add(uint64_t epoch, int count, const std::string& writer = "") {
    for (int i = 0; i < count; ++i) {
      const Revision revision(epoch, records_.size() + 1);
      const bool first = records_.empty() || records_.back().revision.epoch() != epoch;
      records_.push_back(
          {revision, NextChainHash(End().chain_hash, absl::StrCat(revision.ToString(), writer))});
      if (first) starts_.push_back(records_.back());
    }
    return *this;
  }
  // Records up to index `floor` are no longer kept.
  TestLog& Compact(uint64_t floor) {
    floor_ = floor;
    return *this;
  }

  Position End() const override { return records_.empty() ? Position() : records_.back(); }
  std::optional<Position> At(Revision revision) const override {
    if (revision.is_zero()) return Position();
    for (const Position& record : records_) {
      if (record.revision == revision && revision.index() > floor_) return record;
    }
    return std::nullopt;
  }
  std::optional<Position> After(Revision revision) const override {
    if (revision.index() < floor_) return std::nullopt;
    for (const Position& record : records_) {
      if (record.revision > revision) return record;
    }
    return std::nullopt;
  }

  Position Index(uint64_t index) const { return records_.at(index - 1); }
  const std::vector<Position>& starts() const { return starts_; }
  EpochHistory history() const { return EpochHistory(starts_, End().revision); }
  std::vector<Position> ends() const { return history().KnownEnds(*this); }

 private:
  std::vector<Position> records_;
  std::vector<Position> starts_;
  uint64_t floor_ = 0;
};

}  // namespace holdfast::replication
