#include "admin/node_comparison.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "admin/cluster_view.h"
#include "base/error.h"

namespace holdfast::admin {

NodeComparison::NodeComparison(NodeAdmin* admin, absl::Duration deadline, std::vector<v1::NodeInfo> members)
    : admin_(admin), deadline_(deadline), members_(std::move(members)), nodes_(members_.size()) {}

bool NodeComparison::Round() {
  std::vector<std::string> reached = AskAllNodes();
  if (reached != reached_) {
    reached_ = std::move(reached);
    agreement_ = Agreement(reached_);
  }
  int64_t newest = 0;
  int64_t shared = std::numeric_limits<int64_t>::max();
  for (size_t i = 0; i < nodes_.size(); ++i) {
    const auto& status = nodes_[i].status;
    if (!status.ok()) continue;
    Observe(i, status->digest_position(), status->state_digest());
    newest = std::max(newest, status->visible().revision());
    shared = std::min(shared, status->visible().revision());
  }
  if (reached_.empty() || agreement_.verdict() == Agreement::Verdict::kDiffer) return true;
  // Who lags behind the beginning of the comparison is waited for: it is not compared at what it had long
  // ago, and who has all but does not show it yet would surprise the reader who comes next.
  if (begun_at_ == 0) begun_at_ = newest;
  if (shared < begun_at_) return false;
  if (!Decided()) CompareRecords(shared);
  return Decided();
}

std::vector<std::string> NodeComparison::AskAllNodes() {
  const auto answers = AskStatus(*admin_, members_, deadline_);
  std::vector<std::string> reached;
  for (size_t i = 0; i < answers.size(); ++i) {
    nodes_[i].status = answers[i];
    if (answers[i].ok()) reached.push_back(members_[i].node_id());
  }
  return reached;
}

void NodeComparison::Observe(size_t i, const v1::LogPosition& position, const std::string& state_digest) {
  nodes_[i].position = position;
  nodes_[i].state_digest = state_digest;
  agreement_.Observe(members_[i].node_id(), position, state_digest);
}

// Under unbroken commits nodes are rarely seen at one revision: so all are asked what their logs say of one
// that all show.
void NodeComparison::CompareRecords(int64_t revision) {
  v1::VerifyRequest request;
  request.set_at_revision(revision);
  std::vector<absl::StatusOr<v1::VerifyResult>> answers(nodes_.size(), absl::UnknownError("not asked"));
  AskAll(nodes_.size(), [&](size_t i) {
    if (!nodes_[i].status.ok()) return;
    answers[i] = admin_->Verify(members_[i].peer_address(), request, deadline_, [](int64_t, int64_t) {});
  });
  for (size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].ok()) {
      Observe(i, answers[i]->position(), answers[i]->state_digest());
    } else if (ReasonOf(answers[i].status()) == "FUTURE_REVISION") {
      // It shows as much, but has another record there: another history.
      v1::LogPosition position;
      position.set_revision(revision);
      Observe(i, position, "");
    }
  }
}

}  // namespace holdfast::admin
