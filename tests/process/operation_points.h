#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/scale.h"

// The failpoints that a candidate passes, in order. That they are all of them is a test of its own
// (APromotionPassesTheseAndNoOthers).
namespace holdfast::testing {

// One point of an operation at its candidate.
struct OperationPoint {
  std::string name;
  // A step has just been taken. The default run ends the candidate at these; with HOLDFAST_ALL_POINTS=1, as
  // in
  // `./dev campaign`, at every one.
  bool ends_step = false;
};

inline std::vector<OperationPoint> BeginPoints() {
  return {{"operation.before-begin"},
          {"journal.before-value"},
          {"journal.before-id"},
          {"operation.after-begin", true}};
}

inline void AddStep(std::vector<OperationPoint>* points, const std::string& step,
                    const std::vector<OperationPoint>& within = {}) {
  points->push_back({absl::StrCat("promotion.before-note.", step)});
  points->push_back({absl::StrCat("promotion.after-note.", step)});
  points->insert(points->end(), within.begin(), within.end());
  points->push_back({absl::StrCat("promotion.after-step.", step), true});
}

// From the own promise to the end. `harvest`: there is something to be fetched.
inline void AddPromotion(std::vector<OperationPoint>* points, bool harvest) {
  AddStep(points, "promise-self", {{"promise.before-store"}, {"promise.after-store"}});
  AddStep(points, "promises");
  if (harvest) AddStep(points, "harvest", {{"harvest.before-append"}, {"harvest.after-append"}});
  AddStep(points, "judge");
  AddStep(points, "epoch", {{"epoch.before-append"}, {"epoch.after-append", true}});
  AddStep(points, "open");
  AddStep(points, "converge");
  points->push_back({"promotion.before-end"});
  points->push_back({"promotion.after-end", true});
}

inline std::vector<OperationPoint> PromotePoints() {
  std::vector<OperationPoint> points = BeginPoints();
  AddPromotion(&points, /*harvest=*/true);
  return points;
}

inline std::vector<OperationPoint> SwitchoverPoints() {
  std::vector<OperationPoint> points = BeginPoints();
  for (const char* const step : {"pre-copy", "freeze", "drain"}) AddStep(&points, step);
  AddPromotion(&points, /*harvest=*/false);
  return points;
}

// Their names: all, or those that end a step.
inline std::vector<std::string> NamesOf(const std::vector<OperationPoint>& points, bool all) {
  std::vector<std::string> names;
  for (const OperationPoint& point : points) {
    if (all || point.ends_step) names.push_back(point.name);
  }
  return names;
}

// Those at which the default run, or a campaign, breaks an operation off.
inline std::vector<std::string> Chosen(const std::vector<OperationPoint>& points) {
  return NamesOf(points, Scale("HOLDFAST_ALL_POINTS", 0) > 0);
}

// Each of `hits` once, in the order of its first one; of the operation alone.
inline std::vector<std::string> FirstHits(const std::vector<std::string>& hits) {
  std::vector<std::string> first;
  for (const std::string& hit : hits) {
    const bool is_operations = hit.rfind("follow.", 0) != 0 && hit.rfind("hand-back.", 0) != 0;
    if (is_operations && std::find(first.begin(), first.end(), hit) == first.end()) first.push_back(hit);
  }
  return first;
}

// For GoogleTest: a name of letters, digits and underscores.
inline std::string PointName(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  for (char& c : name) {
    if (c == '.' || c == '-') c = '_';
  }
  return name;
}

}  // namespace holdfast::testing
