#pragma once

#include <string>

#include "base/digest.h"
#include "base/revision.h"

namespace holdfast {

// (revision, chain hash) of a record: equal positions mean equal histories (I3, I4). "Higher" always means
// greater revision, never greater index or longer log (DESIGN 1). A plain value; default is "before the first
// record".
struct Position {
  Revision revision;
  ChainHash chain_hash;

  bool operator==(const Position&) const = default;
  std::string ToString() const { return revision.ToString() + "@" + chain_hash.ToHex().substr(0, 12); }
};

}  // namespace holdfast
