#include "storage/data_dir.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "storage/errors.h"
#include "storage/milestone_table.h"
#include "storage/schema.h"
#include "storage/set_aside.h"
#include "storage/sqlite_node_store.h"

namespace holdfast::storage {
namespace {

std::string NodePath(const DataDirectoryOptions& options) {
  return absl::StrCat(options.store.data_dir, "/", kNodeFileName);
}

absl::Status MakeDirectory(const DataDirectoryOptions& options) {
  const absl::Status made = options.store.files->MakeDirectories(options.store.data_dir);
  if (!made.ok()) return WithContext(made, "the data directory cannot be used");
  return WithContext(options.store.files->List(options.store.data_dir).status(),
                     "the data directory cannot be read");
}

absl::Status Admit(const DataDirectoryOptions& options, Store& store) {
  const NodeStore::Identity& identity = store.node().identity();
  if (!options.cluster_id.empty() && !identity.cluster_id.empty() &&
      identity.cluster_id != options.cluster_id) {
    return WrongClusterError(identity.cluster_id, options.cluster_id);
  }
  return store.node().SetNodeId(options.node_id);
}

absl::StatusOr<DataDirectory> OpenOnce(const DataDirectoryOptions& options) {
  DataDirectory directory;
  HF_ASSIGN_OR_RETURN(directory.store, Store::Open(options.store));
  HF_RETURN_IF_ERROR(Admit(options, *directory.store));
  return directory;
}

// Whose directory this is, asked of node.db alone.
absl::StatusOr<bool> WasPrimary(const DataDirectoryOptions& options) {
  SqliteOptions sqlite;
  sqlite.vfs = options.store.vfs;
  HF_ASSIGN_OR_RETURN(const auto node,
                      SqliteNodeStore::Open(NodePath(options), sqlite, options.store.random));
  const std::string& node_id = node->identity().node_id;
  return !node_id.empty() && node->promise().candidate_node_id() == node_id;
}

// Does the log say that this node leads, or that nobody knows? Asked where node.db cannot answer.
absl::StatusOr<bool> MayLead(const DataDirectoryOptions& options) {
  SqliteOptions sqlite;
  sqlite.vfs = options.store.vfs;
  sqlite.create_if_missing = false;
  const std::string path = absl::StrCat(options.store.data_dir, "/", kDataFileName);
  HF_ASSIGN_OR_RETURN(const bool exists, options.store.files->Exists(path));
  if (!exists) return false;
  const auto newest_leader = [&]() -> absl::StatusOr<std::string> {
    HF_ASSIGN_OR_RETURN(const auto data, SqliteDatabase::OpenWriter(path, sqlite));
    HF_RETURN_IF_ERROR(CheckDataSchema(*data));
    HF_ASSIGN_OR_RETURN(MilestoneTable table, MilestoneTable::Open(*data));
    HF_ASSIGN_OR_RETURN(const std::vector<Milestone> milestones, table.ReadAll());
    std::string leader;
    for (const Milestone& milestone : milestones) {
      if (milestone.epoch.has_value()) leader = milestone.epoch->node_id();
    }
    return leader;
  };
  const absl::StatusOr<std::string> leader = newest_leader();
  if (IsDamaged(leader.status())) return true;
  HF_RETURN_IF_ERROR(leader.status());
  return *leader == options.node_id;
}

absl::StatusOr<std::string> SetAside(const DataDirectoryOptions& options, const absl::Status& damage) {
  if (absl::EndsWith(DetailOf(damage, "path"), kNodeFileName)) {
    // Without its promises a server comes back under a new incarnation, whose word nobody has counted (R16).
    HF_ASSIGN_OR_RETURN(const bool may_lead, MayLead(options));
    if (may_lead && !options.is_proxy) return DamagedServerIdentityError(options.store.data_dir, damage);
    return MoveAside(*options.store.files, NodePath(options));
  }
  HF_ASSIGN_OR_RETURN(const bool was_primary, WasPrimary(options));
  if (was_primary && !options.is_proxy) return DamagedPrimaryError(options.store.data_dir, damage);
  return Store::SetAside(options.store, damage.message());
}

}  // namespace

absl::StatusOr<DataDirectory> OpenDataDirectory(const DataDirectoryOptions& options) {
  HF_RETURN_IF_ERROR(MakeDirectory(options));
  absl::StatusOr<DataDirectory> opened = OpenOnce(options);
  if (opened.ok() || !IsDamaged(opened.status())) return opened;
  const absl::Status damage = opened.status();
  HF_ASSIGN_OR_RETURN(const std::string aside, SetAside(options, damage));
  opened = OpenOnce(options);
  if (!opened.ok()) return opened;
  opened->set_aside_path = aside;
  opened->damage = damage;
  return opened;
}

}  // namespace holdfast::storage
