#pragma once

#include <google/protobuf/duration.pb.h>

#include "absl/time/time.h"

namespace holdfast::storage {

// Durations as messages carry them. Any thread.
inline void FillDuration(absl::Duration duration, google::protobuf::Duration* proto) {
  const int64_t seconds = absl::ToInt64Seconds(duration);
  proto->set_seconds(seconds);
  proto->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration - absl::Seconds(seconds))));
}

// As it stands: whoever reads what others sent checks its bounds.
inline absl::Duration DurationOf(const google::protobuf::Duration& proto) {
  return absl::Seconds(proto.seconds()) + absl::Nanoseconds(proto.nanos());
}

}  // namespace holdfast::storage
