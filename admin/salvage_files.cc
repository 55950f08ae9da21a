#include "admin/salvage_files.h"

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "admin/errors.h"
#include "base/error.h"
#include "base/key_rules.h"
#include "base/status_macros.h"
#include "client/range.h"
#include "google/protobuf/util/json_util.h"
#include "storage/record_codec.h"
#include "storage/salvage_codec.h"

namespace holdfast::admin {
namespace {

// A large file takes a while; whoever names a longer deadline has it.
constexpr absl::Duration kReadTimeout = absl::Minutes(5);

absl::string_view WithoutSuffix(absl::string_view file) {
  return absl::StripSuffix(file, storage::kSalvageSuffix);
}

std::string WithSuffix(absl::string_view file) {
  return absl::StrCat(WithoutSuffix(file), storage::kSalvageSuffix);
}

absl::StatusOr<std::vector<v1::SalvageFileSummary>> ReadRegistered(Context& context) {
  HF_ASSIGN_OR_RETURN(client::Client* const client, context.client());
  v1::ListRequest request;
  client::SetPrefix(request, absl::StrCat(kReservedKeyPrefix, "salvage/"));
  std::vector<v1::SalvageFileSummary> registered;
  HF_RETURN_IF_ERROR(client
                         ->ListAll(request,
                                   [&](v1::KeyValue& kv) -> absl::Status {
                                     google::protobuf::util::JsonParseOptions options;
                                     options.ignore_unknown_fields = true;  // a newer release's
                                     const auto status = google::protobuf::util::JsonStringToMessage(
                                         kv.value(), &registered.emplace_back(), options);
                                     if (status.ok()) return absl::OkStatus();
                                     return BadFileError(kv.key(), 0, std::string(status.message()));
                                   })
                         .status());
  return registered;
}

SalvageFile& FindOrAdd(const v1::SalvageFileSummary& summary, std::vector<SalvageFile>& files) {
  for (SalvageFile& file : files) {
    if (file.summary.node_id() == summary.node_id() && file.summary.file() == summary.file()) return file;
  }
  files.emplace_back().summary = summary;
  return files.back();
}

// Collects the records of a file and verifies the chain once more: what was sent is what was hashed.
class Collector {
 public:
  explicit Collector(Salvage& salvage) : salvage_(salvage) {}

  absl::Status Begin(const storage::SalvageHeader& header) {
    v1::SalvageFileSummary& summary = salvage_.summary;
    summary.set_node_id(header.node_id);
    summary.set_cluster_id(header.cluster_id);
    summary.set_incarnation(header.incarnation);
    summary.set_reason(header.reason);
    summary.set_made_at_us(absl::ToUnixMicros(header.made_at));
    *summary.mutable_ancestor() = storage::ToProto(header.ancestor);
    *summary.mutable_first_lost() = storage::ToProto(header.first_lost.front());
    previous_ = header.ancestor;
    return absl::OkStatus();
  }

  absl::Status Add(storage::SalvageRecord record) {
    bytes_ += record.bytes.size();
    if (bytes_ > kMaxSalvageBytes) {
      return BadFileError(salvage_.name, 0,
                          absl::StrCat("holds more than ", kMaxSalvageBytes >> 20, " MiB of records"));
    }
    if (!storage::MayFollow(previous_, record)) return BrokenError(record);
    absl::StatusOr<v1::Record> message = storage::DecodeRecord(record.bytes);
    if (!message.ok()) return message.status();
    if (message->revision() != record.position.revision.number()) return BrokenError(record);
    previous_ = record.position;
    salvage_.summary.set_record_count(salvage_.summary.record_count() + 1);
    salvage_.summary.set_visible_count(salvage_.summary.visible_count() + record.was_visible);
    *salvage_.summary.mutable_last_lost() = storage::ToProto(record.position);
    salvage_.records.push_back({record.position, record.was_visible, *std::move(message)});
    return absl::OkStatus();
  }

 private:
  absl::Status BrokenError(const storage::SalvageRecord& record) const {
    return DamagedSalvageError(salvage_.name, absl::StrCat("record ", record.position.revision.ToString(),
                                                           " does not match its chain hash"));
  }

