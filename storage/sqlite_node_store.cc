#include "storage/sqlite_node_store.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/mutants.h"
#include "base/status_macros.h"
#include "storage/errors.h"
#include "storage/record_codec.h"
#include "storage/schema.h"
#include "storage/sqlite_transaction.h"

namespace holdfast::storage {
namespace {

constexpr absl::string_view kNodeId = "node_id";
constexpr absl::string_view kClusterId = "cluster_id";
constexpr absl::string_view kIncarnation = "incarnation";
constexpr absl::string_view kIncarnationReason = "incarnation_reason";
constexpr absl::string_view kPromise = "promise";
constexpr absl::string_view kAcknowledged = "acknowledged";
constexpr absl::string_view kVisible = "visible";
// Values that the node's owner names are kept apart from ours.
constexpr absl::string_view kOwnPrefix = "value/";

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteNodeStore>> SqliteNodeStore::Open(absl::string_view path,
                                                                       const SqliteOptions& options,
                                                                       Random* random,
                                                                       FailedSync on_failed_sync) {
  SqliteOptions node_options = options;
  node_options.has_unsynced_commits = true;
  HF_ASSIGN_OR_RETURN(std::unique_ptr<SqliteDatabase> database,
                      SqliteDatabase::OpenWriter(path, node_options));
  HF_RETURN_IF_ERROR(PrepareNodeSchema(*database));
  HF_ASSIGN_OR_RETURN(MetaTable values, MetaTable::Open(*database, "node"));
  std::unique_ptr<SqliteNodeStore> store(
      new SqliteNodeStore(std::move(database), std::move(values), random, std::move(on_failed_sync)));
  HF_RETURN_IF_ERROR(store->Load());
  if (store->identity_.incarnation.empty()) HF_RETURN_IF_ERROR(store->RenewIncarnation("new data directory"));
  HF_RETURN_IF_ERROR(store->database_->SetSynced(false));
  return store;
}

absl::Status SqliteNodeStore::Load() {
  HF_RETURN_IF_ERROR(LoadText(kNodeId, &identity_.node_id));
  HF_RETURN_IF_ERROR(LoadText(kClusterId, &identity_.cluster_id));
  HF_RETURN_IF_ERROR(LoadText(kIncarnation, &identity_.incarnation));
  HF_RETURN_IF_ERROR(LoadPosition(kAcknowledged, &acknowledged_));
  HF_RETURN_IF_ERROR(LoadPosition(kVisible, &visible_));
  std::string promise;
  HF_RETURN_IF_ERROR(LoadText(kPromise, &promise));
  if (!promise_.ParseFromString(promise)) return DamagedRowError(database_->path(), kPromise, "not readable");
  return absl::OkStatus();
}

absl::Status SqliteNodeStore::LoadText(absl::string_view name, std::string* text) {
  HF_ASSIGN_OR_RETURN(std::optional<std::string> value, values_.Get(name));
  if (value.has_value()) *text = *std::move(value);
  return absl::OkStatus();
}

absl::Status SqliteNodeStore::LoadPosition(absl::string_view name, Position* position) {
  std::string bytes;
  HF_RETURN_IF_ERROR(LoadText(name, &bytes));
  v1::LogPosition proto;
  if (!proto.ParseFromString(bytes)) return DamagedRowError(database_->path(), name, "not readable");
  HF_ASSIGN_OR_RETURN(*position, FromProto(proto));
  return absl::OkStatus();
}

absl::Status SqliteNodeStore::SetNodeId(absl::string_view node_id) {
  if (identity_.node_id == node_id) return absl::OkStatus();
  if (!identity_.node_id.empty()) return OtherNodeError(identity_.node_id, node_id);
  HF_RETURN_IF_ERROR(PutDurably(kNodeId, node_id));
  identity_.node_id = std::string(node_id);
  return absl::OkStatus();
}

absl::Status SqliteNodeStore::JoinCluster(absl::string_view cluster_id) {
  if (identity_.cluster_id == cluster_id) return absl::OkStatus();
  if (!identity_.cluster_id.empty()) return WrongClusterError(identity_.cluster_id, cluster_id);
  HF_RETURN_IF_ERROR(PutDurably(kClusterId, cluster_id));
  identity_.cluster_id = std::string(cluster_id);
  return absl::OkStatus();
}

absl::Status SqliteNodeStore::RenewIncarnation(absl::string_view why) {
  const std::string incarnation = MutantActive(Mutant::kIncarnationKept) ? "kept" : RandomHexId(*random_);
  HF_RETURN_IF_ERROR(Durably([&]() -> absl::Status {
    HF_RETURN_IF_ERROR(values_.Put(kIncarnation, incarnation));
    return values_.Put(kIncarnationReason, why);
  }));
  identity_.incarnation = incarnation;
  return absl::OkStatus();
}

absl::Status SqliteNodeStore::StorePromise(const v1::EpochPromise& promise) {
  const bool is_same_candidate = promise.candidate_node_id() == promise_.candidate_node_id() &&
                                 promise.candidate_incarnation() == promise_.candidate_incarnation();
  const bool is_first = promise_.candidate_node_id().empty() && promise.epoch() == promise_.epoch();
  HF_CHECK(promise.epoch() > promise_.epoch() || is_first || MutantActive(Mutant::kPromiseLowered) ||
               (promise.epoch() == promise_.epoch() && is_same_candidate),
           "R1, R2: nothing but a higher promise replaces one");
  if (!MutantActive(Mutant::kPromiseInMemory)) {
    HF_RETURN_IF_ERROR(PutDurably(kPromise, promise.SerializeAsString()));
  }
  promise_ = promise;
  return absl::OkStatus();
}

absl::Status SqliteNodeStore::NoteAcknowledged(const Position& position) {
  // Less, of a stream that is behind, takes no word back: only a cut does (ForgetAbove).
  if (position == acknowledged_ || position.revision < acknowledged_.revision) return absl::OkStatus();
  HF_RETURN_IF_ERROR(PutWritten(kAcknowledged, position));
  acknowledged_ = position;
  return absl::OkStatus();
}

absl::Status SqliteNodeStore::NoteVisible(const Position& position) {
  if (position == visible_) return absl::OkStatus();
  HF_RETURN_IF_ERROR(PutWritten(kVisible, position));
  visible_ = position;
  return absl::OkStatus();
}

absl::Status SqliteNodeStore::PutWritten(absl::string_view name, const Position& position) {
  const auto write = [&]() -> absl::Status {
    HF_ASSIGN_OR_RETURN(SqliteTransaction transaction, SqliteTransaction::Begin(*database_));
    HF_RETURN_IF_ERROR(values_.Put(name, ToProto(position).SerializeAsString()));
    return transaction.Commit();
  };
  return Reported(write());
}

absl::Status SqliteNodeStore::Reported(absl::Status status) {
  if (IsFailedSync(status) && on_failed_sync_) on_failed_sync_(status);
  return status;
}

absl::Status SqliteNodeStore::PutDurably(absl::string_view name, absl::string_view value) {
  return Durably([&]() { return values_.Put(name, value); });
}

absl::Status SqliteNodeStore::Durably(absl::FunctionRef<absl::Status()> write) {
  HF_RETURN_IF_ERROR(database_->SetSynced(true));
  const auto run = [&]() -> absl::Status {
    HF_ASSIGN_OR_RETURN(SqliteTransaction transaction, SqliteTransaction::Begin(*database_));
    HF_RETURN_IF_ERROR(write());
    return transaction.Commit();
  };
  const absl::Status written = run();
  HF_RETURN_IF_ERROR(database_->SetSynced(false));
  HF_RETURN_IF_ERROR(Reported(written));
  // Checkpointed and the WAL begun anew at once: positions are not synced, so a power cut may tear the WAL
  // anywhere behind this, and SQLite then takes what comes before the tear. Every frame that it may choose
  // from must be younger than the promise. The value is durable whatever becomes of this, so a full disk here
  // is not the caller's business.
  const absl::Status kept_out = Checkpoint(/*min_pages=*/0);
  return IsFailedSync(kept_out) ? kept_out : absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> SqliteNodeStore::GetValue(absl::string_view name) {
  return values_.Get(absl::StrCat(kOwnPrefix, name));
}

absl::Status SqliteNodeStore::PutValue(absl::string_view name, absl::string_view value) {
  return PutDurably(absl::StrCat(kOwnPrefix, name), value);
}

absl::Status SqliteNodeStore::DeleteValue(absl::string_view name) {
  return Durably([&]() { return values_.Delete(absl::StrCat(kOwnPrefix, name)); });
}

absl::Status SqliteNodeStore::ForgetAbove(const Position& ancestor) {
  const Position acknowledged_before = acknowledged_;
  const Position visible_before = visible_;
  if (acknowledged_.revision > ancestor.revision) acknowledged_ = ancestor;
  if (visible_.revision > ancestor.revision) visible_ = ancestor;
  if (acknowledged_ == acknowledged_before && visible_ == visible_before) return absl::OkStatus();
  const absl::Status forgotten = Durably([&]() -> absl::Status {
    HF_RETURN_IF_ERROR(values_.Put(kAcknowledged, ToProto(acknowledged_).SerializeAsString()));
    return values_.Put(kVisible, ToProto(visible_).SerializeAsString());
  });
  if (forgotten.ok()) return forgotten;
  acknowledged_ = acknowledged_before;
  visible_ = visible_before;
  return forgotten;
}

absl::Status SqliteNodeStore::Check() {
  HF_ASSIGN_OR_RETURN(const int64_t pages, database_->FilePages());
  std::vector<int64_t> damaged;
  HF_RETURN_IF_ERROR(database_->CheckPages(1, pages, &damaged));
  if (!damaged.empty()) {
    return DamagedDatabaseError(database_->path(),
                                absl::StrCat("page ", damaged[0], " does not match its checksum"));
  }
  std::vector<std::string> names;
  {
    HF_ASSIGN_OR_RETURN(SqliteStatement all, database_->Prepare("SELECT name FROM node ORDER BY name"));
    SqliteQuery query = all.Query();
    while (true) {
      HF_ASSIGN_OR_RETURN(const bool has_row, query.Step());
      if (!has_row) break;
      names.push_back(query.BlobString(0));
    }
  }
  for (const std::string& name : names) HF_RETURN_IF_ERROR(values_.Get(name).status());
  return database_->IntegrityCheck("node");
}

absl::Status SqliteNodeStore::Checkpoint(int min_pages) {
  if (database_->wal_frames() < min_pages) return absl::OkStatus();
  HF_RETURN_IF_ERROR(Reported(database_->Checkpoint().status()));
  // A write after a complete checkpoint begins the WAL anew: the frames that were copied are void from here
  // on.
  return PutWritten(kVisible, visible_);
}

}  // namespace holdfast::storage
