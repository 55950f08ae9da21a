#include "serving/read_gate.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "serving/errors.h"

namespace holdfast::serving {
namespace {

absl::Status CheckNotLost(Revision asked, Revision visible, const LostHistory& lost) {
  // Within the newest epoch nothing is lost: one primary wrote all of it (I2).
  if (asked.epoch() == visible.epoch()) return absl::OkStatus();
  const std::optional<Revision> common = lost.CommonBefore(asked);
  return common ? RewoundError(asked, *common) : absl::OkStatus();
}

absl::StatusOr<absl::Duration> DurationFrom(const google::protobuf::Duration& duration) {
  if (duration.seconds() < 0 || duration.nanos() < 0 || duration.nanos() > 999'999'999)
    return InvalidRequestError("options.max_staleness", "must be a duration of at least 0");
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
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

absl::StatusOr<ReadDecision> DecideRead(const ReadDemands& demands, const NodeFacts& facts,
                                        const LostHistory& lost) {
  if (demands.max_staleness && (!facts.staleness || *facts.staleness > *demands.max_staleness))
    return StaleError(facts.visible, facts.staleness,
                      absl::StrCat("at most ", absl::FormatDuration(*demands.max_staleness), " old"));
  HF_RETURN_IF_ERROR(CheckNotLost(demands.min_revision, facts.visible, lost));
  if (demands.min_revision > facts.visible) return ReadDecision{true, demands.min_revision};
  if (demands.at_revision.is_zero()) return ReadDecision{false, facts.visible};
  HF_RETURN_IF_ERROR(CheckNotLost(demands.at_revision, facts.visible, lost));
  if (demands.at_revision > facts.visible) {
    if (demands.may_wait_for_at) return ReadDecision{true, demands.at_revision};
    return FutureRevisionError(demands.at_revision, facts.visible);
  }
  if (demands.at_revision < facts.floor) return CompactedError(facts.floor);
  return ReadDecision{false, demands.at_revision};
}

}  // namespace holdfast::serving