  Salvage& salvage_;
  Position previous_;
  size_t bytes_ = 0;
};

absl::StatusOr<Salvage> ReadFromNode(Context& context, const v1::NodeInfo& node, const std::string& file) {
  HF_ASSIGN_OR_RETURN(NodeAdmin* const admin, context.nodes());
  Salvage salvage;
  salvage.name = absl::StrCat(node.node_id(), "/", WithoutSuffix(file));
  Collector collector(salvage);
  bool complete = false;
  v1::ReadSalvageRequest request;
  request.set_file(WithSuffix(file));
  HF_RETURN_IF_ERROR(admin->ReadSalvage(
      node.peer_address(), request, std::max(context.deadline(), kReadTimeout),
      [&](v1::ReadSalvageResponse& part) -> absl::Status {
        if (part.has_header()) {
          HF_ASSIGN_OR_RETURN(const storage::SalvageHeader header, storage::FromProto(part.header()));
          HF_RETURN_IF_ERROR(collector.Begin(header));
        }
        for (v1::SalvageFileRecord& record : *part.mutable_records()) {
          HF_ASSIGN_OR_RETURN(storage::SalvageRecord read, storage::FromProto(std::move(record)));
          HF_RETURN_IF_ERROR(collector.Add(std::move(read)));
        }
        complete = part.complete();
        return absl::OkStatus();
      }));
  if (!complete) return DamagedSalvageError(salvage.name, "the node ended before the end of the file");
  salvage.summary.set_node_id(node.node_id());
  salvage.summary.set_file(request.file());
  return salvage;
}

absl::StatusOr<Salvage> ReadFromDisk(const std::string& path) {
  storage::FileSystem* const files = storage::PosixFileSystem();
  HF_ASSIGN_OR_RETURN(const auto reader, storage::SalvageReader::Open(files, path));
  Salvage salvage;
  salvage.name = path;
  Collector collector(salvage);
  HF_RETURN_IF_ERROR(collector.Begin(reader->header()));
  salvage.summary.set_file(path.substr(path.rfind('/') + 1));
  while (true) {
    storage::SalvageRecord record;
    HF_ASSIGN_OR_RETURN(const bool has_record, reader->Next(&record));
    if (!has_record) return salvage;
    HF_RETURN_IF_ERROR(collector.Add(std::move(record)));
  }
}

// A name without a node: whoever has it, if it is one.
absl::StatusOr<Salvage> ReadByName(Context& context, const ClusterView& view, const std::string& file) {
  HF_ASSIGN_OR_RETURN(const SalvageFiles known, FindSalvageFiles(context));
  std::vector<const SalvageFile*> found;
  for (const SalvageFile& candidate : known.files) {
    if (WithoutSuffix(candidate.summary.file()) == WithoutSuffix(file)) found.push_back(&candidate);
  }
  std::vector<std::string> away;
  for (const auto& [node_id, why] : known.not_asked) away.push_back(node_id);
  if (found.empty()) return UnknownSalvageError(file, away);
  if (found.size() > 1) {
    return UsageError(absl::StrCat(found.size(), " nodes have a file of this name; say which: ",
                                   found[0]->Name(), ", ", found[1]->Name()));
  }
  const v1::NodeInfo* const node = view.Find(found[0]->summary.node_id());
  if (node == nullptr) return LostSalvageError(found[0]->Name(), absl::NotFoundError("it is no member now"));
  return ReadFromNode(context, *node, file);
}

}  // namespace

std::string SalvageFile::Name() const {
  return absl::StrCat(summary.node_id(), "/", WithoutSuffix(summary.file()));
}

absl::StatusOr<SalvageFiles> FindSalvageFiles(Context& context) {
  HF_ASSIGN_OR_RETURN(const ClusterView view, ReadClusterView(context));
  HF_ASSIGN_OR_RETURN(NodeAdmin* const admin, context.nodes());
  using Answer = absl::StatusOr<std::vector<v1::SalvageFileSummary>>;
  std::vector<Answer> answers(view.nodes.size(), absl::UnknownError("not asked"));
  AskAll(view.nodes.size(), [&](size_t i) {
    answers[i] = admin->ListSalvage(view.nodes[i].peer_address(), context.deadline());
  });
  SalvageFiles known;
  for (size_t i = 0; i < answers.size(); ++i) {
    if (!answers[i].ok()) {
      known.not_asked.emplace_back(view.nodes[i].node_id(), answers[i].status());
      continue;
    }
    for (const v1::SalvageFileSummary& summary : *answers[i]) FindOrAdd(summary, known.files).is_held = true;
  }
  const auto registered = ReadRegistered(context);
  known.registry = registered.status();
  if (registered.ok()) {
    for (const v1::SalvageFileSummary& summary : *registered)
      FindOrAdd(summary, known.files).is_registered = true;
  }
  std::sort(known.files.begin(), known.files.end(),
            [](const SalvageFile& a, const SalvageFile& b) { return a.Name() < b.Name(); });
  return known;
}

absl::StatusOr<Salvage> ReadSalvage(Context& context, const std::string& file) {
  if (absl::EndsWith(file, storage::kSalvageSuffix)) {
    HF_ASSIGN_OR_RETURN(const bool is_here, storage::PosixFileSystem()->Exists(file));
    if (is_here) return ReadFromDisk(file);
  }
  HF_ASSIGN_OR_RETURN(const ClusterView view, ReadClusterView(context));
  const size_t slash = file.find('/');
  if (slash == std::string::npos) return ReadByName(context, view, file);
  const v1::NodeInfo* const node = view.Find(file.substr(0, slash));
  if (node == nullptr) return UnknownSalvageError(file, {});
  absl::StatusOr<Salvage> salvage = ReadFromNode(context, *node, file.substr(slash + 1));
  if (salvage.ok() || ExitCodeOf(salvage.status()) != ExitCode::kNotAsked) return salvage;
  return LostSalvageError(file, salvage.status());
}

}  // namespace holdfast::admin
