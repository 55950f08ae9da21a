#pragma once

#include <optional>

#include "base/position.h"

namespace holdfast::replication {

// The part of a log that the deciders ask about. The store's log implements it for the drivers, a vector for
// tests. Point reads only; one thread.
class LogView {
 public:
  virtual ~LogView() = default;

  // The last position that may be sent (R8): of a primary its last durable record; of a relay the last one
  // verified against its stream.
  virtual Position End() const = 0;
  // The position of the record with exactly this revision; nullopt if there is none or it is no longer kept.
  // Zero gives zero.
  virtual std::optional<Position> At(Revision revision) const = 0;
  // The first record after `revision`; nullopt if there is none up to End(), or if it is no longer kept.
  virtual std::optional<Position> After(Revision revision) const = 0;
};

}  // namespace holdfast::replication
