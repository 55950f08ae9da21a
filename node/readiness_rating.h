#pragma once

#include <vector>

#include "absl/time/time.h"
#include "holdfast/v1/readiness.pb.h"
#include "node/readiness_facts.h"

namespace holdfast::node {

// Where the levels lie.
inline constexpr absl::Duration kStaleWarning = absl::Seconds(5);
inline constexpr absl::Duration kStaleFailure = absl::Seconds(60);
inline constexpr uint64_t kLagWarning = 10'000;  // records
inline constexpr absl::Duration kComparisonWarning = absl::Minutes(10);
inline constexpr absl::Duration kIntegrityWarning = absl::Hours(7 * 24);
inline constexpr absl::Duration kCertificateWarning = absl::Hours(30 * 24);
inline constexpr absl::Duration kCertificateFailure = absl::Hours(3 * 24);
inline constexpr absl::Duration kDrillWarning = absl::Hours(30 * 24);
// Beside a copy of the data: for the log to go on meanwhile.
inline constexpr int64_t kDiskReserveBytes = int64_t{256} << 20;

// Rates a node: each thing that a promotion of it, or by it, depends on, in a fixed order, with what was
// seen, what is needed and what to type next. What nobody can know is UNKNOWN, never FAIL. Pure; any thread.
// `since` is left out.
std::vector<v1::ReadinessItem> RateReadiness(const ReadinessFacts& facts);

// The free bytes that a copy of the data needs: a snapshot for another node, or a rehearsal.
int64_t BytesForACopy(int64_t database_bytes, int64_t wal_bytes);

}  // namespace holdfast::node
