#include "primary/node_survey.h"

#include <utility>

#include "storage/record_codec.h"

namespace holdfast::primary {
namespace {

constexpr absl::Duration kPollInterval = absl::Milliseconds(50);

}  // namespace

struct NodeSurvey::Round {
  v1::PromiseRequest question;
  absl::Duration until;  // SinceBoot
  SurveyAnswers answers;
  size_t waiting = 0;
  std::function<void(SurveyAnswers)> done;

  void OneLess() {
    if (--waiting == 0) done(std::move(answers));
  }
};

void NodeSurvey::Ask(const Addresses& peers, std::function<void(SurveyAnswers)> done) {
  auto round = std::make_shared<Round>();
  round->done = std::move(done);
  round->until = options_.clock->SinceBoot() + kTimeout;
  round->answers.incarnations[options_.node_id] = options_.store->node().identity().incarnation;
  round->question.set_cluster_id(options_.store->node().identity().cluster_id);
  round->question.set_inspect(true);
  round->waiting = peers.size() + 1;
  for (const auto& [node_id, address] : peers) {
    if (node_id == options_.node_id) {
      --round->waiting;
    } else {
      AskOne(round, node_id, address);
    }
  }
  options_.strand->Post(lifetime_.Wrap([round] { round->OneLess(); }));
}

// Again and again until the round's time is up: a channel that has just failed needs a moment.
void NodeSurvey::AskOne(const std::shared_ptr<Round>& round, const std::string& node_id,
                        const std::string& address) {
  const auto on_answer = [this, round, node_id, address](const absl::StatusOr<v1::PromiseResponse>& answer) {
    if (!answer.ok() && !stopping_ && options_.clock->SinceBoot() + kPollInterval < round->until) {
      options_.strand->PostAfter(kPollInterval, lifetime_.Wrap([this, round, node_id, address] {
        AskOne(round, node_id, address);
      }));
      return;
    }
    // Another node at this address speaks for itself only.
    if (answer.ok() && answer->node_id() == node_id) {
      round->answers.incarnations[node_id] = answer->incarnation();
      const auto held = storage::FromProto(answer->appended());
      if (held.ok()) round->answers.held[node_id] = *held;
    }
    round->OneLess();
  };
  options_.transport->Promise(address, round->question, round->until - options_.clock->SinceBoot(),
                              lifetime_.Wrap(on_answer));
}

}  // namespace holdfast::primary
