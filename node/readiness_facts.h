#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/position.h"
#include "holdfast/v1/admin.pb.h"
#include "holdfast/v1/readiness.pb.h"
#include "holdfast/v1/replication.pb.h"
#include "replication/replica.h"

namespace holdfast::node {

// Another member, and what it said when it was asked last.
struct PeerSeen {
  v1::NodeInfo member;
  bool reached = false;
  v1::PromiseResponse said;
};

// The records of this node and of another one at the same revision. A record carries the state digest after
// it, and a replica applies none whose digest it does not find itself, so equal chain hashes mean equal
// states (I4).
struct DigestComparison {
  std::string with;
  Revision at;
  bool agrees = false;
  absl::Duration age;
};

// How long the certificates are good: those that the process has read at its start, and those that lie in the
// files now.
struct CertificateFacts {
  absl::Time certificate_ends;
  absl::Time authority_ends;
  absl::Time new_certificate_ends;  // of the file now
  absl::Status unreadable;          // of the file now; what was read at the start counts
};

// All that the rating of a node is made of. A plain value.
struct ReadinessFacts {
  // Who it is.
  std::string node_id;
  std::string site;
  std::string incarnation;
  v1::NodeKind kind = v1::NODE_KIND_SERVER;
  std::optional<v1::NodeInfo> member;  // as the inventory has it
  std::string version;
  uint32_t record_format = 0;
  uint32_t schema_version = 0;
  // What it is now.
  replication::ReplicaView view;
  Position appended;
  std::optional<absl::Duration> staleness;
  v1::EpochPromise promise;
  v1::DurabilityRule rule;
  bool is_settled = true;                     // of a primary: R21
  std::vector<v1::FollowerStatus> followers;  // of a primary
  // What others said.
  std::vector<PeerSeen> peers;  // all other servers, and whoever feeds this node
  std::optional<DigestComparison> comparison;
  // What it has.
  int64_t database_bytes = 0;
  int64_t wal_bytes = 0;
  std::optional<int64_t> disk_free_bytes;
  std::optional<CertificateFacts> certificates;  // none: there is no TLS
  std::optional<v1::IntegrityRecord> integrity;
  std::optional<v1::Drill> drill;  // the last one
  absl::Time now;
};

}  // namespace holdfast::node
