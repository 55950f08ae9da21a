#include "tests/support/sim_network.h"

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "gtest/gtest.h"
#include "tests/support/refusing_peer_service.h"

namespace holdfast::testing {
namespace {

using replication::StreamEnd;
using replication::StreamEvents;

// Writes down what it hears.
template <typename Message>
struct Ear : StreamEvents<Message> {
  std::vector<Message> messages;
  std::vector<absl::Status> closed;
  void OnMessage(Message message) override { messages.push_back(std::move(message)); }
  void OnClosed(const absl::Status& status) override { closed.push_back(status); }
};

struct EchoService : RefusingPeerService {
  struct Listener : StreamEvents<v1::FollowRequest> {
    EchoService* service;
    std::unique_ptr<StreamEnd<v1::FollowResponse>> end;
    void OnMessage(v1::FollowRequest message) override {
      ++service->requests;
      v1::FollowResponse response;
      response.mutable_heartbeat()->set_echo(message.ack().probe());
      end->Send(response);
    }
    void OnClosed(const absl::Status& status) override { service->closed.push_back(status); }
  };
  struct Source : SnapshotSource {
    uint32_t next = 0;
    void Next(std::function<void(absl::StatusOr<std::optional<v1::FetchSnapshotResponse>>)> done) override {
      if (next == 3) return done(std::nullopt);
      v1::FetchSnapshotResponse response;
      response.mutable_chunk()->set_number(next++);
      done(response);
    }
  };

  int requests = 0;
  std::vector<absl::Status> closed;

  std::unique_ptr<StreamEvents<v1::FollowRequest>> AcceptFollow(
      std::unique_ptr<StreamEnd<v1::FollowResponse>> stream) override {
    auto listener = std::make_unique<Listener>();
    listener->service = this;
    listener->end = std::move(stream);
    return listener;
  }
  absl::StatusOr<std::unique_ptr<SnapshotSource>> AcceptFetchSnapshot(
      const v1::FetchSnapshotRequest&) override {
    return std::make_unique<Source>();
  }
  absl::StatusOr<v1::PromiseResponse> AcceptPromise(const v1::PromiseRequest& request) override {
    ++requests;
    v1::PromiseResponse response;
    *response.mutable_promise() = request.promise();
    return response;
  }
};

v1::FollowRequest Probe(uint64_t number) {
  v1::FollowRequest request;
  request.mutable_ack()->set_probe(number);
  return request;
}

class SimNetworkTest : public ::testing::Test {
 protected:
  SimNetworkTest() : time_(1), clock_(&time_), random_(SeededRandom(1)), network_(&time_, 1) {
    network_.Listen("b", &b_, &service_);
    transport_ = network_.Transport("a", &a_);
  }
  ~SimNetworkTest() override {
    network_.Crash("a", true);
    network_.Crash("b", true);
  }

