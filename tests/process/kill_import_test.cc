// kill -9 of the primary at random points of a running `holdfast import`: what the import called done is
// there, the same command goes on with what is left, and no proxy ever shows half of a commit.
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/executor.h"
#include "base/random.h"
#include "tests/process/client_calls.h"
#include "tests/process/playground.h"
#include "tests/support/scale.h"

namespace holdfast::testing {
namespace {

constexpr int kDocuments = 240;
constexpr int kKeysPerCommit = 8;

std::string NameOf(int document) { return absl::StrFormat("%04d", document); }

std::string ContentOf(int document, int round) {
  return absl::StrCat(round, ": document ", document, std::string(200, '.'));
}

// What `holdfast import -o json` printed.
class ImportReport {
 public:
  explicit ImportReport(const CommandResult& run) {
    google::protobuf::Struct json;
    if (google::protobuf::util::JsonStringToMessage(run.out, &json).ok()) fields_ = json.fields();
  }
  // False if nothing is known to be imported.
  bool counts() const { return fields_.count("documents_left") > 0; }
  int left() const { return static_cast<int>(fields_.at("documents_left").number_value()); }
  int64_t revision() const { return static_cast<int64_t>(fields_.at("revision").number_value()); }

 private:
  google::protobuf::Map<std::string, google::protobuf::Value> fields_;
};

class KillImportTest : public ::testing::Test {
 protected:
  KillImportTest() : folder_(playground_.directory() + "/documents") {}

  absl::StatusOr<Listing> Imported(client::Client& client) {
    absl::StatusOr<Listing> found = ListBelow(client, "import");
    if (found.ok()) shown_ = std::max(shown_.load(), found->revision);
    return found;
  }

  // Imports one generation of the documents after the other until told to stop.
  void Import() {
    std::filesystem::create_directories(folder_);
    for (int round = 1; !stop_; ++round) {
      for (int i = 0; i < kDocuments; ++i)
        std::ofstream(folder_ + "/" + NameOf(i), std::ios::trunc) << ContentOf(i, round);
      while (!stop_ && !ImportOnce(round)) {
      }
    }
  }

  // True when the import says that it is complete.
  bool ImportOnce(int round) {
    const CommandResult run =
        playground_.Holdfast({"import", folder_, "--prefix", "import", "--batch-keys",
                              absl::StrCat(kKeysPerCommit), "--deadline", "2s", "-o", "json"});
    const ImportReport report(run);
    // Done, nobody asked, no primary, unknown, incomplete: but never a failure.
    EXPECT_TRUE((std::set<int>{0, 3, 4, 5, 6}.count(run.exit_status)))
        << run.exit_status << run.out << run.err;
    if (run.exit_status == 6) {
      ++interrupted_;
      EXPECT_NE(run.err.find("INCOMPLETE"), std::string::npos) << run.err;
    }
    checking_ = true;  // it may need the primary
    ++runs_;
    if (report.counts()) ExpectImported(round, report);
    checking_ = false;
    return run.exit_status == 0;
  }

  // Every proxy has what the import does not call left.
  void ExpectImported(int round, const ImportReport& report) {
    for (const std::string& proxy : playground_.ids("proxy")) {
      const auto client = playground_.ClientOf({proxy});
      client->Observe(report.revision());
      absl::StatusOr<Listing> shown;
      // While the primary is away, a proxy may wait to hear how far the voters have come.
      EXPECT_TRUE(Eventually(kPatience, [&] { return (shown = Imported(*client)).ok(); }))
          << proxy << ": " << shown.status();
      if (!shown.ok()) return;
      int missing = 0;
      for (int i = 0; i < kDocuments; ++i) missing += shown->values[NameOf(i)] != ContentOf(i, round);
      EXPECT_LE(missing, report.left()) << proxy << " in round " << round;
      lost_ += std::max(0, missing - report.left());
    }
    imported_ += kDocuments - report.left();
  }

