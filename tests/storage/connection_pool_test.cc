#include "storage/connection_pool.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/storage/store_fixture.h"

namespace holdfast::storage {
namespace {

// What the strand's work on the pool leaves to readers, looked at from the middle of it: the disk calls
// `look` at each of its operations of one kind. If the pool's lock were held there, `look` would never end.
class ConnectionPoolTest : public ::testing::Test {
 protected:
  static constexpr int kCount = 3;

  void SetUp() override {
    ASSERT_TRUE(store_.Open().ok());
    auto pool =
        ConnectionPool::Open({store_->options().data_dir + "/data.db", ReaderOptions(), kCount}, &state_);
    ASSERT_TRUE(pool.ok()) << pool.status();
    pool_ = *std::move(pool);
    ASSERT_TRUE(pool_->RenewAll(absl::ZeroDuration()));
    store_.Commit({Put("a", "1")});  // a renewal has to read now
  }
  void TearDown() override { store_.disk().SetHook(nullptr); }

  SqliteOptions ReaderOptions() {
    SqliteOptions options;
    options.vfs = store_.files().sqlite_vfs();
    return options;
  }

  void LookAtEach(DiskOperation operation, std::function<void()> look) {
    store_.disk().SetHook([this, operation, look](DiskOperation now, absl::string_view) {
      if (now != operation || std::exchange(is_looking_, true)) return;
      ++look_count_;
      look();
      is_looking_ = false;
    });
  }

  std::vector<std::unique_ptr<PooledConnection>> TakeAll() {
    std::vector<std::unique_ptr<PooledConnection>> taken;
    while (auto connection = pool_->Take(absl::ZeroDuration())) taken.push_back(std::move(connection));
    return taken;
  }
  void ReturnAll(std::vector<std::unique_ptr<PooledConnection>> taken) {
    for (auto& connection : taken) pool_->Return(std::move(connection));
  }

  StoreUnderTest store_;
  PublishedState state_;
  std::unique_ptr<ConnectionPool> pool_;
  bool is_looking_ = false;
  int look_count_ = 0;
};

TEST_F(ConnectionPoolTest, AllIdleConnectionsButOneStayFreeWhileTheStrandRenewsThem) {
  size_t fewest = kCount;
  LookAtEach(DiskOperation::kRead, [&] {
    auto taken = TakeAll();
    fewest = std::min(fewest, taken.size());
    ReturnAll(std::move(taken));
  });
  EXPECT_TRUE(pool_->RenewAll(absl::ZeroDuration()));
  EXPECT_GT(look_count_, 0);
  EXPECT_EQ(fewest, size_t{kCount - 1});
}

TEST_F(ConnectionPoolTest, AllRestingConnectionsButOneCanBeResumedWhileTheStrandRenewsThem) {
  auto taken = TakeAll();
  ASSERT_EQ(taken.size(), size_t{kCount});
  for (const auto& connection : taken) pool_->Rest(*connection);
  long most = 0;
  LookAtEach(DiskOperation::kRead, [&] {
    most = std::max<long>(most, std::count_if(taken.begin(), taken.end(), [](const auto& connection) {
                            return connection->use.load() == PooledConnection::Use::kRenewing;
                          }));
  });
  EXPECT_TRUE(pool_->RenewAll(absl::ZeroDuration()));
  EXPECT_GE(look_count_, kCount);
  EXPECT_EQ(most, 1);
  for (const auto& connection : taken) pool_->Resume(*connection);
  ReturnAll(std::move(taken));
}

TEST_F(ConnectionPoolTest, WhoIsTakenNextStaysTheSameAfterARenewal) {
  const auto order = [this] {
    std::vector<const PooledConnection*> order;
    auto taken = TakeAll();
    for (const auto& connection : taken) order.push_back(connection.get());
    std::reverse(taken.begin(), taken.end());
    ReturnAll(std::move(taken));
    return order;
  };
  const auto before = order();
  EXPECT_TRUE(pool_->RenewAll(absl::ZeroDuration()));
  EXPECT_EQ(order(), before);
}

TEST_F(ConnectionPoolTest, AConnectionToAReplacedFileIsClosedWhileOthersAreLent) {
  auto returned = pool_->Take(absl::ZeroDuration());
  auto refreshed = pool_->Take(absl::ZeroDuration());
  auto fresh = pool_->OpenAll();
  ASSERT_TRUE(fresh.ok()) << fresh.status();
  EXPECT_EQ(pool_->Switch(*std::move(fresh), [] {}).size(), size_t{kCount - 2});
  LookAtEach(DiskOperation::kClose, [&] {
    EXPECT_FALSE(pool_->has_moved()) << "before it is closed";
    auto other = pool_->Take(absl::ZeroDuration());
    ASSERT_NE(other, nullptr);
    pool_->Return(std::move(other));
  });
  pool_->Return(std::move(returned));
  const int after_return = look_count_;
  EXPECT_GT(after_return, 0);
  EXPECT_FALSE(pool_->has_moved());
  ASSERT_TRUE(pool_->Refresh(refreshed).ok());
  EXPECT_GT(look_count_, after_return);
  EXPECT_TRUE(pool_->has_moved());
  store_.disk().SetHook(nullptr);
  pool_->Return(std::move(refreshed));
}

}  // namespace
}  // namespace holdfast::storage
