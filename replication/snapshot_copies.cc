#include "replication/snapshot_copies.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "replication/errors.h"
#include "replication/store_log.h"
#include "storage/record_codec.h"
#include "storage/snapshot_chunks.h"

namespace holdfast::replication {
namespace {

using storage::SnapshotTail;

constexpr absl::Duration kRetryAfter = absl::Seconds(2);

}  // namespace

// One copy. The strand owns all of it but `cancelled`, and `file` and `manifest` while `state` is kMaking.
struct SnapshotCopies::Copy {
  enum State { kMaking, kReady, kFailed };
  std::string id;
  std::string path;
  SnapshotTail tail = SnapshotTail::kCut;
  Revision ends_at;  // what was visible, or with a tail durable, when it was begun: it ends there or above
  State state = kMaking;
  absl::Status failure;
  v1::SnapshotManifest manifest;
  int readers = 0;
  absl::Duration last_used;
  std::vector<std::function<void()>> waiting;
  std::atomic<bool> cancelled{false};
};

// One fetch of a copy.
class SnapshotCopies::Source : public PeerService::SnapshotSource {
 public:
  using Message = absl::StatusOr<std::optional<v1::FetchSnapshotResponse>>;
  using Done = std::function<void(Message)>;

  Source(SnapshotCopies* owner, std::shared_ptr<Copy> copy, StreamIdentity stream, std::string cluster_id,
         uint32_t first)
      : owner_(owner),
        options_(owner->options_),
        copy_(std::move(copy)),
        stream_(std::move(stream)),
        cluster_id_(std::move(cluster_id)),
        next_(first) {
    ++copy_->readers;
    still_ours_ = owner->streams_.Wrap([this] { ended_ = false; });
    owner_alive_ = owner->lifetime_.Wrap([copy = copy_.get(), owner] {
      --copy->readers;
      copy->last_used = owner->options_.clock->SinceBoot();
    });
  }
  ~Source() override { owner_alive_(); }

  void Next(Done done) override {
    if (Ended()) return Answer(std::move(done), NoUpstreamError(options_.node_id));
    if (copy_->state == Copy::kMaking) {
      copy_->waiting.push_back(
          own_.Wrap([this, done = std::move(done)]() mutable { Next(std::move(done)); }));
      return;
    }
    if (copy_->state == Copy::kFailed) return Answer(std::move(done), copy_->failure);
    if (!std::exchange(manifest_sent_, true)) return SendManifest(std::move(done));
    if (static_cast<int>(next_) >= copy_->manifest.chunk_digests_size())
      return Answer(std::move(done), std::nullopt);
    ReadChunk(std::move(done));
  }

 private:
  bool Ended() {
    ended_ = true;
    still_ours_();
    return ended_;
  }

  // Always later: nothing calls back from within a call.
  void Answer(Done done, Message message) {
    options_.strand->Post(own_.Wrap(
        [done = std::move(done), message = std::move(message)]() mutable { done(std::move(message)); }));
  }

  void SendManifest(Done done) {
    v1::FetchSnapshotResponse response;
    v1::SnapshotManifest& manifest = *response.mutable_manifest();
    manifest = copy_->manifest;
    manifest.set_snapshot_id(copy_->id);
    manifest.set_cluster_id(cluster_id_);
    manifest.set_stream_epoch(stream_.epoch);
    manifest.set_primary_node_id(stream_.primary_node_id);
    manifest.set_primary_incarnation(stream_.primary_incarnation);
    Answer(std::move(done), std::move(response));
  }

