#include "storage/database_check.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "storage/database_check_statements.h"
#include "storage/errors.h"
#include "storage/milestone_table.h"
#include "storage/sqlite_transaction.h"
#include "storage/version_row.h"

namespace holdfast::storage {
namespace {

constexpr int64_t kPagesPerStep = 256;

constexpr absl::string_view kTables[] = {"meta", "current", "undo", "log", "requests", "milestones"};

constexpr absl::string_view kNextKeys =
    "SELECT key FROM current INDEXED BY sqlite_autoindex_current_1 WHERE key > ? ORDER BY key LIMIT ?";
constexpr absl::string_view kKeyById = "SELECT id + 0, mod_revision, key FROM current WHERE id = ?";
constexpr absl::string_view kLastId = "SELECT coalesce(max(id), 0) FROM current";
constexpr absl::string_view kNextUndo =
    "SELECT " HF_VERSION_COLUMNS("previous_undo_id") ", superseded_revision, id FROM undo WHERE id > ? ORDER BY id "
    "LIMIT ?";

// A link from a version above the floor must lead to the version that it superseded. Arguments: ids from, to,
// floor.
constexpr absl::string_view kBrokenCurrentLinks =
    "SELECT c.key, c.mod_revision FROM current c LEFT JOIN undo u ON u.id = c.undo_id "
    "WHERE c.id > ? AND c.id <= ? AND c.undo_id <> 0 AND c.mod_revision > ? "
    "AND (u.id IS NULL OR u.key <> c.key OR u.superseded_revision <> c.mod_revision) ORDER BY c.id";
constexpr absl::string_view kBrokenUndoLinks =
    "SELECT c.key, c.mod_revision FROM undo c LEFT JOIN undo u ON u.id = c.previous_undo_id "
    "WHERE c.id > ? AND c.id <= ? AND c.previous_undo_id <> 0 AND c.mod_revision > ? "
    "AND (u.id IS NULL OR u.id >= c.id OR u.key <> c.key OR u.superseded_revision <> c.mod_revision) ORDER "
    "BY c.id";

}  // namespace

absl::Status DatabaseCheck::Run() {
  // The tables' own beginnings: without them nothing else can be asked, but the pages still can.
  absl::Status prepared = Prepare();
  if (prepared.ok()) prepared = ReadMeta();
  HF_RETURN_IF_ERROR(Note("structure", "", 0, prepared));
  if (prepared.ok()) {
    HF_RETURN_IF_ERROR(CheckRows());
    HF_RETURN_IF_ERROR(CheckUndo());
    HF_RETURN_IF_ERROR(CheckLog());
  }
  HF_RETURN_IF_ERROR(CheckPages());
  return CheckStructure();
}

absl::Status DatabaseCheck::Prepare() {
  HF_ASSIGN_OR_RETURN(MetaTable meta, MetaTable::Open(database_, "meta"));
  HF_ASSIGN_OR_RETURN(LogTable log, LogTable::Open(database_));
  HF_ASSIGN_OR_RETURN(VersionReader versions, VersionReader::Open(database_));
  HF_ASSIGN_OR_RETURN(SqliteStatement next_keys, database_.Prepare(kNextKeys));
  HF_ASSIGN_OR_RETURN(SqliteStatement key_by_id, database_.Prepare(kKeyById));
  HF_ASSIGN_OR_RETURN(SqliteStatement last_id, database_.Prepare(kLastId));
  HF_ASSIGN_OR_RETURN(SqliteStatement next_undo, database_.Prepare(kNextUndo));
  HF_ASSIGN_OR_RETURN(SqliteStatement broken_current, database_.Prepare(kBrokenCurrentLinks));
  HF_ASSIGN_OR_RETURN(SqliteStatement broken_undo, database_.Prepare(kBrokenUndoLinks));
  statements_ = std::make_shared<Statements>(Statements{
      std::move(meta), std::move(log), std::move(versions), std::move(next_keys), std::move(key_by_id),
      std::move(last_id), std::move(next_undo), std::move(broken_current), std::move(broken_undo)});
  return absl::OkStatus();
}

absl::Status DatabaseCheck::ReadMeta() {
  HF_ASSIGN_OR_RETURN(const SqliteReadTransaction snapshot, SqliteReadTransaction::Begin(database_));
  HF_ASSIGN_OR_RETURN(tail_, statements_->meta.ReadTail());
  HF_ASSIGN_OR_RETURN(floor_, statements_->meta.ReadFloor());
  HF_ASSIGN_OR_RETURN(MilestoneTable table, MilestoneTable::Open(database_));
  HF_ASSIGN_OR_RETURN(const std::vector<Milestone> milestones, table.ReadAll());
  for (const Milestone& milestone : milestones)
    milestones_.emplace(milestone.position.revision.index(), milestone);
  HF_ASSIGN_OR_RETURN(const int64_t pages, database_.FilePages());
  const auto records = static_cast<int64_t>(tail_.position.revision.index() - floor_.base.revision.index());
  total_ = tail_.key_count + records + pages;
  return absl::OkStatus();
}

absl::Status DatabaseCheck::Step(absl::string_view kind, int64_t count,
                                 absl::FunctionRef<absl::Status()> step) {
  if (options_.cancelled()) return StoppedError("the verification");
  const auto run = [&]() -> absl::Status {
    HF_ASSIGN_OR_RETURN(const SqliteReadTransaction snapshot, SqliteReadTransaction::Begin(database_));
    return step();
  };
  HF_RETURN_IF_ERROR(Note(kind, "", 0, run()));
  checked_ += count;
  options_.progress(checked_, std::max(checked_, total_));
  return absl::OkStatus();
}

void DatabaseCheck::AddFinding(absl::string_view kind, absl::string_view key, int64_t revision,
                               absl::string_view message) {
  if (result_.findings_size() >= kMaxVerifyFindings) return;
  v1::VerifyFinding& finding = *result_.add_findings();
  finding.set_kind(std::string(kind));
  finding.set_key(std::string(key));
  finding.set_revision(revision);
  finding.set_message(std::string(message));
}

absl::Status DatabaseCheck::Note(absl::string_view kind, absl::string_view key, int64_t revision,
                                 const absl::Status& status) {
  const std::string reason = ReasonOf(status);
  if (!IsDamaged(status) && reason != "CHAIN_BROKEN" && reason != "UNKNOWN_RECORD") return status;
  const std::string named = key.empty() ? DetailOf(status, "key") : std::string(key);
  AddFinding(kind, named, revision, status.message());
  return absl::OkStatus();
}

absl::Status DatabaseCheck::CheckPages() {
  // Readers that map the file look at each page anew from here on.
  database_.ForgetVerifiedPages();
  HF_ASSIGN_OR_RETURN(const int64_t pages, database_.FilePages());
  for (int64_t first = 1; first <= pages; first += kPagesPerStep) {
    if (options_.cancelled()) return StoppedError("the verification");
    std::vector<int64_t> damaged;
    HF_RETURN_IF_ERROR(database_.CheckPages(first, kPagesPerStep, &damaged));
    for (const int64_t page : damaged) {
      AddFinding("structure", "", 0, absl::StrCat("page ", page, " does not match its checksum"));
    }
    checked_ += kPagesPerStep;
    options_.progress(checked_, std::max(checked_, total_));
  }
  return absl::OkStatus();
}

absl::Status DatabaseCheck::CheckStructure() {
  for (const absl::string_view table : kTables) {
    if (options_.cancelled()) return StoppedError("the verification");
    HF_RETURN_IF_ERROR(Note("structure", "", 0, database_.IntegrityCheck(table)));
  }
  return absl::OkStatus();
}

}  // namespace holdfast::storage
