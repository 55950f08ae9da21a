#include "storage/salvage_codec.h"

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "base/status_macros.h"
#include "storage/errors.h"
#include "storage/record_codec.h"

namespace holdfast::storage {
namespace {

constexpr absl::string_view kSalvagePrefix = "salvage-";
constexpr size_t kMaxFileNameBytes = 128;

void Fill(const SalvageHeader& header, v1::SalvageFileSummary& summary) {
  summary.set_cluster_id(header.cluster_id);
  summary.set_incarnation(header.incarnation);
  *summary.mutable_ancestor() = ToProto(header.ancestor);
  *summary.mutable_first_lost() = ToProto(header.first_lost.front());
  summary.set_made_at_us(absl::ToUnixMicros(header.made_at));
  summary.set_reason(header.reason);
}

absl::Status Describe(FileSystem* files, absl::string_view path, v1::SalvageFileSummary& summary) {
  HF_ASSIGN_OR_RETURN(const int64_t size, files->Size(path));
  summary.set_size_bytes(size);
  HF_ASSIGN_OR_RETURN(const auto reader, SalvageReader::Open(files, path));
  Fill(reader->header(), summary);
  SalvageRecord record;
  while (true) {
    HF_ASSIGN_OR_RETURN(const bool has_record, reader->Next(&record));
    if (!has_record) return absl::OkStatus();
    summary.set_record_count(summary.record_count() + 1);
    summary.set_visible_count(summary.visible_count() + record.was_visible);
    *summary.mutable_last_lost() = ToProto(record.position);
  }
}

}  // namespace

v1::SalvageFileHeader ToProto(const SalvageHeader& header) {
  v1::SalvageFileHeader out;
  out.set_cluster_id(header.cluster_id);
  out.set_node_id(header.node_id);
  out.set_incarnation(header.incarnation);
  out.set_reason(header.reason);
  out.set_made_at_us(absl::ToUnixMicros(header.made_at));
  *out.mutable_ancestor() = ToProto(header.ancestor);
  for (const Position& lost : header.first_lost) *out.add_first_lost() = ToProto(lost);
  return out;
}

v1::SalvageFileRecord ToProto(const SalvageRecord& record) {
  v1::SalvageFileRecord out;
  *out.mutable_position() = ToProto(record.position);
  out.set_was_visible(record.was_visible);
  out.set_record(record.bytes);
  return out;
}

absl::StatusOr<SalvageHeader> FromProto(const v1::SalvageFileHeader& header) {
  SalvageHeader out;
  out.cluster_id = header.cluster_id();
  out.node_id = header.node_id();
  out.incarnation = header.incarnation();
  out.reason = header.reason();
  out.made_at = absl::FromUnixMicros(header.made_at_us());
  HF_ASSIGN_OR_RETURN(out.ancestor, FromProto(header.ancestor()));
  for (const v1::LogPosition& lost : header.first_lost()) {
    HF_ASSIGN_OR_RETURN(out.first_lost.emplace_back(), FromProto(lost));
  }
  if (out.first_lost.empty()) return BrokenChainError(0, "salvage without a first record");
  return out;
}

absl::StatusOr<SalvageRecord> FromProto(v1::SalvageFileRecord record) {
  SalvageRecord out;
  HF_ASSIGN_OR_RETURN(out.position, FromProto(record.position()));
  out.was_visible = record.was_visible();
  out.bytes = std::move(*record.mutable_record());
  return out;
}

bool MayFollow(const Position& previous, const SalvageRecord& next) {
  if (next.position.revision.index() != previous.revision.index() + 1) return true;
  return NextChainHash(previous.chain_hash, next.bytes) == next.position.chain_hash;
}

v1::SalvageFileSummary DescribeSalvageFile(FileSystem* files, absl::string_view path,
                                           absl::string_view node_id) {
  v1::SalvageFileSummary summary;
  summary.set_node_id(std::string(node_id));
  const size_t slash = path.rfind('/');
  summary.set_file(std::string(slash == absl::string_view::npos ? path : path.substr(slash + 1)));
  if (const absl::Status status = Describe(files, path, summary); !status.ok())
    summary.set_damage(std::string(status.message()));
  return summary;
}

bool IsSalvageFileName(absl::string_view name) {
  return name.size() <= kMaxFileNameBytes && absl::StartsWith(name, kSalvagePrefix) &&
         absl::EndsWith(name, kSalvageSuffix) && !absl::StrContains(name, "/");
}

}  // namespace holdfast::storage
