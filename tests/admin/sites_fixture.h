#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/admin/fake_cluster.h"
#include "tests/admin/sim_sites.h"

namespace holdfast::admin {

// The command against the two sites on virtual time: each node has its ports, behind which the simulated one
// answers. What is typed and what is read is a transcript, as a runbook shows it.
class CliSitesTest : public FakeClusterTest {
 protected:
  CliSitesTest();

  FakeNode& At(const std::string& id) { return *nodes_.at(id); }

  // Its process has ended, and its ports are closed.
  void Lose(const std::string& id);
  void LoseSite(const std::string& site);

  // "$ holdfast promote dc2-a", what it said on both outputs, and its exit code.
  std::string Type(const std::string& command, const std::string& input = "");
  // The id of the plan that this command shows now.
  std::string PlanId(const std::string& command);
  // Looks at the plan, and carries it out; what is said below the plan.
  std::string CarryOut(const std::string& command);

  SimSites sites_;
  std::map<std::string, FakeNode*> nodes_;

 private:
  std::vector<std::unique_ptr<FakeNode>> more_;
};

}  // namespace holdfast::admin