  // Looks for half a commit at one proxy until told to stop.
  void Look(client::Client& client) {
    while (!stop_) {
      const auto shown = Imported(client);
      if (!shown.ok()) {
        ADD_FAILURE() << shown.status();
        ++failed_reads_;
        continue;
      }
      ++looks_;
      for (int first = 0; first < kDocuments; first += kKeysPerCommit) {
        std::set<std::string> rounds;
        for (int i = first; i < first + kKeysPerCommit; ++i) {
          const auto document = shown->values.find(NameOf(i));
          rounds.insert(
              document == shown->values.end() ? "" : document->second.substr(0, document->second.find(':')));
        }
        halves_ += rounds.size() != 1;
      }
    }
  }

  Playground playground_;
  const std::string folder_;
  std::atomic<bool> stop_{false};
  std::atomic<int64_t> shown_{0};
  std::atomic<int> runs_{0};
  std::atomic<bool> checking_{false};
  std::atomic<int> interrupted_{0};
  std::atomic<int> imported_{0};
  std::atomic<int> lost_{0};
  std::atomic<int> looks_{0};
  std::atomic<int> halves_{0};
  std::atomic<int> failed_reads_{0};
};

TEST_F(KillImportTest, LosesNothingImportedAndShowsNoHalfCommit) {
  const int kills = Scale("HOLDFAST_KILLS", 4);
  ASSERT_TRUE(playground_.ok()) << playground_.error();
  const std::string primary = playground_.primary().node_id;
  const auto random = SeededRandom(static_cast<uint64_t>(kills));
  std::vector<std::unique_ptr<client::Client>> readers;
  std::vector<std::unique_ptr<ThreadExecutor>> looking;
  ThreadExecutor importing("importing", RealClock());
  importing.Post([this] { Import(); });
  for (const std::string& proxy : playground_.ids("proxy")) {
    readers.push_back(playground_.ClientOf({proxy}, absl::Seconds(60)));
    looking.push_back(std::make_unique<ThreadExecutor>("looking", RealClock()));
    looking.back()->Post([this, client = readers.back().get()] { Look(*client); });
  }
  const StopAtEnd stopper(&stop_);
  for (int kill = 0; kill < kills; ++kill) {
    const int64_t before = shown_;
    const int64_t more = 1 + static_cast<int64_t>(random->Below(2 * kDocuments / kKeysPerCommit));
    ASSERT_TRUE(Eventually(kPatience, [&] { return shown_ >= before + more; }))
        << "no progress before kill " << kill << "\n"
        << playground_.Logs();
    playground_.Kill(primary);
    // Every other time the primary is back at once, and the import that runs goes on by itself.
    if (kill % 2 == 1) {
      const int runs = runs_;
      EXPECT_TRUE(Eventually(kPatience, [&] { return runs_ > runs || checking_; }));
    }
    playground_.Restart(primary);
  }
  const int64_t before = shown_;
  EXPECT_TRUE(Eventually(kPatience, [&] { return shown_ > before; })) << playground_.Logs();
  stop_ = true;
  importing.RunAndWait([] {});
  for (auto& one : looking) one->Shutdown();
  EXPECT_EQ(lost_, 0);
  EXPECT_EQ(halves_, 0);
  EXPECT_EQ(failed_reads_, 0);
  EXPECT_GT(looks_, 0);
  EXPECT_GT(imported_, 0);
  const CommandResult verify = playground_.Holdfast({"verify", "--wait", "30s"});
  EXPECT_EQ(verify.exit_status, 0) << verify.out << verify.err;
  std::printf(
      "kills %d, runs of import %d, interrupted %d, documents imported %d, lost %d, looks %d, halves %d, "
      "failed reads "
      "%d\n",
      kills, runs_.load(), interrupted_.load(), imported_.load(), lost_.load(), looks_.load(), halves_.load(),
      failed_reads_.load());
}

}  // namespace
}  // namespace holdfast::testing
