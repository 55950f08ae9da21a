#include "storage/milestone_table.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "storage/errors.h"
#include "storage/row_hash.h"

namespace holdfast::storage {
namespace {

constexpr absl::string_view kReadAll =
    "SELECT idx, revision, chain_hash, guard, content FROM milestones ORDER BY idx";
constexpr absl::string_view kInsert =
    "INSERT INTO milestones(idx, revision, chain_hash, guard, content) VALUES(?, ?, ?, ?, ?)";
constexpr absl::string_view kDeleteAfter = "DELETE FROM milestones WHERE idx > ?";

// A Record with nothing but the parts that a milestone has.
std::string EncodeContent(const Milestone& milestone) {
  v1::Record content;
  content.set_kind(milestone.kind);
  if (milestone.epoch.has_value()) *content.mutable_epoch() = *milestone.epoch;
  if (milestone.rule.has_value()) *content.mutable_rule() = *milestone.rule;
  return content.SerializeAsString();
}

bool DecodeContent(absl::string_view bytes, Milestone* milestone) {
  v1::Record content;
  if (!content.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return false;
  milestone->kind = content.kind();
  if (content.has_epoch()) milestone->epoch = content.epoch();
  if (content.has_rule()) milestone->rule = content.rule();
  return true;
}

}  // namespace

absl::StatusOr<MilestoneTable> MilestoneTable::Open(SqliteDatabase& database) {
  MilestoneTable table(&database);
  HF_ASSIGN_OR_RETURN(table.read_all_, database.Prepare(kReadAll));
  HF_ASSIGN_OR_RETURN(table.insert_, database.Prepare(kInsert));
  HF_ASSIGN_OR_RETURN(table.delete_after_, database.Prepare(kDeleteAfter));
  return table;
}

absl::StatusOr<std::vector<Milestone>> MilestoneTable::ReadAll() {
  std::vector<Milestone> milestones;
  SqliteQuery query = read_all_.Query();
  while (true) {
    HF_ASSIGN_OR_RETURN(const bool has_row, query.Step());
    if (!has_row) return milestones;
    Milestone milestone;
    milestone.position.revision = Revision(query.Int64(1));
    const std::optional<ChainHash> hash = ChainHash::FromBytes(query.Blob(2));
    const Digest128 guard = GuardRow({query.Int64(0), query.Int64(1)}, {query.Blob(2), query.Blob(4)});
    if (!hash.has_value() || !Matches(query.Blob(3), guard) || !DecodeContent(query.Blob(4), &milestone)) {
      return DamagedRowError(database_->path(), absl::StrCat("milestone ", query.Int64(0)),
                             "not what was written");
    }
    milestone.position.chain_hash = *hash;
    milestones.push_back(std::move(milestone));
  }
}

absl::Status MilestoneTable::Insert(const Milestone& milestone) {
  const std::string content = EncodeContent(milestone);
  const int64_t index = static_cast<int64_t>(milestone.position.revision.index());
  const int64_t revision = milestone.position.revision.number();
  const absl::string_view hash = milestone.position.chain_hash.view();
  const DigestBytes guard(GuardRow({index, revision}, {hash, content}));
  return insert_.Run(index, revision, hash, guard.view(), content);
}

absl::Status MilestoneTable::DeleteAfter(Revision ancestor) { return delete_after_.Run(ancestor.index()); }

std::optional<Milestone> MilestoneOf(const LogRecord& record) {
  const v1::Record& message = record.message;
  if (message.kind() != v1::RECORD_KIND_EPOCH && !message.has_rule()) return std::nullopt;
  Milestone milestone;
  milestone.position = record.position;
  milestone.kind = message.kind();
  if (message.has_epoch()) milestone.epoch = message.epoch();
  if (message.has_rule()) milestone.rule = message.rule();
  return milestone;
}

}  // namespace holdfast::storage
