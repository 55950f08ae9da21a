#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/uuid.h"
#include "primary/commit_path.h"
#include "tests/primary/fake_replica.h"
#include "tests/storage/store_fixture.h"
#include "tests/support/sim_executor.h"
#include "tests/support/virtual_time.h"

namespace holdfast::primary {

using Answer = absl::StatusOr<v1::CommitResponse>;

// A commit path of node "a" over a store on a memory disk, in virtual time, with the EPOCH record 0.1 behind
// it.
class CommitPathTest : public ::testing::Test {
 protected:
  CommitPathTest()
      : clock_(&time_, WallClockOf(store_)),
        random_(SeededRandom(1)),
        strand_(&time_, &clock_, random_.get()) {
    EXPECT_TRUE(store_.Open().ok());
    replica_.store = &store_.store();
    auto batch = store_->BeginBatch();
    EXPECT_TRUE((*batch)->Append(0, "a", storage::EpochDraft("a")).ok());
    EXPECT_TRUE((*batch)->Commit().ok());
    batch->reset();
    replica_.CommitAll();
    CommitPath::Options options;
    options.store = &store_.store();
    options.replica = &replica_;
    options.strand = &strand_;
    options.clock = &clock_;
    options.node_id = "a";
    path_ = CommitPath::Create(options);
  }

  static testing::VirtualClock::Options WallClockOf(storage::StoreUnderTest& store) {
    testing::VirtualClock::Options options;
    options.wall_origin = store.clock().Now();
    return options;
  }

  v1::CommitRequest Put(const std::string& key, const std::string& value) {
    v1::CommitRequest request;
    request.set_request_id(NewUuid7(clock_, *random_));
    v1::Mutation& mutation = *request.add_mutations();
    mutation.set_key(key);
    mutation.set_put(value);
    return request;
  }

  v1::CommitRequest PutIfAbsent(const std::string& key, const std::string& value) {
    v1::CommitRequest request = Put(key, value);
    v1::Precondition& absent = *request.add_preconditions();
    absent.set_key(key);
    absent.set_absent(true);
    return request;
  }

  // The answer arrives in the returned place.
  std::shared_ptr<std::optional<Answer>> Send(const v1::CommitRequest& request,
                                              absl::Duration patience = absl::Seconds(10)) {
    auto place = std::make_shared<std::optional<Answer>>();
    path_->Commit(request, "", clock_.SinceBoot() + patience, [place](Answer answer) {
      ASSERT_FALSE(place->has_value()) << "answered twice";
      *place = std::move(answer);
    });
    return place;
  }

  Answer Commit(const v1::CommitRequest& request) {
    const auto place = Send(request);
    time_.RunFor(absl::Seconds(1));
    return place->has_value() ? **place : absl::UnknownError("no answer yet");
  }

  storage::StoreUnderTest store_;
  testing::VirtualTime time_{1};
  testing::VirtualClock clock_;
  std::unique_ptr<Random> random_;
  testing::SimExecutor strand_;
  FakeReplica replica_;
  std::unique_ptr<CommitPath> path_;
};

}  // namespace holdfast::primary
