#include <gtest/gtest.h>

#include <map>

#include "base/error.h"
#include "tests/serving/serving_fixture.h"

namespace holdfast::serving {
namespace {

// What a client makes of its watch: the state of its range, and every event it was given.
struct Client {
  KeyRange range{"", std::string(1, '\0')};
  v1::WatchRequest request;
  std::shared_ptr<ListSink> sink;
  WatchId id = 0;
  size_t seen_messages = 0;
  bool in_fragments = false;
  std::vector<v1::WatchEvent> part;
  std::map<std::string, std::string> state;
  std::vector<std::string> events;
  Revision told;
  Revision last_event;
  int rewound = 0;
};

class WatchRandomTest : public ServingFixture, public ::testing::WithParamInterface<int> {
 protected:
  void Run(bool with_rewinds);
  void Step(bool with_rewinds);
  std::vector<v1::Change> RandomChanges();
  void Reopen(Client& client);
  void ReadAgain(Client& client);
  void Digest(Client& client);
  void Apply(Client& client, const v1::WatchEvent& event);
  std::vector<std::string> LogEvents(const KeyRange& range);

  std::unique_ptr<Random> dice_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<Position> positions_;
  uint64_t epoch_ = 0;
  std::vector<storage::LogRecordPtr> hidden_;  // appended, not shown yet
};

std::vector<v1::Change> WatchRandomTest::RandomChanges() {
  std::map<std::string, v1::Change> changes;
  const uint64_t count = dice_->Below(20) == 0 ? 200 : 1 + dice_->Below(4);
  for (uint64_t i = 0; i < count; ++i) {
    const std::string key = absl::StrCat("k/", dice_->Below(5), "/", dice_->Below(8));
    const size_t size = dice_->Below(30) == 0 ? 300'000 : dice_->Below(400);
    changes[key] = dice_->Below(4) == 0 ? Delete(key) : Put(key, std::string(size, 'a' + dice_->Below(26)));
  }
  std::vector<v1::Change> ordered;
  for (auto& [key, change] : changes) ordered.push_back(std::move(change));
  return ordered;
}

void WatchRandomTest::Apply(Client& client, const v1::WatchEvent& event) {
  EXPECT_TRUE(client.range.Contains(event.kv().key()));
  EXPECT_GE(Revision(event.kv().mod_revision()), client.last_event);
  EXPECT_GT(Revision(event.kv().mod_revision()), client.told);
  client.last_event = Revision(event.kv().mod_revision());
  if (client.request.include_previous()) {
    const auto before = client.state.find(event.kv().key());
    EXPECT_EQ(event.has_previous(), before != client.state.end());
    if (before != client.state.end()) {
      EXPECT_EQ(event.previous().value(), before->second);
    }
  }
  if (event.deleted()) {
    client.state.erase(event.kv().key());
  } else {
    client.state[event.kv().key()] = event.kv().value();
  }
  client.events.push_back(ListSink::Text(event));
}

// Takes in the messages that have come.
void WatchRandomTest::Digest(Client& client) {
  if (client.sink == nullptr) return;
  for (; client.seen_messages < client.sink->messages.size(); ++client.seen_messages) {
    const v1::WatchResponse& message = client.sink->messages[client.seen_messages];
    if (message.has_rewound()) {
      client.part.clear();
      ++client.rewound;
      client.told = client.last_event = Revision(message.rewound().common_revision());
      for (const v1::KeyValue& kv : message.rewound().restored()) {
        if (kv.mod_revision() == 0) {
          client.state.erase(kv.key());
        } else {
          client.state[kv.key()] = kv.value();
        }
      }
      continue;
    }
    for (const v1::WatchEvent& event : message.events()) client.part.push_back(event);
    if (message.fragment()) continue;
    for (const v1::WatchEvent& event : client.part) Apply(client, event);
    client.part.clear();
    EXPECT_GE(Revision(message.revision()), client.told);
    client.told = Revision(message.revision());
  }
}

// The cursor was lost: as the error says, the client reads again and goes on from there.
void WatchRandomTest::ReadAgain(Client& client) {
  EXPECT_EQ(ReasonOf(client.sink->status), "REWOUND") << client.sink->status;
  client.told = client.last_event = store_->visible().revision;
  client.state.clear();
  for (const auto& [key, value] : store_.ReadAll(client.told)) {
    if (client.range.Contains(key)) client.state.emplace(key, value);
  }
}

// The client goes away and comes back with what it has.
void WatchRandomTest::Reopen(Client& client) {
  Digest(client);
  if (client.sink != nullptr && client.sink->finished) ReadAgain(client);
  if (client.sink != nullptr && !client.sink->finished) hub_->Close(client.id);
  client.part.clear();
  client.seen_messages = 0;
  client.sink = std::make_shared<ListSink>();
  client.sink->one_at_a_time = dice_->Below(2) == 0;
  client.request.set_start_revision(client.told.number() + 1);
  client.id = hub_->NewId();
  hub_->Open(client.id, client.request, client.sink);
}

void WatchRandomTest::Step(bool with_rewinds) {
  Client& client = *clients_[dice_->Below(clients_.size())];
  switch (dice_->Below(with_rewinds ? 11 : 10)) {
    case 0:
    case 1:
    case 2:
    case 3: {
      auto record = store_.Append(storage::CommitDraft(RandomChanges()), epoch_);
      ASSERT_TRUE(record.ok()) << record.status();
      hidden_.push_back(*record);
      break;
    }
    case 4:
    case 5:
      if (hidden_.empty()) break;
      store_.Show(hidden_.back());
      positions_.push_back(hidden_.back()->position);
      hidden_.clear();
      break;
    case 6:
      client.sink->open = !client.sink->open;
      if (client.sink->open && std::exchange(client.sink->asked_while_shut, false))
        hub_->OnWritable(client.id);
      break;
    case 7:
      workers_.RunOne();
      break;
    case 8:
      if (dice_->Below(4) == 0) Reopen(client);
      break;
    case 9:
      time_.RunFor(absl::Milliseconds(static_cast<int64_t>(dice_->Below(30))));
      break;
    default: {
      if (dice_->Below(3) != 0 || positions_.size() < 3) break;
      positions_.resize(positions_.size() - 1 - dice_->Below(2));
      ASSERT_TRUE(store_->RewindTo(positions_.back(), "for the test").ok());
      hidden_.clear();
      store_.Show(store_.Append(storage::EpochDraft("node-2"), ++epoch_));
      positions_.push_back(store_->appended());
    }
  }
  for (const auto& each : clients_) Digest(*each);
}

std::vector<std::string> WatchRandomTest::LogEvents(const KeyRange& range) {
  std::vector<std::string> events;
  const auto records = store_->log().ReadAfter(Revision(), store_->visible().revision, 1'000'000, 1 << 30);
  EXPECT_TRUE(records.ok()) << records.status();
  for (const storage::LogRecordPtr& record : *records) {
    const EncodedCommitPtr commit = EncodedCommit::Of(*record, range);
    v1::WatchResponse response;
    EXPECT_TRUE(
        response.ParseFromString(std::string(commit->bytes(commit->begin_index(), commit->end_index()))));
    for (const v1::WatchEvent& event : response.events()) events.push_back(ListSink::Text(event));
  }
  return events;
}

void WatchRandomTest::Run(bool with_rewinds) {
  dice_ = SeededRandom(static_cast<uint64_t>(GetParam()));
  MakeHub(/*ring_bytes=*/20'000 + dice_->Below(400'000));
  positions_.push_back(store_->appended());
  for (int i = 0; i < 6; ++i) {
    auto client = std::make_unique<Client>();
    const std::string prefix = i == 0 ? "" : i == 1 ? "k/" : absl::StrCat("k/", dice_->Below(5));
    client->request = Prefix(prefix);
    client->range = KeyRange(prefix, PrefixEnd(prefix));
    client->request.set_include_previous(i == 2);
    clients_.push_back(std::move(client));
    Reopen(*clients_.back());
  }
  for (int step = 0; step < 400 && !HasFailure(); ++step) Step(with_rewinds);
  if (!hidden_.empty()) store_.Show(hidden_.back());
  for (int i = 0; i < 200; ++i) {  // let everybody catch up
    for (const auto& client : clients_) {
      if (client->sink->finished) Reopen(*client);
      client->sink->open = true;
      if (std::exchange(client->sink->asked_while_shut, false)) hub_->OnWritable(client->id);
    }
    Settle();
  }
  for (const auto& client : clients_) {
    Digest(*client);
    EXPECT_FALSE(client->sink->finished) << client->sink->status;
    if (!with_rewinds) {
      EXPECT_EQ(client->events, LogEvents(client->range));
    }
    std::map<std::string, std::string> expected;
    for (const auto& [key, value] : store_.ReadAll(store_->visible().revision)) {
      if (client->range.Contains(key)) expected.emplace(key, value);
    }
    EXPECT_EQ(client->state, expected) << "seed " << GetParam();
    EXPECT_LE(client->rewound, static_cast<int>(epoch_) * 3);
  }
}

// Whatever happens to streams, ring and readers, a client gets the log's matching changes, each once and in
// order (I11).
TEST_P(WatchRandomTest, EveryClientGetsWhatTheLogHas) { Run(/*with_rewinds=*/false); }

// With rewinds in between, what a client made of its messages is the state of its range in the end.
TEST_P(WatchRandomTest, EveryClientEndsWithTheStateOfItsRangeThroughRewinds) { Run(/*with_rewinds=*/true); }

INSTANTIATE_TEST_SUITE_P(Seeds, WatchRandomTest, ::testing::Range(1, 11));

}  // namespace
}  // namespace holdfast::serving
