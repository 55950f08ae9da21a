// The old primary is only stopped, not dead: all of its site stands still through the promotion and goes on
// afterwards, with clients' calls open to it. It acknowledges nothing any more, fences itself as soon as it
// meets somebody, what it alone held is kept as salvage, and it comes back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/revision.h"
#include "tests/process/operation_fixture.h"

namespace holdfast::testing {
namespace {

constexpr int kCallsAcross = 8;

class PromoteStoppedTest : public OperationTest {
 protected:
  // Commits at the old primary whose calls stay open across the stop.
  void CallAcross() {
    for (int i = 0; i < kCallsAcross; ++i) {
      calls_.emplace_back([this, i] {
        v1::CommitRequest request;
        request.add_mutations()->set_key(absl::StrCat("across/", i));
        request.mutable_mutations(0)->set_put("x");
        answers_[i] = playground_.ClientOf({"dc1-a"}, absl::Seconds(12))->Commit(request);
      });
    }
  }
  void TearDown() override {
    for (std::thread& call : calls_) {
      if (call.joinable()) call.join();
    }
  }
  std::string Get(const std::string& node, const std::string& key) {
    v1::GetRequest request;
    request.set_key(key);
    const auto answer = playground_.ClientOf({node})->Get(request);
    return answer.ok() ? answer->kv().value() : "(" + ReasonOf(answer.status()) + ")";
  }

  std::array<absl::StatusOr<v1::CommitResponse>, kCallsAcross> answers_;
  std::vector<std::thread> calls_;
};

TEST_F(PromoteStoppedTest, TheOldPrimaryAcknowledgesNothingFencesItselfAndComesBackWithItsOrphansKept) {
  CommitAll(3);
  // An orphan: in the old primary's log, and in nobody's of the other site.
  for (const std::string& node : playground_.IdsOf("dc2")) HoldBack(node);
  v1::CommitRequest orphan;
  orphan.add_mutations()->set_key("orphan");
  orphan.mutable_mutations(0)->set_put("of dc1-a");
  const auto unknown = playground_.ClientOf({"dc1-a"}, absl::Seconds(1))->Commit(orphan);
  EXPECT_EQ(ReasonOf(unknown.status()), "COMMIT_UNKNOWN") << unknown.status();

  const std::vector<std::string> dc1 = playground_.IdsOf("dc1");
  for (const std::string& node : dc1) playground_.Signal(node, SIGSTOP);
  CallAcross();
  const std::string plan = PlanOf({"promote", "dc2-a"});
  // What was on its way has been thrown away by now; the new epoch's records are taken.
  for (const std::string& node : playground_.IdsOf("dc2")) Disarm(node);
  const CommandResult promoted =
      playground_.Holdfast({"promote", "dc2-a", "--yes", "--plan", plan, "-o", "json"});
  EXPECT_EQ(promoted.exit_status, 0) << promoted.out << promoted.err << playground_.Logs();
  const std::vector<v1::Operation> operations = OperationsOf("dc2-a");
  ASSERT_EQ(operations.size(), 1u);
  const uint64_t epoch = operations.front().plan().epoch();
  ASSERT_TRUE(Commit({"dc2-p1"}).ok());
  for (const std::string& node : dc1) playground_.Signal(node, SIGCONT);

  // Nobody has to tell it; it is met, or meets somebody.
  EXPECT_TRUE(Eventually(kPatience, [&] {
    const auto status = StatusOf("dc1-a");
    return status && (status->header().role() == v1::NODE_ROLE_FENCED ||
                      status->header().role() == v1::NODE_ROLE_SUSPENDED);
  })) << playground_.Logs();
  for (std::thread& call : calls_) call.join();
  for (int i = 0; i < kCallsAcross; ++i) {
    // What its client was told holds: done at the new primary, or not known; never done in the epoch that was
    // over.
    if (!answers_[i].ok()) continue;
    EXPECT_EQ(Revision(answers_[i]->revision()).epoch(), epoch) << i;
    EXPECT_EQ(Get("dc2-p1", absl::StrCat("across/", i)), "x");
  }
  ExpectOneHistory();  // it is brought back there
  EXPECT_EQ(WaitForPrimary(), "dc2-a");
  EXPECT_EQ(Get("dc2-p1", "orphan"), "(KEY_NOT_FOUND)");
  CommandResult kept;
  EXPECT_TRUE(Eventually(kPatience,
                         [&] {
                           kept = playground_.Holdfast({"salvage", "list", "-o", "json"});
                           return kept.exit_status == 0 &&
                                  kept.out.find("\"dc1-a/salvage-") != std::string::npos &&
                                  kept.out.find("\"registered\": true") != std::string::npos;
                         }))
      << kept.out << kept.err;
  const size_t name = kept.out.find("dc1-a/salvage-");
  ASSERT_NE(name, std::string::npos);
  const std::string file = kept.out.substr(name, kept.out.find('"', name) - name);
  const CommandResult show = playground_.Holdfast({"salvage", "show", file});
  EXPECT_THAT(show.out, ::testing::HasSubstr("orphan")) << show.err;
}

}  // namespace
}  // namespace holdfast::testing
