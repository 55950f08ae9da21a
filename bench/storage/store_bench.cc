// What does the store cost by itself, without gRPC? Commits one and 64 to a batch, point reads and scans
// under a held snapshot, historical reads, and opening a file of many keys. `store_bench [KEYS]
// [VALUE_BYTES]` writes below the current directory and cleans up.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "storage/store.h"

namespace holdfast::storage {
namespace {

template <typename T>
T Must(absl::StatusOr<T> value) {
  HF_CHECK(value.ok(), value.status().ToString());
  return *std::move(value);
}

class Stopwatch {
 public:
  // "12.3 us (CPU 4.5)" for each of `count`: on a machine that others keep busy, the second is the one to
  // compare.
  std::string Each(double count) const {
    const double wall = absl::ToDoubleMicroseconds(RealClock()->SinceBoot() - start_);
    const double cpu = 1e6 * static_cast<double>(std::clock() - cpu_start_) / CLOCKS_PER_SEC;
    return absl::StrFormat("%.2f us (CPU %.2f)", wall / count, cpu / count);
  }

 private:
  const absl::Duration start_ = RealClock()->SinceBoot();
  const std::clock_t cpu_start_ = std::clock();
};

std::string KeyOf(int64_t number) { return absl::StrFormat("tenant/%03d/agent/%09d", number % 1000, number); }

class Bench {
 public:
  Bench(int64_t keys, size_t value_bytes) : keys_(keys), value_(value_bytes, 'v') {
    std::filesystem::remove_all(kDirectory);
    std::filesystem::create_directory(kDirectory);
  }
  ~Bench() { std::filesystem::remove_all(kDirectory); }

  void Run() {
    Open();
    Fill();
    Commits(1, 2000);
    Commits(64, 200);
    PointReads(false);
    PointReads(true);
    Scans();
    RangePreconditions();
    store_.reset();
    const Stopwatch opening;
    Open();
    const std::string opened = opening.Each(1);
    absl::PrintF("open at %d keys, %.0f MiB: %s\n", keys_, store_->database_bytes() / 1048576.0, opened);
  }

 private:
  static constexpr char kDirectory[] = "store_bench_data";

  void Open() {
    Store::Options options;
    options.data_dir = kDirectory;
    options.files = PosixFileSystem();
    options.clock = RealClock();
    options.random = SystemRandom();
    store_ = Must(Store::Open(options));
  }

  RecordDraft Draft(int64_t first_key, int count) {
    RecordDraft draft;
    draft.commit.emplace();
    draft.commit->set_author("bench");
    draft.commit->set_request_id(absl::StrFormat("%016d", ++requests_));
    std::vector<std::string> keys;
    for (int i = 0; i < count; ++i) keys.push_back(KeyOf((first_key + i) % keys_));
    std::sort(keys.begin(), keys.end());
    for (const std::string& key : keys) {
      v1::Change& change = draft.changes.emplace_back();
      change.set_key(key);
      change.set_value(value_);
    }
    return draft;
  }

  void Commit(const std::vector<RecordDraft>& drafts) {
    std::unique_ptr<Store::Batch> batch = Must(store_->BeginBatch());
    Position last;
    for (const RecordDraft& draft : drafts) last = Must(batch->Append(0, "bench", draft))->position;
    const absl::Status committed = batch->Commit();
    HF_CHECK(committed.ok(), committed.ToString());
    Must(store_->AdvanceVisible(last));
    Must(store_->Maintain());
  }

  void Fill() {
    const Stopwatch watch;
    for (int64_t key = 0; key < keys_; key += 2000) {
      Commit({Draft(key, static_cast<int>(std::min<int64_t>(2000, keys_ - key)))});
    }
    absl::PrintF("fill: %d keys of %d bytes, %s a key\n", keys_, value_.size(), watch.Each(keys_));
  }

  void Commits(int per_batch, int batches) {
    const Stopwatch watch;
    for (int i = 0; i < batches; ++i) {
      std::vector<RecordDraft> drafts;
      for (int n = 0; n < per_batch; ++n) drafts.push_back(Draft((i * per_batch + n) * 7919, 1));
      Commit(drafts);
    }
    absl::PrintF("commit, %d per batch: %s each, visible position and checkpoints included\n", per_batch,
                 watch.Each(batches * per_batch));
  }

  void PointReads(bool historical) {
    constexpr int kReads = 200'000;
    const Revision newest = store_->visible().revision;
    const Revision at = historical ? Revision(newest.number() - 14'000) : newest;
    const Stopwatch watch;
    int64_t found = 0;
    for (int i = 0; i < kReads; ++i) {
      const auto lease = Must(store_->readers().TryAcquire());
      found += Must(lease->Get(KeyOf(int64_t{i} * 7919 % keys_), at)).has_value() ? 1 : 0;
    }
    absl::PrintF("point read%s, a lease each: %s (%d found)\n", historical ? ", historical" : "",
                 watch.Each(kReads), found);
  }

  void Scans() {
    const Revision at = store_->visible().revision;
    const Stopwatch watch;
    int64_t rows = 0;
    std::optional<std::string> next = std::string(1, '\0');
    while (next.has_value() && rows < 500'000) {
      const auto lease = Must(store_->readers().Acquire());
      next = Must(lease->Scan(*next, absl::string_view("\0", 1), at, kMaxRowsPerLease, false,
                              [&](const KeyVersion&) { return ++rows > 0; }));
    }
    absl::PrintF("scan, %d rows a lease: %s a row over %d rows\n", kMaxRowsPerLease, watch.Each(rows), rows);
  }

  // "Unchanged since": over all keys but one, which alone has changed, by how far the caller has fallen
  // behind. The last is farther than the log is walked: the whole range is read.
  void RangePreconditions() {
    RecordDraft other = Draft(0, 1);
    other.changes[0].set_key("zzz");
    for (int i = 0; i < 30'000; i += 100) Commit(std::vector<RecordDraft>(100, other));
    const int64_t end = store_->appended().revision.number();
    for (const int64_t behind : {0, 100, 10'000, 30'000}) {
      const int runs = behind > 20'000 ? 5 : 200;
      const auto batch = Must(store_->BeginBatch());
      const Stopwatch watch;
      for (int i = 0; i < runs; ++i) {
        HF_CHECK(Must(batch->RangeChangedAfter("tenant/", "tenant0", Revision(end - behind))).is_zero(),
                 "unchanged");
      }
      absl::PrintF("range unchanged since, %d keys, %d records behind: %s\n", keys_, behind,
                   watch.Each(runs));
    }
  }

  const int64_t keys_;
  const std::string value_;
  std::unique_ptr<Store> store_;
  int64_t requests_ = 0;
};

}  // namespace
}  // namespace holdfast::storage

int main(int argc, char** argv) {
  const int64_t keys = argc > 1 ? std::atoll(argv[1]) : 1'000'000;
  const size_t value_bytes = argc > 2 ? static_cast<size_t>(std::atoll(argv[2])) : 500;
  holdfast::storage::Bench(keys, value_bytes).Run();
  return 0;
}
