#include "serving/config_service.h"

#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "rpc/server.h"
#include "rpc/status.h"
#include "tests/storage/store_fixture.h"

namespace holdfast::serving {
namespace {

using storage::Delete;
using storage::Put;
using ::testing::ElementsAre;

// A node that serves one store on loopback. The test's thread is the core strand.
class ConfigServiceTest : public ::testing::Test {
 protected:
  ConfigServiceTest() {
    EXPECT_TRUE(store_.Open().ok());
    store_.Show(store_.Append(storage::EpochDraft("node-1")));
    serving_ = std::make_unique<Serving>(Serving::Options{&store_.store(), RealClock(), "proxy-1", "dc2", [] {
                                                            return RealClock()->SinceBoot() - absl::Hours(5);
                                                          }});
    NodeView view;
    view.role = v1::NODE_ROLE_PROXY;
    view.cluster_id = "c0ffee";
    view.primary_node_id = "dc1-a";
    view.primary_client_address = "dc1-a:7000";
    serving_->node().Set(view);
    Start(nullptr);
  }
  ~ConfigServiceTest() override {
    stub_.reset();
    server_.reset();
    serving_.reset();
  }

  void Start(CommitHandler commit) {
    server_.reset();
    service_ = std::make_unique<ConfigServiceImpl>(
        ConfigServiceImpl::Options{serving_.get(), RealClock(), std::move(commit)});
    rpc::ServerOptions options;
    options.address = "127.0.0.1:0";
    auto server = rpc::Server::Start(options, {service_.get()});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    stub_ = v1::ConfigService::NewStub(
        grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials()));
  }

  absl::StatusOr<v1::GetResponse> Get(const std::string& key) {
    v1::GetRequest request;
    request.set_key(key);
    v1::GetResponse response;
    grpc::ClientContext context;
    const grpc::Status status = stub_->Get(&context, request, &response);
    if (!status.ok()) return rpc::FromGrpcStatus(status);
    return response;
  }

  absl::StatusOr<v1::CommitResponse> Commit(const v1::CommitRequest& request) {
    v1::CommitResponse response;
    grpc::ClientContext context;
    const grpc::Status status = stub_->Commit(&context, request, &response);
    if (!status.ok()) return rpc::FromGrpcStatus(status);
    return response;
  }

  static v1::CommitRequest PutRequest(const std::string& key) {
    v1::CommitRequest request;
    std::string id(16, '\x11');
    id[6] = '\x7a';
    id[8] = '\x9c';
    request.set_request_id(id);
    request.add_mutations()->set_key(key);
    request.mutable_mutations(0)->set_put("v");
    return request;
  }

  // A watch that the test reads from when it wants to.
  struct Watching {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<v1::WatchResponse>> reader;
    std::vector<v1::WatchResponse> messages;

    bool Read() {
      v1::WatchResponse message;
      if (!reader->Read(&message)) return false;
      messages.push_back(std::move(message));
      return true;
    }
    // Reads until that many events have come.
    std::vector<std::string> Events(size_t count) {
      for (;;) {
        std::vector<std::string> events;
        for (const v1::WatchResponse& message : messages) {
          for (const v1::WatchEvent& event : message.events())
            events.push_back(event.kv().key() + (event.deleted() ? "!" : "=" + event.kv().value()));
        }
        if (events.size() >= count || !Read()) return events;
      }
    }
  };
  std::unique_ptr<Watching> Watch(const std::string& key, int64_t start = 0) {
    auto watching = std::make_unique<Watching>();
    v1::WatchRequest request;
    request.set_key(key);
    request.set_range_end(PrefixEnd(key));
    request.set_start_revision(start);
    watching->reader = stub_->Watch(&watching->context, request);
    return watching;
  }

  storage::StoreUnderTest store_;
  std::unique_ptr<Serving> serving_;
  std::unique_ptr<ConfigServiceImpl> service_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<v1::ConfigService::Stub> stub_;
};

TEST_F(ConfigServiceTest, GetsWithAHeader) {
  store_.Commit({Put("a", "1")});
  const auto response = Get("a");
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->kv().value(), "1");
  EXPECT_EQ(response->header().site(), "dc2");
  EXPECT_EQ(response->header().revision(), 2);
  EXPECT_GE(response->header().staleness().seconds(), 5 * 3600);
}

TEST_F(ConfigServiceTest, FailuresCarryTheirReason) {
  const auto absent = Get("a");
  EXPECT_EQ(ReasonOf(absent.status()), "KEY_NOT_FOUND");
  EXPECT_EQ(absent.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ReasonOf(Get("a/../b").status()), "INVALID_KEY");
}