  VirtualTime time_;
  VirtualClock clock_;
  std::unique_ptr<Random> random_;
  SimExecutor a_{&time_, &clock_, random_.get()};
  SimExecutor b_{&time_, &clock_, random_.get()};
  EchoService service_;
  SimNetwork network_;
  std::unique_ptr<replication::PeerTransport> transport_;
  Ear<v1::FollowResponse> ear_;
};

TEST_F(SimNetworkTest, AStreamCarriesMessagesBothWaysInOrder) {
  auto end = transport_->Follow("b", &ear_);
  for (uint64_t i = 1; i <= 50; ++i) end->Send(Probe(i));
  EXPECT_TRUE(ear_.messages.empty()) << "nothing calls back from within a call";
  time_.RunFor(absl::Seconds(2));
  ASSERT_EQ(ear_.messages.size(), 50u);
  for (uint64_t i = 1; i <= 50; ++i) EXPECT_EQ(ear_.messages[i - 1].heartbeat().echo(), i);
}

TEST_F(SimNetworkTest, DroppingTheClientEndIsHeardAsCancelled) {
  auto end = transport_->Follow("b", &ear_);
  end->Send(Probe(1));
  end.reset();
  time_.RunFor(absl::Seconds(2));
  EXPECT_TRUE(ear_.messages.empty());
  ASSERT_EQ(service_.closed.size(), 1u);
  EXPECT_EQ(service_.closed[0].code(), absl::StatusCode::kCancelled);
}

TEST_F(SimNetworkTest, AHostWithoutAServiceRefuses) {
  auto end = transport_->Follow("nobody", &ear_);
  time_.RunFor(absl::Seconds(1));
  ASSERT_EQ(ear_.closed.size(), 1u);
  EXPECT_EQ(ReasonOf(ear_.closed[0]), "UNREACHABLE");
}

TEST_F(SimNetworkTest, ACutOneWayStallsSilentlyAndDeliversLateOrBreaks) {
  auto end = transport_->Follow("b", &ear_);
  time_.RunFor(absl::Seconds(1));
  network_.Cut("b", "a");
  end->Send(Probe(1));
  time_.RunFor(absl::Seconds(2));
  EXPECT_EQ(service_.requests, 1);
  EXPECT_TRUE(ear_.messages.empty());
  EXPECT_TRUE(ear_.closed.empty());
  network_.Heal("b", "a");
  time_.RunFor(absl::Seconds(30));
  EXPECT_EQ(ear_.messages.size() + ear_.closed.size(), 1u);
}

TEST_F(SimNetworkTest, ALongCutBreaksTheStreamAtBothEnds) {
  auto end = transport_->Follow("b", &ear_);
  time_.RunFor(absl::Seconds(1));
  network_.Cut("a", "b");
  time_.RunFor(absl::Minutes(1));
  EXPECT_EQ(ear_.closed.size(), 1u);
  EXPECT_EQ(service_.closed.size(), 1u);
}

TEST_F(SimNetworkTest, ALostMessageBreaksItsStream) {
  SimNetwork::LinkOptions lossy;
  lossy.loss = 1.0;
  auto end = transport_->Follow("b", &ear_);
  time_.RunFor(absl::Seconds(1));
  network_.SetLink("a", "b", lossy);
  end->Send(Probe(1));
  time_.RunFor(absl::Minutes(1));
  EXPECT_EQ(service_.requests, 0);
  EXPECT_EQ(ear_.closed.size(), 1u);
}

TEST_F(SimNetworkTest, ACrashedServerIsHeardAndARestartedOneAnswers) {
  auto end = transport_->Follow("b", &ear_);
  time_.RunFor(absl::Seconds(1));
  network_.Crash("b", /*reset=*/true);
  time_.RunFor(absl::Seconds(1));
  EXPECT_EQ(ear_.closed.size(), 1u);
  network_.Listen("b", &b_, &service_);
  Ear<v1::FollowResponse> second;
  end = transport_->Follow("b", &second);
  end->Send(Probe(7));
  time_.RunFor(absl::Seconds(1));
  EXPECT_EQ(second.messages.size(), 1u);
}

TEST_F(SimNetworkTest, NothingLeavesASilencedHost) {
  auto end = transport_->Follow("b", &ear_);
  time_.RunFor(absl::Seconds(1));
  network_.Silence("a");
  end->Send(Probe(1));
  time_.RunFor(absl::Seconds(1));
  EXPECT_EQ(service_.requests, 0);
}

TEST_F(SimNetworkTest, PromiseAnswersOnceOrTimesOut) {
  std::vector<absl::StatusOr<v1::PromiseResponse>> answers;
  v1::PromiseRequest request;
  request.mutable_promise()->set_epoch(3);
  const auto note = [&](absl::StatusOr<v1::PromiseResponse> answer) { answers.push_back(std::move(answer)); };
  transport_->Promise("b", request, absl::Seconds(1), note);
  time_.RunFor(absl::Seconds(2));
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0]->promise().epoch(), 3u);
  network_.Cut("b", "a");
  transport_->Promise("b", request, absl::Seconds(1), note);
  time_.RunFor(absl::Seconds(2));
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(ReasonOf(answers[1].status()), "DEADLINE");
  EXPECT_EQ(service_.requests, 2) << "a lost answer does not undo the call";
}

TEST_F(SimNetworkTest, ASnapshotGivesOneMessageForEachNext) {
  Ear<v1::FetchSnapshotResponse> ear;
  auto stream = transport_->FetchSnapshot("b", v1::FetchSnapshotRequest(), &ear);
  time_.RunFor(absl::Seconds(1));
  EXPECT_EQ(ear.messages.size(), 0u);
  stream->Next();
  time_.RunFor(absl::Seconds(1));
  EXPECT_EQ(ear.messages.size(), 1u);
  for (int i = 0; i < 3; ++i) stream->Next();
  time_.RunFor(absl::Seconds(1));
  EXPECT_EQ(ear.messages.size(), 3u);
  ASSERT_EQ(ear.closed.size(), 1u);
  EXPECT_TRUE(ear.closed[0].ok());
}

}  // namespace
}  // namespace holdfast::testing
