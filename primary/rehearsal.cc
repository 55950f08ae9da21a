#include "primary/rehearsal.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "primary/drill_copy.h"
#include "primary/drills.h"
#include "primary/errors.h"
#include "storage/schema.h"
#include "storage/snapshot_file.h"

namespace holdfast::primary {
namespace {

constexpr int kMaxDepth = 4;
// The copy serves one client for a moment.
constexpr int kReaders = 2;
constexpr int kLogCacheBytes = 1 << 20;
constexpr char kListen[] = "127.0.0.1:0";

// What the rehearsed node logs must not be taken for what the real one does.
class DrillLogger : public Logger {
 public:
  explicit DrillLogger(Logger* logger) : Logger(LogLevel::kWarning), logger_(*logger) {}

 private:
  void Write(const LogEvent& event) override {
    LogEvent marked = event;
    marked.level = LogLevel::kDebug;
    marked.component = "drill";
    logger_.Log(marked);
  }

  Logger& logger_;
};

absl::Status RemoveBelow(storage::FileSystem& files, const std::string& path, int depth) {
  const absl::StatusOr<std::vector<std::string>> names = files.List(path);
  if (names.ok() && depth < kMaxDepth) {
    for (const std::string& name : *names)
      HF_RETURN_IF_ERROR(RemoveBelow(files, absl::StrCat(path, "/", name), depth + 1));
  }
  return files.Remove(path);
}

std::string ShowKiB(int64_t bytes) { return absl::StrCat(bytes / 1024, " KiB"); }

}  // namespace

absl::Status RemoveTree(storage::FileSystem& files, const std::string& path) {
  HF_ASSIGN_OR_RETURN(const bool is_there, files.Exists(path));
  return is_there ? RemoveBelow(files, path, 0) : absl::OkStatus();
}

void Rehearsal::Run() {
  const std::pair<const char*, Body> steps[] = {{"copy", &Rehearsal::Copy},
                                                {"verify", &Rehearsal::Verify},
                                                {"open", &Rehearsal::Open},
                                                {"commit", &Rehearsal::Commit},
                                                {"read", &Rehearsal::Read}};
  drill_.set_state(v1::DRILL_STATE_PASSED);
  for (const auto& [name, body] : steps) {
    if (!Step(name, body)) break;
  }
  Step("close", &Rehearsal::Close);
}

bool Rehearsal::Step(const std::string& name, Body body) {
  const bool is_close = name == "close";
  options_.on_begin(name);
  const absl::Status give_up = is_close ? absl::OkStatus() : options_.interrupted();
  absl::StatusOr<std::string> detail = give_up.ok() ? (this->*body)() : absl::StatusOr<std::string>(give_up);
  // What fails because it was told to end has not failed.
  if (const absl::Status why = options_.interrupted(); !detail.ok() && !is_close && !why.ok()) detail = why;
  if (detail.ok()) {
    options_.on_end(v1::DRILL_STATE_PASSED, *detail);
    return true;
  }
  const bool is_interrupted = ReasonOf(detail.status()) == "ABORTED" && !is_close;
  const v1::DrillState state = is_interrupted ? v1::DRILL_STATE_INTERRUPTED : v1::DRILL_STATE_FAILED;
  const std::string why(detail.status().message());
  options_.on_end(state, why);
  if (drill_.state() == v1::DRILL_STATE_FAILED) return false;  // the first failure is the one that counts
  drill_.set_state(state);
  drill_.set_failed_step(name);
  drill_.set_error(why);
  drill_.set_error_reason(ReasonOf(detail.status()));
  return false;
}

std::string Rehearsal::CopyPath() const {
  return absl::StrCat(options_.directory, "/", storage::kDataFileName);
}

storage::Store::Options Rehearsal::CopyOptions() const {
  storage::Store::Options options = options_.store->options();
  options.data_dir = options_.directory;
  options.reader_count = kReaders;
  options.log_cache_bytes = kLogCacheBytes;
  return options;
}

absl::StatusOr<std::string> Rehearsal::Copy() {
  storage::FileSystem& files = *options_.store->options().files;
  HF_RETURN_IF_ERROR(RemoveTree(files, options_.directory));  // what could not be removed before
  HF_RETURN_IF_ERROR(files.MakeDirectories(options_.directory));
  HF_ASSIGN_OR_RETURN(
      const storage::SnapshotFile copy,
      storage::CopySnapshot(*options_.store, CopyPath(), [this] { return !options_.interrupted().ok(); }));
  *drill_.mutable_position() = storage::ToProto(copy.position);
  drill_.set_database_bytes(static_cast<int64_t>(copy.file_bytes));
  drill_.set_key_count(copy.key_count);
  return absl::StrCat(ShowKiB(drill_.database_bytes()), " with ", copy.key_count, " keys, at ",
                      copy.position.revision.ToString());
}

// What a promotion relies on: every row, record and page is what was written, and the state is the one that
// the real log has at this revision (I4).
absl::StatusOr<std::string> Rehearsal::Verify() {
  HF_ASSIGN_OR_RETURN(const storage::SnapshotFile copy,
                      storage::VerifySnapshotFile(CopyOptions(), CopyPath(),
                                                  [this] { return !options_.interrupted().ok(); }));
  HF_ASSIGN_OR_RETURN(const storage::LogRecordPtr record,
                      options_.store->log().ReadAt(copy.position.revision));
  const std::string where = copy.position.revision.ToString();
  if (record->position != copy.position)
    return DrillMismatchError(absl::StrCat("the copy has another record at ", where, " than this node"));
  if (record->message.state_digest() != copy.state_digest.ToBytes())
    return DrillMismatchError(absl::StrCat("the copy has another state at ", where, " than this node"));
  return absl::StrCat("rows, chain, pages and digest are those of ", where);
}

absl::StatusOr<std::string> Rehearsal::Open() {
  DrillCopyOwner owner{options_.cluster_id, options_.config.node_id, drill_.drill_id(),
                       drill_.operator_name(), drill_.host()};
  HF_ASSIGN_OR_RETURN(const uint64_t epoch, MakeClusterOfItsOwn(CopyOptions(), owner));
  drill_.set_epoch(epoch);
  node::NodeConfig config;
  config.node_id = options_.config.node_id;  // the certificate speaks for it
  config.site = options_.config.site;
  config.data_dir = options_.directory;
  config.cluster_id = options_.cluster_id;
  config.client = {kListen, kListen};
  config.peer = {kListen, kListen};
  config.tls_ca = options_.config.tls_ca;
  config.tls_cert = options_.config.tls_cert;
  config.tls_key = options_.config.tls_key;
  quiet_ = std::make_unique<DrillLogger>(options_.logger);
  HF_ASSIGN_OR_RETURN(node_, options_.start_node(config, quiet_.get()));
  HF_ASSIGN_OR_RETURN(canary_, options_.open_canary(node_->client_address()));
  return absl::StrCat("as primary of epoch ", epoch, " of a cluster of its own, on a private port");
}

absl::StatusOr<std::string> Rehearsal::Commit() {
  HF_ASSIGN_OR_RETURN(committed_, canary_->Commit("drill/canary", drill_.drill_id(), Drills::kCallPatience));
  return absl::StrCat("a canary at ", committed_.ToString());
}

absl::StatusOr<std::string> Rehearsal::Read() {
  HF_ASSIGN_OR_RETURN(const std::string value,
                      canary_->Read("drill/canary", committed_, Drills::kCallPatience));
  if (value != drill_.drill_id()) return DrillMismatchError("the canary was not read back as it was written");
  return std::string("the canary is what was written");
}

absl::StatusOr<std::string> Rehearsal::Close() {
  canary_.reset();
  if (node_ != nullptr) node_->Stop();
  node_.reset();
  HF_RETURN_IF_ERROR(RemoveTree(*options_.store->options().files, options_.directory));
  return std::string("everything is removed");
}

}  // namespace holdfast::primary
