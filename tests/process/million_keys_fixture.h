#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/process/playground.h"
#include "tests/support/scale.h"

namespace holdfast::testing {

inline double Millis(absl::Duration duration) { return absl::ToDoubleMilliseconds(duration); }

// Latencies of one kind of call.
class Latencies {
 public:
  void Add(absl::Duration latency) { all_.push_back(Millis(latency)); }
  double Quantile(double q) {
    if (all_.empty()) return 0;
    std::sort(all_.begin(), all_.end());
    return all_[std::min(all_.size() - 1, static_cast<size_t>(q * static_cast<double>(all_.size())))];
  }
  size_t count() const { return all_.size(); }
  void Merge(const Latencies& other) { all_.insert(all_.end(), other.all_.begin(), other.all_.end()); }

 private:
  std::vector<double> all_;
};

// Many keys (HOLDFAST_KEYS) in a cluster that the cases of a suite share when they run in one process, for
// filling one takes minutes at full size; each leaves it as it found it, but for what it committed.
class MillionKeysTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { shared_ = new Playground(Playground::Options{.proxies = 1}); }
  static void TearDownTestSuite() {
    delete shared_;
    shared_ = nullptr;
    revision_ = 0;
  }

  void SetUp() override {
    ASSERT_TRUE(playground_.ok()) << playground_.error();
    if (revision_ != 0) return;
    const auto client = playground_.ClientOf({playground_.primary().node_id}, absl::Seconds(60));
    for (int key = 0; key < keys_;) {
      v1::CommitRequest request;
      for (int i = 0; i < 2000 && key < keys_; ++i, ++key) {
        v1::Mutation& mutation = *request.add_mutations();
        mutation.set_key(absl::StrFormat("m/%08d", key));
        mutation.set_put(absl::StrCat("value of key number ", key, ": ", std::string(80, 'x')));
      }
      const auto answer = client->Commit(request);
      ASSERT_TRUE(answer.ok()) << answer.status();
      revision_ = answer->revision();
    }
    std::printf("%d keys are in\n", keys_);
    std::fflush(stdout);
  }

  absl::StatusOr<v1::GetResponse> Read(client::Client& client, int key) {
    v1::GetRequest request;
    request.set_key(absl::StrFormat("m/%08d", key));
    return client.Get(request);
  }

  // Waits until the node shows the last key.
  bool WaitForAllKeys(const std::string& node_id) {
    const auto client = playground_.ClientOf({node_id});
    return Eventually(patience_, [&] { return Read(*client, keys_ - 1).ok(); });
  }

  const int keys_ = Scale("HOLDFAST_KEYS", 20'000);
  // Only then are times and ratios asserted: a small run stands beside other tests.
  const bool full_size_ = keys_ >= 1'000'000;
  const absl::Duration patience_ = kPatience * (full_size_ ? 10 : 1);
  static inline Playground* shared_ = nullptr;
  static inline int64_t revision_ = 0;  // of the last commit
  Playground& playground_ = *shared_;
};

}  // namespace holdfast::testing
