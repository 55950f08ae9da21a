#include "node/readiness_rating.h"

#include "absl/strings/str_cat.h"
#include "node/readiness_item.h"

namespace holdfast::node {

v1::ReadinessItem Fine(const std::string& check, const std::string& seen) {
  v1::ReadinessItem item;
  item.set_check(check);
  item.set_level(v1::READINESS_LEVEL_OK);
  item.set_seen(seen);
  return item;
}

v1::ReadinessItem NotFine(v1::ReadinessLevel level, const std::string& check, const std::string& seen,
                          const std::string& needed, const std::string& next_command) {
  v1::ReadinessItem item;
  item.set_check(check);
  item.set_level(level);
  item.set_seen(seen);
  item.set_needed(needed);
  item.set_next_command(next_command);
  return item;
}

std::string ShowAge(absl::Duration age) {
  const auto whole = [&](absl::Duration unit) { return absl::IDivDuration(age, unit, &age); };
  if (age < absl::Seconds(10)) {
    const int64_t tenths = whole(absl::Milliseconds(100));
    return absl::StrCat(tenths / 10, ".", tenths % 10, " s");
  }
  if (age < absl::Minutes(2)) return absl::StrCat(whole(absl::Seconds(1)), " s");
  if (age < absl::Hours(2)) return absl::StrCat(whole(absl::Minutes(1)), " min");
  if (age < absl::Hours(48)) return absl::StrCat(whole(absl::Hours(1)), " h");
  return absl::StrCat(whole(absl::Hours(24)), " days");
}

std::string ShowMoment(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M UTC", time, absl::UTCTimeZone());
}

absl::Time TimeFrom(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

int64_t BytesForACopy(int64_t database_bytes, int64_t wal_bytes) {
  return database_bytes + wal_bytes + kDiskReserveBytes;
}

std::vector<v1::ReadinessItem> RateReadiness(const ReadinessFacts& facts) {
  const bool is_server = facts.kind == v1::NODE_KIND_SERVER;
  const bool is_primary = facts.view.role == v1::NODE_ROLE_PRIMARY;
  std::vector<v1::ReadinessItem> items = {RateServing(facts)};
  if (!is_primary) {
    items.push_back(RatePosition(facts));
    items.push_back(RateDigest(facts));
  }
  for (const auto rate : {RateIntegrity, RateVersion, RateCertificates, RateDisk})
    items.push_back(rate(facts));
  if (is_server) items.push_back(RatePair(facts));
  items.push_back(is_primary ? RateVoters(facts) : RateVote(facts));
  items.push_back(RatePromise(facts));
  if (is_server && !is_primary) items.push_back(RateDrill(facts));
  for (v1::ReadinessItem& item : items) item.set_node_id(facts.node_id);
  return items;
}

}  // namespace holdfast::node
