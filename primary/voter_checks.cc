#include "primary/voter_checks.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/status_macros.h"
#include "primary/errors.h"
#include "replication/inventory.h"

namespace holdfast::primary {

uint32_t VotersHeard(const replication::Replica& replica, const SurveyAnswers& answers,
                     const v1::DurabilityRule& rule, std::string* silent) {
  const std::vector<v1::FollowerStatus> followers = replica.followers();
  uint32_t heard = 0;
  for (const v1::Voter& voter : rule.voters()) {
    const auto answered = answers.incarnations.find(voter.node_id());
    const bool answers_as_named =
        answered != answers.incarnations.end() && answered->second == voter.incarnation();
    const bool follows =
        std::any_of(followers.begin(), followers.end(), [&](const v1::FollowerStatus& status) {
          return status.node_id() == voter.node_id() && status.incarnation() == voter.incarnation();
        });
    if (answers_as_named || follows) {
      ++heard;
    } else {
      *silent = voter.node_id();
    }
  }
  return heard;
}

absl::Status CheckEnoughAlive(const replication::Replica& replica, const SurveyAnswers& answers,
                              const v1::DurabilityRule& after) {
  std::string silent;
  const uint32_t heard = VotersHeard(replica, answers, after, &silent);
  return heard >= after.quorum() ? absl::OkStatus() : UnknownIncarnationError(silent);
}

absl::Status CheckCaughtUp(storage::Store& store, const replication::Replica& replica,
                           const SurveyAnswers& answers, const v1::DurabilityRule& before,
                           const v1::DurabilityRule& after) {
  const Revision committed = store.visible().revision;
  const std::vector<v1::FollowerStatus> followers = replica.followers();
  for (const v1::Voter& voter : after.voters()) {
    if (replication::IsVoter(before, voter.node_id(), voter.incarnation())) continue;
    Revision holds;
    for (const v1::FollowerStatus& follower : followers) {
      if (follower.node_id() != voter.node_id() || follower.incarnation() != voter.incarnation()) continue;
      holds = std::max(holds, Revision(follower.appended().revision()));
    }
    const auto answered = answers.held.find(voter.node_id());
    if (answered != answers.held.end() && answered->second.revision > holds) {
      HF_ASSIGN_OR_RETURN(const std::optional<Position> own, store.PositionAt(answered->second.revision));
      if (own == answered->second) holds = answered->second.revision;
    }
    if (holds < committed) return NotCaughtUpError(voter.node_id(), holds, committed);
  }
  return absl::OkStatus();
}

}  // namespace holdfast::primary
