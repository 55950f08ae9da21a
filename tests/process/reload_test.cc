// A proxy that must take a snapshot goes on answering until it is in place (I12).
#include <grpcpp/grpcpp.h>
#include <signal.h>

#include "holdfast/v1/admin.grpc.pb.h"
#include "rpc/credentials.h"
#include "tests/process/million_keys_fixture.h"

namespace holdfast::testing {
namespace {

// A suite of its own, and so a cluster of its own: what it sets stays set.
class ReloadTest : public MillionKeysTest {
 protected:
  std::vector<std::string> Others(const std::string& node_id) const {
    std::vector<std::string> others;
    for (const char* const role : {"primary", "standby", "proxy"}) {
      for (const std::string& other : playground_.ids(role)) {
        if (other != node_id) others.push_back(other);
      }
    }
    return others;
  }
};

TEST_F(ReloadTest, AProxyThatMustTakeASnapshotAnswersAllReadsMeanwhile) {
  const std::string proxy = playground_.ids("proxy", "dc1").front();  // no voter
  const auto credentials = rpc::MakeChannelCredentials(playground_.operator_tls());
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  const auto admin_of = [&](const std::string& node_id) {
    return v1::AdminService::NewStub(
        grpc::CreateChannel(playground_.node(node_id).peer_address, *credentials));
  };
  const auto status_of = [&](const std::string& node_id) {
    grpc::ClientContext context;
    v1::StatusResponse status;
    admin_of(node_id)->Status(&context, v1::StatusRequest(), &status);
    return status;
  };
  ASSERT_TRUE(WaitForAllKeys(proxy)) << playground_.Logs();
  playground_.Terminate(proxy);
  const int64_t left_at = revision_;

  // The primary forgets the records that the proxy lacks.
  grpc::ClientContext context;
  v1::ChangeNodesRequest retention;
  retention.mutable_retention()->set_records(1);
  retention.mutable_retention()->set_age_seconds(1);
  v1::ChangeNodesResponse changed;
  const grpc::Status settings =
      admin_of(playground_.primary().node_id)->ChangeNodes(&context, retention, &changed);
  ASSERT_TRUE(settings.ok()) << settings.error_message();
  const auto writer = playground_.ClientOf({playground_.primary().node_id}, absl::Seconds(30));
  ASSERT_TRUE(Eventually(patience_, [&] {
    v1::CommitRequest request;
    v1::Mutation& mutation = *request.add_mutations();
    mutation.set_key("busy/snapshot");
    mutation.set_put(absl::StrCat(Millis(Elapsed())));
    const auto answer = writer->Commit(request);
    if (answer.ok()) revision_ = answer->revision();
    return status_of(playground_.primary().node_id).floor_revision() > left_at + 10;
  })) << playground_.Logs();

  // While nobody can give it a snapshot, it answers from what it has.
  const std::vector<std::string> others = Others(proxy);
  for (const std::string& node_id : others) playground_.Signal(node_id, SIGSTOP);
  playground_.Restart(proxy);
  const auto reader = playground_.ClientOf({proxy}, absl::Seconds(10));
  const auto old = Read(*reader, keys_ - 1);
  for (const std::string& node_id : others) playground_.Signal(node_id, SIGCONT);
  ASSERT_TRUE(old.ok()) << old.status() << playground_.Logs();
  EXPECT_LT(old->header().revision(), revision_);

  const absl::Duration begun = Elapsed();
  int answered = 0;
  Latencies latencies;
  // From the first answer on, every read is answered; until the proxy shows what was committed without it.
  EXPECT_TRUE(Eventually(patience_, [&] {
    const absl::Duration asked = Elapsed();
    const auto answer = Read(*reader, (answered * 7919) % keys_);
    EXPECT_TRUE(answer.ok()) << answer.status();
    if (!answer.ok()) return true;
    latencies.Add(Elapsed() - asked);
    ++answered;
    return answer->header().revision() >= revision_;
  })) << playground_.Logs();
  EXPECT_GT(status_of(proxy).floor_revision(), left_at);
  std::printf(
      "%d keys: %d reads answered, none refused, in the %.1f s until a snapshot was in place; slowest %.1f "
      "ms\n",
      keys_, answered, absl::ToDoubleSeconds(Elapsed() - begun), latencies.Quantile(1));
}

}  // namespace
}  // namespace holdfast::testing
