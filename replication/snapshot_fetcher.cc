#include "replication/snapshot_fetcher.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "replication/errors.h"
#include "storage/record_codec.h"
#include "storage/snapshot_chunks.h"
#include "storage/snapshot_file.h"

namespace holdfast::replication {
namespace {

// A stream that breaks is asked for the rest so often before somebody else is asked for all of it.
constexpr int kMaxAttempts = 5;
// How long the source may take to make its copy, and then for each piece of it.
constexpr absl::Duration kCopyPatience = absl::Seconds(30);
constexpr absl::Duration kChunkPatience = absl::Seconds(10);
constexpr absl::Duration kRetry = absl::Milliseconds(300);

bool MayGoOn(const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  return reason == "UNREACHABLE" || reason == "SNAPSHOT_GONE" ||
         (reason.empty() && absl::IsUnavailable(status));
}

}  // namespace

struct SnapshotFetcher::Work {
  storage::FileSystem* files;
  storage::Store* store;
  storage::Store::Options store_options;
  std::string path;
  std::atomic<bool> cancelled{false};
  std::unique_ptr<storage::SnapshotAssembler> assembler;
};

SnapshotFetcher::SnapshotFetcher(Options options, Taker taker, Progress progress, Done done)
    : options_(std::move(options)),
      taker_(std::move(taker)),
      progress_(std::move(progress)),
      done_(std::move(done)),
      path_(absl::StrCat(options_.replica->store->options().data_dir, "/incoming.db")),
      work_(std::make_shared<Work>()) {
  work_->files = options_.replica->files;
  work_->store = options_.replica->store;
  work_->store_options = options_.replica->store->options();
  work_->path = path_;
}

SnapshotFetcher::~SnapshotFetcher() { work_->cancelled = true; }

void SnapshotFetcher::Offload(std::function<absl::Status(Work&)> work, std::function<void(absl::Status)> done,
                              bool is_short) {
  auto status = std::make_shared<absl::Status>();
  holdfast::Offload* const pool = is_short ? options_.replica->feeding() : options_.replica->offload;
  const bool accepted = pool->Run(
      [shared = work_, work = std::move(work), status] {
        *status = work(*shared);
        // Here, not on the strand: a fetch that was given up meanwhile is begun anew with the same file.
        shared->store->ReportFailedSync(*status);
      },
      lifetime_.Wrap([done = std::move(done), status] { done(*status); }));
  if (accepted) return;
  options_.replica->strand->Post(lifetime_.Wrap([this] {
    Finish(MakeError(absl::StatusCode::kResourceExhausted, "RESOURCE_EXHAUSTED",
                     "too much work waits for the disk"));
  }));
}

void SnapshotFetcher::Start() {
  Offload(
      [](Work& work) -> absl::Status {
        // A finished file that was not installed before a crash is of no more use: its history may be old.
        HF_ASSIGN_OR_RETURN(const bool finished, work.files->Exists(work.path));
        if (finished) HF_RETURN_IF_ERROR(work.files->Remove(work.path));
        HF_ASSIGN_OR_RETURN(const auto begun, storage::SnapshotAssembler::Unfinished(work.files, work.path));
        if (!begun) return absl::OkStatus();
        HF_ASSIGN_OR_RETURN(work.assembler, storage::SnapshotAssembler::Open(work.files, work.path, *begun));
        return absl::OkStatus();
      },
      [this](const absl::Status& status) { status.ok() ? Ask() : Finish(status); });
}

void SnapshotFetcher::Ask() {
  const SnapshotTaker taker = taker_();
  v1::FetchSnapshotRequest request;
  request.set_cluster_id(taker.cluster_id);
  request.set_node_id(options_.replica->node_id);
  *request.mutable_promise() = taker.promise;
  if (!taker.repairing) *request.mutable_appended() = storage::ToProto(taker.appended);
  request.set_takes_tail(true);
  if (work_->assembler != nullptr) {
    request.set_snapshot_id(work_->assembler->manifest().snapshot_id());
    request.set_first_chunk(work_->assembler->next_chunk());
  }
  manifest_.reset();
  closed_.reset();
  arrived_.clear();
  busy_ = false;
  stream_ = options_.replica->transport->FetchSnapshot(options_.address, request, this);
  stream_->Next();
  WatchSilence(++heard_, kCopyPatience);
}

// A stream can be silent without breaking; a fetch that waits for ever would keep the node from ever
// following.
void SnapshotFetcher::WatchSilence(uint64_t heard, absl::Duration patience) {
  options_.replica->strand->PostAfter(patience, lifetime_.Wrap([this, heard, patience] {
    if (finished_ || stream_ == nullptr) return;
    if (heard == heard_ && !busy_) return AskAgain(SilentPeerError(patience));
    WatchSilence(heard_, kChunkPatience);
  }));
}

void SnapshotFetcher::AskAgain(const absl::Status& why) {
  stream_.reset();
  if (++attempts_ >= kMaxAttempts || !MayGoOn(why)) return Finish(why);
  busy_ = true;
  const bool gone = ReasonOf(why) == "SNAPSHOT_GONE";
  options_.replica->strand->PostAfter(kRetry, lifetime_.Wrap([this, gone] {
    Offload(
        [gone](Work& work) -> absl::Status {
          if (!gone) return absl::OkStatus();
          work.assembler.reset();
          return storage::SnapshotAssembler::Discard(work.files, work.path);
        },
        [this](const absl::Status& status) { status.ok() ? Ask() : Finish(status); });
  }));
}

void SnapshotFetcher::OnMessage(v1::FetchSnapshotResponse message) {
  ++heard_;
  if (message.has_manifest() && !manifest_) return OnManifest(std::move(*message.mutable_manifest()));
  if (!message.has_chunk() || !manifest_) {
    return Finish(InvalidMessageError("snapshot", "the manifest comes first, and once"));
  }
  arrived_.push_back(std::move(*message.mutable_chunk()));
  Continue();
}

void SnapshotFetcher::OnManifest(v1::SnapshotManifest manifest) {
  if (absl::Status admitted = AdmitSnapshot(taker_(), manifest); !admitted.ok()) return Finish(admitted);
  manifest_ = std::move(manifest);
  busy_ = true;
  Offload(
      [manifest = *manifest_](Work& work) -> absl::Status {
        const bool same =
            work.assembler != nullptr && work.assembler->manifest().digest() == manifest.digest();
        if (same) return absl::OkStatus();
        work.assembler.reset();
        HF_ASSIGN_OR_RETURN(work.assembler,
                            storage::SnapshotAssembler::Open(work.files, work.path, manifest));
        return absl::OkStatus();
      },
      [this](const absl::Status& status) {
        busy_ = false;
        if (!status.ok()) return Finish(status);
        if (work_->assembler->is_complete()) return Verify();
        if (stream_ != nullptr) stream_->Next();
        Continue();
      });
}

void SnapshotFetcher::Continue() {
  if (busy_ || finished_) return;
  if (!arrived_.empty()) return AddNext();
  if (closed_) AskAgain(closed_->ok() ? NoUpstreamError(options_.address) : *closed_);
}

void SnapshotFetcher::AddNext() {
  busy_ = true;
  v1::SnapshotChunk chunk = std::move(arrived_.front());
  arrived_.pop_front();
  if (stream_ != nullptr) stream_->Next();  // the next one travels while this one is written
  Offload([chunk = std::move(chunk)](Work& work) { return work.assembler->Add(chunk); },
          [this](const absl::Status& status) {
            busy_ = false;
            if (!status.ok()) return Finish(status);
            attempts_ = 0;
            const uint64_t done = work_->assembler->next_chunk();
            const int percent = static_cast<int>(done * 100 / manifest_->chunk_digests_size());
            if (percent != std::exchange(last_percent_, percent)) progress_(percent);
            if (work_->assembler->is_complete()) return Verify();
            Continue();
          },
          /*is_short=*/true);
}

void SnapshotFetcher::OnClosed(const absl::Status& status) {
  stream_.reset();
  closed_ = status;
  Continue();
}

void SnapshotFetcher::Verify() {
  stream_.reset();
  closed_.reset();
  busy_ = true;
  Offload(
      [manifest = *manifest_](Work& work) -> absl::Status {
        HF_RETURN_IF_ERROR(work.assembler->Finish());
        work.assembler.reset();
        const auto cancelled = [&work] { return work.cancelled.load(); };
        HF_ASSIGN_OR_RETURN(const storage::SnapshotFile file,
                            storage::VerifySnapshotFile(work.store_options, work.path, cancelled));
        HF_ASSIGN_OR_RETURN(const Position position, storage::FromProto(manifest.position()));
        HF_ASSIGN_OR_RETURN(const Position visible, storage::VisibleOf(manifest));
        const bool is_shown_as_said = !manifest.has_visible() || file.visible == visible;
        if (file.position == position && is_shown_as_said &&
            file.state_digest.ToBytes() == manifest.state_digest()) {
          return absl::OkStatus();
        }
        return SnapshotRefusedError(manifest.snapshot_id(), "the file is another one than its manifest says");
      },
      [this](const absl::Status& status) {
        if (!status.ok()) return Finish(status);
        Finish(Fetched{path_, *manifest_});
      });
}

void SnapshotFetcher::Finish(absl::StatusOr<Fetched> fetched) {
  if (std::exchange(finished_, true)) return;
  stream_.reset();
  // Later, because the owner destroys this in `done`, and we may be inside a call of our own.
  options_.replica->strand->Post(lifetime_.Wrap([this, fetched = std::move(fetched)] {
    const Done done = done_;  // the owner destroys this in it
    done(fetched);
  }));
}

}  // namespace holdfast::replication
