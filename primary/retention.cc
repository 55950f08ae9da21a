#include "primary/retention.h"

#include <optional>

#include "base/limits.h"
#include "base/status_macros.h"

namespace holdfast::primary {

void Retention::Start() {
  timer_ = options_.strand->PostAfter(options_.interval, [this] {
    Look();
    Start();
  });
}

void Retention::Look() {
  if (!options_.replica->CanAdmit().ok()) return;
  const v1::RetentionPolicy policy = options_.replica->cluster().retention();
  const auto make = [this,
                     policy](storage::Store::Batch&) -> absl::StatusOr<std::optional<storage::RecordDraft>> {
    HF_ASSIGN_OR_RETURN(const Revision floor, options_.store->RetentionFloor(policy));
    const Revision present = options_.store->floor();
    // Each COMPACT is a record itself: worth it only for a good many others.
    if (floor <= present || floor.index() - present.index() < kMinRecordsPerCompact) return std::nullopt;
    storage::RecordDraft draft;
    draft.kind = v1::RECORD_KIND_COMPACT;
    draft.compact_floor = floor;
    return draft;
  };
  // A failure (a full disk, a lost role) is not worth a word: the next look comes soon.
  options_.commit_path->AppendControl(make, options_.clock->SinceBoot() + options_.interval,
                                      [](const absl::StatusOr<Revision>&) {});
}

}  // namespace holdfast::primary
