#pragma once

#include <google/protobuf/duration.pb.h>

#include "absl/time/time.h"

namespace holdfast::failover {

inline void FillDuration(absl::Duration duration, google::protobuf::Duration* proto) {
  const int64_t seconds = absl::ToInt64Seconds(duration);
  proto->set_seconds(seconds);
  proto->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration - absl::Seconds(seconds))));
}

}  // namespace holdfast::failover
