#pragma once

#include <string>
#include <vector>

#include "storage/store.h"

namespace holdfast::storage {

// Notes what is visible after each replacement of the file.
class ReplacementListener : public StoreObserver {
 public:
  void OnAppended(absl::Span<const LogRecordPtr>) override {}
  void OnVisible(const Position&) override {}
  void OnRewound(const Position&, const Position&, const std::vector<std::string>&) override {}
  void OnReplaced(const Position& visible) override { shown.push_back(visible); }
  std::vector<Position> shown;
};

}  // namespace holdfast::storage
