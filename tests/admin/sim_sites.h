#pragma once

#include <string>
#include <vector>

#include "base/mutex.h"
#include "tests/admin/fake_node.h"
#include "tests/failover/operations_fixture.h"

namespace holdfast::admin {

// Two sites on virtual time, as the programs are: dc1 with the primary dc1-a and the proxy dc1-p1; dc2 with
// the pair dc2-a and dc2-b and the proxies dc2-p1 and dc2-p2. Two of {dc2-a, dc2-b, dc2-p1} must hold a
// commit, and "k" is committed everywhere. What a node answers to the command is what production code makes
// of it, plans, refusals and reports above all; only how long things took is made the same in every run. A
// test moves the world between two commands; the answers come on gRPC's threads, one at a time.
class SimSites : public failover::OperationsTest {
 public:
  SimSites();
  void TestBody() override {}

  static const std::vector<std::string>& Ids();

  // What `id` says of itself, to operators and of its operations. Must not be asked once it is lost.
  FakeOperations AnswersOf(const std::string& id);

  // Its process has ended; its disk has all.
  void Lose(const std::string& id);
  // No word gets from one of these to one of those, or back; nodes notice.
  void CutOff(const std::vector<std::string>& these, const std::vector<std::string>& those);
  // Nothing gets from one to the other any more; nobody is told.
  void Mute(const std::string& from, const std::string& to) { network_.Cut(from, to); }
  void HealAll();
  // Each site goes on without the other one: dc1 by an override, dc2 proven; two and three commits. Still cut
  // off.
  void ForceBothSitesOn();

  // A commit of `author`, which these nodes then show.
  void CommitBy(const std::string& primary, const std::string& author, const std::vector<std::string>& shown);
  // A record that dc2-p1 alone has beside its primary, which is lost right behind it.
  void CommitOnlyAtProxy();
  // A planned spell of local begins, and everybody knows.
  void BeginSpell();
  // A server that was lost is started again.
  void Restart(const std::string& id);

  // Done by somebody else than the operator of the test: kim, at another machine.
  v1::Plan PlanBy(const std::string& id, v1::OperationKind kind, const v1::Overrides& overrides = {});
  absl::Status BeginBy(const v1::Plan& plan) { return Confirm(plan.candidate(), plan, "kim"); }
  v1::Operation EndOf(const std::string& id) { return End(id); }
  std::string NewestAt(const std::string& id) { return Newest(id).operation_id(); }

  // What the network does as a step of any operation begins.
  void AtStep(const std::string& step, std::function<void()> happens);
  void RunFor(absl::Duration span) { time_.RunFor(span); }
  // While the operation at `id` takes `last_step`, its process ends. Serves anew afterwards.
  void EndProcessAt(const std::string& id, const std::string& last_step);

 private:
  template <typename Response, typename Ask>
  absl::StatusOr<Response> AnswerOf(const std::string& id, Ask ask);
  v1::StatusResponse StatusOf(const std::string& id);
  std::string SiteOf(const std::string& id) const override { return id.substr(0, 3); }

  Mutex mu_;  // held while a node answers the command
};

}  // namespace holdfast::admin
