#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/revision.h"
#include "holdfast/v1/record.pb.h"

namespace holdfast::replication {

// A member of V: a node with the incarnation that was admitted (R16). A plain value.
struct VoterId {
  std::string node_id;
  std::string incarnation;

  auto operator<=>(const VoterId&) const = default;
};

// A durability rule (V, q): a record is committed when q of V hold it (R10). A plain value.
struct Rule {
  std::vector<VoterId> voters;  // in node id order, each node once
  uint32_t quorum = 0;          // 0: local, nothing needs to be acknowledged

  // CONFLICTING_SETTINGS for what no log may carry: q above |V|, a node twice, a voter without an
  // incarnation, too many voters, or `writer` (the primary that writes the record; may be empty when only
  // reading) among the voters.
  static absl::StatusOr<Rule> FromProto(const v1::DurabilityRule& proto, absl::string_view writer);
  v1::DurabilityRule ToProto() const;

  bool HasVoter(const VoterId& voter) const;
  // max(q, |V|-q+1) (R4, F1); nullopt for q = 0, which no number of promises can meet.
  std::optional<uint32_t> PromisesNeeded() const;
  // |V| - max(q, |V|-q+1) + 1 (R18, F6): enough answers to meet every promise quorum; nullopt for q = 0.
  std::optional<uint32_t> ResumeAnswersNeeded() const;

  bool operator==(const Rule&) const = default;
};

// A record of the log that carries a rule, as the arithmetic of R5, R10 and R20 needs it. A plain value.
struct RuleRecord {
  Revision revision;
  Rule rule;
  std::vector<Rule> waived;  // of a break-glass EPOCH record (R20)

  bool breaks_glass() const { return !waived.empty(); }
  bool waives(const Rule& other) const {
    return std::find(waived.begin(), waived.end(), other) != waived.end();
  }
};

}  // namespace holdfast::replication
