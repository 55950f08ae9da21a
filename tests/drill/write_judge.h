#pragma once

#include <cstdint>
#include <vector>

#include "tests/drill/findings.h"
#include "tests/drill/history.h"
#include "tests/drill/journal.h"

namespace holdfast::drill {

// What became of the commits of the journal.
struct WriteVerdict {
  int64_t acknowledged = 0;
  int64_t lost = 0;      // acknowledged, and not there: at that revision, with all its keys (I1)
  int64_t unknown = 0;   // never acknowledged
  int64_t kept = 0;      // of these, there
  int64_t torn = 0;      // there with some of its keys only
  int64_t twice = 0;     // there at more than one revision, although its request id was one
  int64_t invented = 0;  // changes that no write of the journal made
  Findings findings;

  bool good() const { return lost + torn + twice + invented == 0; }
};

// Holds the journal against the truth. Pure.
WriteVerdict JudgeWrites(const std::vector<Write>& writes, const History& history);

// Rows of a listing that are not what the history says of its newest revision, and keys that are missing in
// it. Pure.
int64_t CountDisagreements(const History& history, int key_count, const std::vector<Change>& listing);

}  // namespace holdfast::drill