TEST_F(ConfigServiceTest, ListsAndTellsHistory) {
  store_.Commit({Put("a/1", "1"), Put("a/2", "2")});
  store_.Commit({Delete("a/1")});
  v1::ListRequest list;
  list.set_key("a/");
  list.set_range_end("a0");
  v1::ListResponse rows;
  grpc::ClientContext list_context;
  ASSERT_TRUE(stub_->List(&list_context, list, &rows).ok());
  ASSERT_EQ(rows.kvs_size(), 1);
  EXPECT_EQ(rows.kvs(0).key(), "a/2");
  v1::HistoryRequest past;
  past.set_key("a/1");
  v1::HistoryResponse entries;
  grpc::ClientContext past_context;
  ASSERT_TRUE(stub_->History(&past_context, past, &entries).ok());
  ASSERT_EQ(entries.entries_size(), 2);
  EXPECT_TRUE(entries.entries(0).events(0).deleted());
  EXPECT_EQ(entries.entries(1).author(), "tester");
}

TEST_F(ConfigServiceTest, AProxyRefusesCommitsAndSaysWhereToGo) {
  const auto refused = Commit(PutRequest("a"));
  EXPECT_EQ(ReasonOf(refused.status()), "NOT_PRIMARY");
  EXPECT_EQ(DetailOf(refused.status(), "primary_address"), "dc1-a:7000");
  NodeView alone = *serving_->node().view();
  alone.no_primary_since = absl::FromUnixSeconds(1'700'000'000);
  serving_->node().Set(alone);
  const auto nobody = Commit(PutRequest("a"));
  EXPECT_EQ(ReasonOf(nobody.status()), "NO_PRIMARY");
  EXPECT_EQ(DetailOf(nobody.status(), "since"), "2023-11-14T22:13:20+00:00");
}

TEST_F(ConfigServiceTest, HandsValidCommitsOver) {
  int called = 0;
  Start([&called](const v1::CommitRequest& request, const std::string& principal, absl::Duration deadline,
                  const auto& done) {
    ++called;
    EXPECT_EQ(principal, "");
    EXPECT_GT(deadline, RealClock()->SinceBoot());
    v1::CommitResponse response;
    response.set_revision(request.mutations_size());
    done(response);
  });
  const auto response = Commit(PutRequest("a"));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->revision(), 1);
  EXPECT_EQ(response->header().node_id(), "proxy-1");
  EXPECT_EQ(ReasonOf(Commit(PutRequest("_holdfast/x")).status()), "INVALID_KEY");
  EXPECT_EQ(called, 1);
}

TEST_F(ConfigServiceTest, StreamsChangesUntilTheClientLeaves) {
  const auto watch = Watch("a/");
  ASSERT_TRUE(watch->Read());
  EXPECT_EQ(watch->messages[0].header().node_id(), "proxy-1");
  store_.Commit({Put("a/1", "x"), Put("b", "no")});
  store_.Commit({Delete("a/1")});
  EXPECT_THAT(watch->Events(2), ElementsAre("a/1=x", "a/1!"));
  watch->context.TryCancel();
  EXPECT_EQ(watch->reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(ConfigServiceTest, WatchFailuresCarryTheirReason) {
  const auto watch = Watch("a/", -5);
  EXPECT_FALSE(watch->Read());
  EXPECT_EQ(ReasonOf(rpc::FromGrpcStatus(watch->reader->Finish())), "INVALID_REQUEST");
}

TEST_F(ConfigServiceTest, AWatchMayDemandAMinimum) {
  Watching watch;
  v1::WatchRequest request;
  request.set_key("a");
  request.set_min_revision(2);
  watch.reader = stub_->Watch(&watch.context, request);
  store_.Commit({Put("a", "1")});
  ASSERT_TRUE(watch.Read());
  EXPECT_EQ(watch.messages[0].revision(), 2);
}

TEST_F(ConfigServiceTest, AClientThatReadsNothingDelaysNobody) {
  const auto stalled = Watch("a/");
  const auto quick = Watch("a/");
  ASSERT_TRUE(quick->Read());
  constexpr size_t kCommits = 100;
  for (size_t i = 0; i < kCommits; ++i) store_.Commit({Put("a/1", std::string(100'000, 'v'))});
  EXPECT_EQ(quick->Events(kCommits).size(), kCommits);
  EXPECT_EQ(stalled->Events(kCommits).size(), kCommits) << "and gets all of it when it reads on";
}

TEST_F(ConfigServiceTest, DrainEndsWatchesWithAHint) {
  const auto watch = Watch("a/");
  ASSERT_TRUE(watch->Read());
  store_.Commit({Put("a/1", "x")});
  EXPECT_THAT(watch->Events(1), ElementsAre("a/1=x"));
  serving_->Drain("proxy-2:7000", [] {});
  while (watch->Read()) {
  }
  EXPECT_TRUE(watch->reader->Finish().ok());
  EXPECT_EQ(watch->messages.back().try_address(), "proxy-2:7000");
  EXPECT_EQ(watch->messages.back().revision(), 2);
  EXPECT_TRUE(Get("a/1").ok()) << "calls are answered until the listener is shut";
  const auto late = Watch("a/");
  EXPECT_FALSE(late->Read());
  EXPECT_EQ(ReasonOf(rpc::FromGrpcStatus(late->reader->Finish())), "DRAINING");
}

}  // namespace
}  // namespace holdfast::serving
