#include "serving/read_gate.h"

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/mutants.h"
#include "base/status_macros.h"
#include "serving/errors.h"
#include "storage/errors.h"
#include "storage/proto_time.h"

namespace holdfast::serving {
namespace {

absl::Status CheckNotLost(Revision asked, Revision visible, const LostHistory& lost) {
  // Within the newest epoch nothing is lost: one primary wrote all of it (I2).
  if (asked.epoch() == visible.epoch()) return absl::OkStatus();
  const std::optional<Revision> common = lost.CommonBefore(asked);
  return common ? storage::LostRevisionError(asked, *common) : absl::OkStatus();
}

absl::StatusOr<absl::Duration> DurationFrom(const google::protobuf::Duration& duration) {
  if (duration.seconds() < 0 || duration.nanos() < 0 || duration.nanos() > 999'999'999)
    return InvalidRequestError("options.max_staleness", "must be a duration of at least 0");
  return storage::DurationOf(duration);
}

}  // namespace

absl::StatusOr<ReadDemands> ReadDemands::From(const v1::ReadOptions& options) {
  if (options.min_revision() < 0) return InvalidRequestError("options.min_revision", "must not be negative");
  if (options.at_revision() < 0) return InvalidRequestError("options.at_revision", "must not be negative");
  ReadDemands demands;
  demands.min_revision = Revision(options.min_revision());
  demands.at_revision = Revision(options.at_revision());
  if (options.has_max_staleness()) {
    HF_ASSIGN_OR_RETURN(demands.max_staleness, DurationFrom(options.max_staleness()));
  }
  return demands;
}

absl::Status ReadDecision::CheckFresh(absl::Duration now) const {
  if (!max_staleness || MutantActive(Mutant::kMaxStalenessIgnored)) return absl::OkStatus();
  const std::optional<absl::Duration> age = shown.Age(now);
  if (age && *age <= *max_staleness) return absl::OkStatus();
  return StaleError(shown.revision, age,
                    absl::StrCat("at most ", absl::FormatDuration(*max_staleness), " old"));
}

absl::StatusOr<ReadDecision> DecideRead(const ReadDemands& demands, const NodeFacts& facts,
                                        const LostHistory& lost) {
  const Revision visible = facts.shown.revision;
  ReadDecision decision{false, visible, facts.shown, demands.max_staleness};
  HF_RETURN_IF_ERROR(decision.CheckFresh(facts.now));
  HF_RETURN_IF_ERROR(CheckNotLost(demands.min_revision, visible, lost));
  if (demands.min_revision > visible && !MutantActive(Mutant::kMinRevisionIgnored)) {
    decision.wait = true;
    decision.revision = demands.min_revision;
    return decision;
  }
  if (demands.at_revision.is_zero()) return decision;
  HF_RETURN_IF_ERROR(CheckNotLost(demands.at_revision, visible, lost));
  decision.revision = demands.at_revision;
  decision.wait = demands.at_revision > visible;
  if (decision.wait && !demands.may_wait_for_at) return FutureRevisionError(demands.at_revision, visible);
  if (demands.at_revision < facts.floor) return CompactedError(facts.floor);
  return decision;
}

bool ShouldAskAgain(const absl::Status& status, const ReadDemands& demands) {
  if (status.ok() || !demands.at_revision.is_zero()) return false;
  const std::string reason = ReasonOf(status);
  return reason == "FUTURE_REVISION" || reason == "COMPACTED" || reason == "REWOUND";
}

}  // namespace holdfast::serving