  void ReadChunk(Done done) {
    using Chunk = absl::StatusOr<v1::SnapshotChunk>;
    auto chunk = std::make_shared<Chunk>(v1::SnapshotChunk());
    const uint32_t number = next_++;
    const bool accepted = options_.feeding()->Run(
        // The shared copy keeps the manifest; its file may be gone, which is an error like another.
        [chunk, number, copy = copy_, files = options_.files] {
          *chunk = storage::ReadSnapshotChunk(files, copy->path, copy->manifest, number);
        },
        own_.Wrap([done, chunk]() mutable {
          if (!chunk->ok()) return done(chunk->status());
          v1::FetchSnapshotResponse response;
          *response.mutable_chunk() = *std::move(*chunk);
          done(std::move(response));
        }));
    if (!accepted) Answer(std::move(done), SnapshotBusyError(kRetryAfter));
  }

  SnapshotCopies* const owner_;
  const Replica::Options& options_;
  const std::shared_ptr<Copy> copy_;
  const StreamIdentity stream_;
  const std::string cluster_id_;
  uint32_t next_;
  bool manifest_sent_ = false;
  bool ended_ = false;
  std::function<void()> still_ours_;
  std::function<void()> owner_alive_;
  const Lifetime own_;
};

SnapshotCopies::SnapshotCopies(const Replica::Options& options)
    : options_(options), directory_(absl::StrCat(options.store->options().data_dir, "/copies")) {}

SnapshotCopies::~SnapshotCopies() {
  for (const auto& copy : copies_) copy->cancelled = true;
}

void SnapshotCopies::Start() {
  (void)options_.offload->Run(
      [files = options_.files, directory = directory_] {
        const auto exists = files->Exists(directory);
        if (!exists.ok() || !*exists) return;
        const auto names = files->List(directory);
        if (!names.ok()) return;
        for (const std::string& name : *names) (void)files->Remove(absl::StrCat(directory, "/", name));
      },
      [] {});
  options_.strand->PostAfter(kSnapshotIdleLife / 4, lifetime_.Wrap([this] { Expire(); }));
}

absl::StatusOr<std::unique_ptr<PeerService::SnapshotSource>> SnapshotCopies::Serve(
    const v1::FetchSnapshotRequest& request, const StreamIdentity& stream, bool may_have_tail) {
  const Revision asker(request.appended().revision());
  const bool is_all_known = asker >= options_.store->visible().revision;
  const SnapshotTail tail = may_have_tail && is_all_known ? SnapshotTail::kKept : SnapshotTail::kCut;
  const bool is_named = !request.snapshot_id().empty();
  std::shared_ptr<Copy> copy =
      is_named ? FindNamed(request.snapshot_id(), may_have_tail) : FindRecent(asker, tail);
  if (copy == nullptr && is_named) return SnapshotGoneError(request.snapshot_id());
  if (copy == nullptr) copy = Make(tail);
  if (copy == nullptr) return SnapshotBusyError(kRetryAfter);
  const uint32_t first = is_named ? request.first_chunk() : 0;
  return std::make_unique<Source>(this, std::move(copy), stream, options_.store->node().identity().cluster_id,
                                  first);
}

std::shared_ptr<SnapshotCopies::Copy> SnapshotCopies::FindNamed(const std::string& id, bool may_have_tail) {
  for (const std::shared_ptr<Copy>& copy : copies_) {
    const bool may_lend = copy->tail == SnapshotTail::kCut || may_have_tail;
    if (copy->id == id && copy->state == Copy::kReady && may_lend) return copy;
  }
  return nullptr;
}

std::shared_ptr<SnapshotCopies::Copy> SnapshotCopies::FindRecent(Revision asker, SnapshotTail tail) {
  const uint64_t newest = options_.store->visible().revision.index();
  for (const std::shared_ptr<Copy>& copy : copies_) {
    // One that is too old would cost its taker more in records, or end below the floor.
    const bool recent = copy->ends_at >= options_.store->floor() &&
                        newest - std::min(newest, copy->ends_at.index()) <= kMaxRecordsInsteadOfSnapshot;
    if (copy->state != Copy::kFailed && copy->tail == tail && recent && copy->ends_at > asker) return copy;
  }
  return nullptr;
}

std::shared_ptr<SnapshotCopies::Copy> SnapshotCopies::Make(SnapshotTail tail) {
  std::shared_ptr<Copy> idle;
  for (const auto& copy : copies_) {
    if (copy->readers == 0 && copy->state != Copy::kMaking && (!idle || copy->last_used < idle->last_used))
      idle = copy;
  }
  if (copies_.size() >= kMaxSnapshotCopies) {
    if (idle == nullptr) return nullptr;
    Forget(idle);
  }
  auto copy = std::make_shared<Copy>();
  copy->id = RandomHexId(*options_.random);
  copy->path = absl::StrCat(directory_, "/", copy->id, ".db");
  copy->tail = tail;
  copy->ends_at =
      tail == SnapshotTail::kCut ? options_.store->visible().revision : options_.store->appended().revision;
  copy->last_used = options_.clock->SinceBoot();
  for (const Position& start : EpochStarts(*options_.store)) {
    if (start.revision <= copy->ends_at) *copy->manifest.add_epoch_starts() = storage::ToProto(start);
  }
  auto status = std::make_shared<absl::Status>();
  const bool accepted = options_.offload->Run(
      [copy, status, store = options_.store, files = options_.files, directory = directory_] {
        const auto make = [&]() -> absl::Status {
          const auto cancelled = [&] { return copy->cancelled.load(); };
          HF_RETURN_IF_ERROR(files->MakeDirectories(directory));
          HF_ASSIGN_OR_RETURN(const storage::SnapshotFile file,
                              storage::CopySnapshot(*store, copy->path, cancelled, copy->tail));
          HF_ASSIGN_OR_RETURN(v1::SnapshotManifest manifest,
                              storage::MakeSnapshotManifest(files, file, cancelled));
          manifest.mutable_epoch_starts()->Swap(copy->manifest.mutable_epoch_starts());
          copy->manifest = std::move(manifest);
          return absl::OkStatus();
        };
        *status = make();
      },
      lifetime_.Wrap([this, copy, status] {
        copy->failure = *status;
        Settle(copy);
      }));
  if (!accepted) return nullptr;
  copies_.push_back(copy);
  return copy;
}

void SnapshotCopies::Settle(const std::shared_ptr<Copy>& copy) {
  copy->state = copy->failure.ok() ? Copy::kReady : Copy::kFailed;
  copy->last_used = options_.clock->SinceBoot();
  std::vector<std::function<void()>> waiting;
  waiting.swap(copy->waiting);
  for (auto& next : waiting) next();
  if (copy->state == Copy::kFailed) Forget(copy);
}

void SnapshotCopies::EndAll(Revision ancestor) {
  streams_.Renew();
  const std::vector<std::shared_ptr<Copy>> copies = copies_;
  for (const auto& copy : copies) {
    // Where one that is being made will end is not known yet.
    if (copy->state == Copy::kMaking || copy->tail == SnapshotTail::kKept ||
        Revision(copy->manifest.position().revision()) > ancestor)
      Forget(copy);
  }
}

void SnapshotCopies::Expire() {
  const absl::Duration now = options_.clock->SinceBoot();
  const std::vector<std::shared_ptr<Copy>> copies = copies_;
  for (const auto& copy : copies) {
    if (copy->readers == 0 && copy->state != Copy::kMaking && now - copy->last_used > kSnapshotIdleLife)
      Forget(copy);
  }
  options_.strand->PostAfter(kSnapshotIdleLife / 4, lifetime_.Wrap([this] { Expire(); }));
}

void SnapshotCopies::Forget(const std::shared_ptr<Copy>& copy) {
  copy->cancelled = true;
  std::erase(copies_, copy);
  // A worker may still be reading or writing it; then the file is removed by the next start at the latest.
  (void)options_.offload->Run([path = copy->path, files = options_.files] { (void)files->Remove(path); },
                              [] {});
}

}  // namespace holdfast::replication
