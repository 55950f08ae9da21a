// What a node has of its own: whole data, a release, certificates, disk, a rehearsal.
#include <algorithm>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "node/readiness_item.h"
#include "node/readiness_rating.h"

namespace holdfast::node {
namespace {

constexpr auto kWarn = v1::READINESS_LEVEL_WARN;
constexpr auto kFail = v1::READINESS_LEVEL_FAIL;
constexpr auto kUnknown = v1::READINESS_LEVEL_UNKNOWN;

std::string ShowSize(int64_t bytes) {
  if (bytes < int64_t{1} << 20) return absl::StrCat(bytes >> 10, " KiB");
  if (bytes < int64_t{10} << 30) return absl::StrCat(bytes >> 20, " MiB");
  return absl::StrCat(bytes >> 30, " GiB");
}

}  // namespace

v1::ReadinessItem RateIntegrity(const ReadinessFacts& facts) {
  const std::string name = "integrity";
  const std::string next = "holdfast verify --deep";
  // What was found in data that has been replaced since says nothing of this data.
  if (!facts.integrity || facts.integrity->incarnation() != facts.incarnation) {
    return NotFine(kWarn, name, "this data was never verified whole", "a verification in the last 7 days",
                   next);
  }
  const v1::IntegrityRecord& record = *facts.integrity;
  const absl::Duration age = std::max(facts.now - TimeFrom(record.ended()), absl::ZeroDuration());
  const std::string when =
      absl::StrCat(ShowAge(age), " ago, at ", Revision(record.position().revision()).ToString());
  if (record.finding_count() > 0) {
    return NotFine(
        kFail, name,
        absl::StrCat(record.finding_count(), " findings ", when, ", the first: ", record.first_finding()),
        "data whose every row, record and page is what was written", next);
  }
  const std::string seen = absl::StrCat("verified whole ", when);
  if (age > kIntegrityWarning) return NotFine(kWarn, name, seen, "a verification in the last 7 days", next);
  return Fine(name, seen);
}

v1::ReadinessItem RateVersion(const ReadinessFacts& facts) {
  const std::string name = "version";
  const std::string own = absl::StrCat("release ", facts.version, ", record format ", facts.record_format,
                                       ", database layout ", facts.schema_version);
  std::vector<std::string> others;
  std::vector<std::string> newer;
  int reached = 0;
  for (const PeerSeen& peer : facts.peers) {
    if (!peer.reached) continue;
    ++reached;
    const std::string& id = peer.member.node_id();
    if (peer.said.version() != facts.version)
      others.push_back(absl::StrCat("'", id, "' ", peer.said.version()));
    if (peer.said.record_format() > facts.record_format || peer.said.schema_version() > facts.schema_version)
      newer.push_back(absl::StrCat("'", id, "'"));
  }
  if (!newer.empty()) {
    return NotFine(kFail, name,
                   absl::StrCat(own, "; ", absl::StrJoin(newer, ", "),
                                " may write what this node cannot read: it would stop and say \"upgrade\""),
                   "the newest release at every node", "holdfast status -o json");
  }
  if (reached == 0) {
    return NotFine(kUnknown, name, absl::StrCat(own, "; no other server can be asked"),
                   "one release everywhere", "holdfast status");
  }
  if (others.empty()) return Fine(name, own);
  return NotFine(kWarn, name, absl::StrCat(own, "; ", absl::StrJoin(others, ", ")), "one release everywhere",
                 "holdfast status -o json");
}

v1::ReadinessItem RateCertificates(const ReadinessFacts& facts) {
  const std::string name = "certificates";
  if (!facts.certificates) return Fine(name, "TLS is off: no certificate can expire");
  const CertificateFacts& tls = *facts.certificates;
  const absl::Duration left = std::min(tls.certificate_ends, tls.authority_ends) - facts.now;
  const bool is_own = tls.certificate_ends <= tls.authority_ends;
  std::string seen = absl::StrCat(is_own ? "the node's certificate" : "the authority's certificate",
                                  left <= absl::ZeroDuration() ? " has expired on " : " ends on ",
                                  ShowMoment(std::min(tls.certificate_ends, tls.authority_ends)));
  if (left > absl::ZeroDuration()) absl::StrAppend(&seen, ", in ", ShowAge(left));
  if (!tls.unreadable.ok()) {
    return NotFine(kFail, name, absl::StrCat("the next start would fail: ", tls.unreadable.message()),
                   "files that can be read", "");
  }
  if (left > kCertificateWarning) return Fine(name, seen);
  const bool is_renewed = is_own && tls.new_certificate_ends > tls.certificate_ends;
  if (is_renewed) absl::StrAppend(&seen, "; a new one lies in the file, and is read at the next start");
  return NotFine(left < kCertificateFailure ? kFail : kWarn, name, seen,
                 "certificates that are good for 30 days",
                 is_renewed ? absl::StrCat("holdfast drain ", facts.node_id) : "");
}

v1::ReadinessItem RateDisk(const ReadinessFacts& facts) {
  const std::string name = "disk";
  if (!facts.disk_free_bytes)
    return NotFine(kUnknown, name, "the free space cannot be read", "room for a copy of the data",
                   "holdfast status");
  const int64_t needed = BytesForACopy(facts.database_bytes, facts.wal_bytes);
  const std::string seen =
      absl::StrCat(ShowSize(*facts.disk_free_bytes), " free, the data has ", ShowSize(facts.database_bytes));
  if (*facts.disk_free_bytes < needed) {
    return NotFine(kFail, name, seen, absl::StrCat(ShowSize(needed), ": room for one copy of the data"),
                   "holdfast status -o json");
  }
  if (*facts.disk_free_bytes < 2 * needed) {
    return NotFine(kWarn, name, seen, absl::StrCat(ShowSize(2 * needed), ": room for two copies of the data"),
                   "holdfast status -o json");
  }
  return Fine(name, seen);
}

v1::ReadinessItem RateDrill(const ReadinessFacts& facts) {
  const std::string name = "drill";
  const std::string needed = "a rehearsal that passed in the last 30 days";
  const std::string next = absl::StrCat("holdfast drill ", facts.node_id);
  if (!facts.drill) return NotFine(kWarn, name, "a promotion was never rehearsed here", needed, next);
  const v1::Drill& drill = *facts.drill;
  const absl::Duration age = std::max(facts.now - TimeFrom(drill.last_passed()), absl::ZeroDuration());
  const std::string passed = drill.has_last_passed() ? absl::StrCat("passed ", ShowAge(age), " ago")
                                                     : std::string("none has passed yet");
  if (drill.state() == v1::DRILL_STATE_FAILED) {
    return NotFine(
        kFail, name,
        absl::StrCat("the last rehearsal failed at the step '", drill.failed_step(), "': ", drill.error()),
        needed, next);
  }
  if (!drill.has_last_passed() || age > kDrillWarning) {
    const bool is_running = drill.state() == v1::DRILL_STATE_RUNNING;
    const bool is_cut = drill.state() == v1::DRILL_STATE_INTERRUPTED;
    return NotFine(kWarn, name,
                   absl::StrCat(passed, is_running ? "; one runs now"
                                        : is_cut   ? "; the last one was interrupted"
                                                   : ""),
                   needed, next);
  }
  if (drill.state() == v1::DRILL_STATE_PASSED && drill.version() != facts.version) {
    return NotFine(kWarn, name, absl::StrCat(passed, ", with release ", drill.version()),
                   absl::StrCat("a rehearsal with release ", facts.version), next);
  }
  return Fine(name, passed);
}

}  // namespace holdfast::node
