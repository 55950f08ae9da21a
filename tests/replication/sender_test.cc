#include "replication/sender.h"

#include <gtest/gtest.h>

#include <utility>

#include "base/error.h"
#include "base/limits.h"
#include "storage/record_codec.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/sim_executor.h"
#include "tests/support/sim_offload.h"

namespace holdfast::replication {
namespace {

// What the stream was told.
struct Wire {
  std::vector<v1::FollowResponse> sent;
  std::optional<absl::Status> closed;
};

class FakeStream : public StreamEnd<v1::FollowResponse> {
 public:
  explicit FakeStream(Wire* wire) : wire_(wire) {}
  void Send(v1::FollowResponse message) override { wire_->sent.push_back(std::move(message)); }
  void Close(const absl::Status& status) override { wire_->closed = status; }

 private:
  Wire* const wire_;
};

class SenderTest : public ::testing::Test, protected SenderHost {
 protected:
  SenderTest()
      : time_(1),
        clock_(&time_),
        random_(SeededRandom(1)),
        strand_(&time_, &clock_, random_.get()),
        worker_(&time_, &clock_, random_.get()),
        offload_(&worker_, &strand_, random_.get()) {
    EXPECT_TRUE(store_.Open().ok());
    Append(*store_.Append(storage::EpochDraft("p")));
    Sender::Options options;
    options.store = &store_.store();
    options.strand = &strand_;
    options.offload = &offload_;
    options.clock = &clock_;
    options.recent = &recent_;
    options.host = this;
    options.heartbeat_interval = absl::Seconds(1);
    sender_ = std::make_shared<Sender>(options, std::make_unique<FakeStream>(&wire_));
    events_ = sender_->MakeEvents();
  }
  ~SenderTest() override { sender_->End(absl::OkStatus()); }

  HandshakeVerdict OnHello(const v1::FollowHello&) override {
    HandshakeVerdict verdict;
    verdict.decision = decision_;
    return verdict;
  }
  void FillVerdict(v1::FollowVerdict* verdict) override { verdict->set_stream_epoch(0); }
  Position SendableEnd() override { return store_->appended(); }
  Position Committed() override { return store_->visible(); }
  std::optional<absl::Duration> OwnStaleness() override { return absl::ZeroDuration(); }
  void OnHolds(Sender*, uint64_t, const Position& held, Revision) override { held_.push_back(held); }
  void OnSenderClosed(Sender*) override { ++closed_; }

  void Append(const storage::LogRecordPtr& record) { recent_.Append({record}); }
  storage::LogRecordPtr Put(size_t bytes) {
    const auto record = *store_.Append(storage::CommitDraft({storage::Put("k", std::string(bytes, 'v'))}));
    Append(record);
    return record;
  }
  void Hello() {
    v1::FollowRequest request;
    request.mutable_hello()->set_node_id("f");
    request.mutable_hello()->set_incarnation("1");
    events_->OnMessage(request);
  }
  void Ack(const Position& held, const std::string& incarnation = "1", uint64_t epoch = 0,
           uint64_t probe = 0) {
    v1::FollowRequest request;
    v1::FollowAck& ack = *request.mutable_ack();
    ack.set_incarnation(incarnation);
    ack.set_stream_epoch(epoch);
    ack.set_probe(probe);
    *ack.mutable_appended() = storage::ToProto(held);
    events_->OnMessage(request);
  }
  size_t SentBytes() const {
    size_t bytes = 0;
    for (const auto& message : wire_.sent) {
      for (const std::string& record : message.records().records()) bytes += record.size();
    }
    return bytes;
  }

