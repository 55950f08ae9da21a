#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "admin/cluster_view.h"
#include "admin/commands.h"
#include "admin/errors.h"
#include "admin/progress.h"
#include "admin/restore_snapshot.h"
#include "admin/show.h"
#include "base/status_macros.h"
#include "storage/snapshot_archive.h"

namespace holdfast::admin {
namespace {

struct Arguments {
  std::string file;
  std::string from;
  std::string data_dir;
};

absl::StatusOr<std::string> ChooseNode(Context& context, const ClusterView& view, const std::string& wanted) {
  if (!wanted.empty()) {
    const v1::NodeInfo* node = view.Find(wanted);
    if (node == nullptr) return UnknownNodeError(wanted, view.NodeIds());
    return node->peer_address();
  }
  // A proxy, if there is one: it has the same data, and the primary has other things to do.
  for (const v1::NodeInfo& node : view.nodes) {
    if (node.kind() == v1::NODE_KIND_PROXY) return node.peer_address();
  }
  return view.nodes[0].peer_address();
}

// Writes what arrives into an archive, verified chunk by chunk.
class Receiver {
 public:
  Receiver(Context& context, std::string path)
      : context_(context), path_(std::move(path)), progress_(context.environment(), "chunks saved") {}

  absl::Status Take(const v1::FetchSnapshotResponse& response) {
    if (response.has_manifest()) {
      manifest_ = response.manifest();
      v1::SnapshotArchiveHeader header;
      *header.mutable_manifest() = manifest_;
      header.set_made_at_us(absl::ToUnixMicros(context_.environment().clock->Now()));
      HF_ASSIGN_OR_RETURN(writer_,
                          storage::SnapshotArchiveWriter::Create(storage::PosixFileSystem(), path_, header));
      return absl::OkStatus();
    }
    if (writer_ == nullptr) return BadFileError(path_, 0, "the node sent a chunk before its manifest");
    HF_RETURN_IF_ERROR(writer_->Add(response.chunk()));
    progress_.Set(0, writer_->next_chunk(), manifest_.chunk_digests_size());
    return absl::OkStatus();
  }

  absl::Status Finish() {
    progress_.Done();
    if (writer_ == nullptr) return BadFileError(path_, 0, "the node sent nothing");
    return writer_->Finish();
  }

  const v1::SnapshotManifest& manifest() const { return manifest_; }

 private:
  Context& context_;
  const std::string path_;
  Progress progress_;
  v1::SnapshotManifest manifest_;
  std::unique_ptr<storage::SnapshotArchiveWriter> writer_;
};

absl::StatusOr<ExitCode> Save(Context& context, const Arguments& arguments) {
  HF_ASSIGN_OR_RETURN(const bool taken, storage::PosixFileSystem()->Exists(arguments.file));
  if (taken) {
    return UsageError(absl::StrCat(arguments.file, " is there already; name another file"));
  }
  HF_ASSIGN_OR_RETURN(const ClusterView view, ReadClusterView(context));
  HF_ASSIGN_OR_RETURN(const std::string address, ChooseNode(context, view, arguments.from));
  HF_ASSIGN_OR_RETURN(NodeAdmin* const admin, context.nodes());
  v1::FetchSnapshotRequest request;
  request.set_cluster_id(view.cluster.cluster_id());
  Receiver receiver(context, arguments.file);
  HF_RETURN_IF_ERROR(admin->FetchSnapshot(
      address, request, absl::InfiniteDuration(),
      [&](const v1::FetchSnapshotResponse& response) { return receiver.Take(response); }));
  HF_RETURN_IF_ERROR(receiver.Finish());
  const v1::SnapshotManifest& manifest = receiver.manifest();
  const std::string digest = absl::BytesToHexString(manifest.digest());
  if (context.json()) {
    JsonWriter json;
    json.BeginObject().Member("file", arguments.file).Member("cluster_id", manifest.cluster_id());
    json.Member("revision", manifest.position().revision()).Member("key_count", manifest.key_count());
    json.Member("file_bytes", static_cast<int64_t>(manifest.file_bytes())).Member("digest", digest);
    context.out() << json.EndObject().text() << "\n";
    return ExitCode::kOk;
  }
  context.out() << "saved " << ShowCount(manifest.key_count()) << " keys at revision "
                << ShowRevision(manifest.position().revision()) << " ("
                << ShowBytes(static_cast<int64_t>(manifest.file_bytes())) << ") to " << arguments.file
                << "\ndigest " << digest << "\n";
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> Restore(Context& context, const Arguments& arguments) {
  Progress progress(context.environment(), "chunks restored");
  HF_ASSIGN_OR_RETURN(const Restored restored,
                      RestoreSnapshot(context.environment(), arguments.file, arguments.data_dir,
                                      [&](int64_t done, int64_t total) { progress.Set(0, done, total); }));
  progress.Done();
  if (context.json()) {
    JsonWriter json;
    json.BeginObject().Member("data_dir", arguments.data_dir).Member("cluster_id", restored.cluster_id);
    json.Member("revision", restored.revision).Member("key_count", restored.key_count);
    context.out() << json.Member("incarnation", restored.incarnation).EndObject().text() << "\n";
    return ExitCode::kOk;
  }
  context.out() << "restored " << ShowCount(restored.key_count) << " keys at revision "
                << ShowRevision(restored.revision) << " of cluster " << restored.cluster_id << " into "
                << arguments.data_dir << "\nA node started there has the new incarnation "
                << restored.incarnation
                << ": it is no voter until `holdfast nodes set --voters` admits it.\n";
  return ExitCode::kOk;
}

}  // namespace

void AddSnapshotCommand(Command& root) {
  Command snapshot = root.Add("snapshot", "Saves the whole database of a node, and restores it offline",
                              "  holdfast snapshot save backup.hfsnap\n"
                              "  holdfast snapshot save backup.hfsnap --from dc2-p1\n"
                              "  holdfast snapshot restore backup.hfsnap --data-dir /var/lib/holdfast");
  snapshot.NeedsCommand();
  auto saving = std::make_shared<Arguments>();
  Command save = snapshot.Add("save", "Saves a consistent copy with its history, verified as it arrives",
                              "  holdfast snapshot save backup.hfsnap --from dc2-p1");
  save.Text("file", &saving->file, "The archive to write; it must not exist").Required();
  save.Text("--from", &saving->from, "The node to ask (a proxy)");
  save.Runs([saving](Context& context) { return Save(context, *saving); });

  auto restoring = std::make_shared<Arguments>();
  Command restore =
      snapshot.Add("restore", "Restores an archive into a new data directory; no node may run there",
                   "  holdfast snapshot restore backup.hfsnap --data-dir /var/lib/holdfast");
  restore.Text("file", &restoring->file, "The archive").Required();
  restore.Text("--data-dir", &restoring->data_dir, "The directory, which must be empty or new").Required();
  restore.Runs([restoring](Context& context) { return Restore(context, *restoring); });
}

}  // namespace holdfast::admin
