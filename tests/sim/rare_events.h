#pragma once

#include <string>
#include <vector>

#include "tests/sim/story.h"

namespace holdfast::sim {

// Something that a cluster seldom meets and must survive. The simulator counts it; where it never happens any
// more, nothing is proven about it.
struct RareEvent {
  const char* counter;  // in Coverage
  const char* what;     // for people
};

// The rare paths of the protocol: none may be at 0 over a campaign.
const std::vector<RareEvent>& RareEvents();

// What is not rare, or matters less, and must have happened in every few hundred seeds all the same.
const std::vector<std::string>& OrdinaryEvents();

// A table for people: each rare event, how often, in words.
std::string RareEventTable(const Coverage& coverage);

}  // namespace holdfast::sim