  v1::FollowDecision decision_ = v1::FOLLOW_DECISION_CONTINUE;
  testing::VirtualTime time_;
  testing::VirtualClock clock_;
  std::unique_ptr<Random> random_;
  testing::SimExecutor strand_;
  testing::SimExecutor worker_;
  testing::SimOffload offload_;
  storage::StoreUnderTest store_;
  RecentRecords recent_;
  Wire wire_;
  std::vector<Position> held_;
  int closed_ = 0;
  std::shared_ptr<Sender> sender_;
  std::unique_ptr<StreamEvents<v1::FollowRequest>> events_;
};

TEST_F(SenderTest, AnswersTheHelloThenSendsWhatThereIs) {
  Hello();
  ASSERT_EQ(wire_.sent.size(), 2u);
  EXPECT_TRUE(wire_.sent[0].has_verdict());
  EXPECT_EQ(wire_.sent[1].records().records_size(), 1);
}

TEST_F(SenderTest, SendsNoMoreThanMayBeUnacknowledged) {
  Hello();
  storage::LogRecordPtr last;
  for (int i = 0; i < 14; ++i) {
    last = Put(kMaxValueBytes);
    sender_->OnAppended();
  }
  EXPECT_LE(SentBytes(), kMaxUnackedBytesPerFollower + 2 * kMaxValueBytes);
  const size_t before = SentBytes();
  Ack(*store_->PositionAt(Revision(0, 8)).value());
  EXPECT_GT(SentBytes(), before);
  Ack(last->position);
  EXPECT_EQ(held_.size(), 2u);
}

TEST_F(SenderTest, ReadsWhatMemoryNoLongerHas) {
  recent_.Clear();
  Hello();
  EXPECT_EQ(SentBytes(), 0u);
  time_.RunFor(absl::Milliseconds(100));
  EXPECT_GT(SentBytes(), 0u);
}

// R12.
TEST_F(SenderTest, CountsNoAcknowledgementOfAnotherIncarnationOrStream) {
  Hello();
  Ack(store_->appended(), "2");
  Ack(store_->appended(), "1", 3);
  EXPECT_TRUE(held_.empty());
  EXPECT_EQ(wire_.closed, std::nullopt);
}

TEST_F(SenderTest, EndsAStreamThatAcknowledgesAnotherRecord) {
  Hello();
  Position other = store_->appended();
  other.chain_hash.bytes[0] ^= 1;
  Ack(other);
  ASSERT_TRUE(wire_.closed.has_value());
  EXPECT_EQ(ReasonOf(*wire_.closed), "DIVERGED");
  EXPECT_TRUE(held_.empty());
  EXPECT_EQ(closed_, 1);
}

TEST_F(SenderTest, EndsAStreamThatDoesNotBeginWithAHello) {
  Ack(store_->appended());
  ASSERT_TRUE(wire_.closed.has_value());
  EXPECT_EQ(ReasonOf(*wire_.closed), "INVALID_REQUEST");
}

TEST_F(SenderTest, AnswersAProbeAtOnceAndEchoesTheHighest) {
  Hello();
  time_.RunFor(absl::Milliseconds(200));
  const size_t before = wire_.sent.size();
  Ack(store_->appended(), "1", 0, 7);
  ASSERT_EQ(wire_.sent.size(), before + 1);
  EXPECT_EQ(wire_.sent.back().heartbeat().echo(), 7u);
  EXPECT_TRUE(wire_.sent.back().heartbeat().has_upstream_staleness());
}

TEST_F(SenderTest, AQuietStreamProvesNoFreshnessAndSendsNoRecords) {
  decision_ = v1::FOLLOW_DECISION_SUSPENDED;
  Hello();
  time_.RunFor(absl::Seconds(3));
  EXPECT_EQ(SentBytes(), 0u);
  ASSERT_TRUE(wire_.sent.back().has_heartbeat());
  EXPECT_FALSE(wire_.sent.back().heartbeat().has_upstream_staleness());
}

TEST_F(SenderTest, TellsTheCommitPositionAsSoonAsItMoves) {
  Hello();
  const size_t before = wire_.sent.size();
  ASSERT_TRUE(*store_->AdvanceVisible(store_->appended()));
  sender_->OnCommitMoved();
  ASSERT_EQ(wire_.sent.size(), before + 1);
  EXPECT_EQ(wire_.sent.back().heartbeat().committed().revision(), store_->appended().revision.number());
  sender_->OnCommitMoved();
  EXPECT_EQ(wire_.sent.size(), before + 1);
}

TEST_F(SenderTest, GivesUpAFollowerThatSaysNothing) {
  Hello();
  time_.RunFor(absl::Seconds(20));
  EXPECT_TRUE(wire_.closed.has_value());
  EXPECT_EQ(closed_, 1);
}

}  // namespace
}  // namespace holdfast::replication
