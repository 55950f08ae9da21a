// A verified database file takes the place of data.db. The names change in steps that a crash may interrupt
// anywhere: node.db says what was begun, and Open finishes it (FinishReplacement).
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "storage/common_ancestor.h"
#include "storage/database_files.h"
#include "storage/errors.h"
#include "storage/schema.h"
#include "storage/set_aside.h"
#include "storage/store_impl.h"

namespace holdfast::storage {
namespace {

// In node.db while a file is being replaced: the path of the incoming one.
constexpr absl::string_view kReplacement = "replacement";

// In node.db beside it, if the file that is replaced is kept: its new name.
constexpr absl::string_view kKeptAs = "replacement_keeps";

// The old file keeps this name until the last reader has left it.
constexpr absl::string_view kReplacedSuffix = ".replaced";

// Is `visible` a record of the incoming log that its readers may have?
absl::StatusOr<bool> HasVisible(SqliteDatabase& incoming, const StoreTail& tail, const Position& visible) {
  if (visible == tail.position) return true;
  HF_ASSIGN_OR_RETURN(MetaTable meta, MetaTable::Open(incoming, "meta"));
  HF_ASSIGN_OR_RETURN(const StoreFloor floor, meta.ReadFloor());
  if (visible.revision < floor.floor || visible.revision.is_zero()) return false;
  if (visible == floor.base) return true;
  HF_ASSIGN_OR_RETURN(LogTable log, LogTable::Open(incoming));
  HF_ASSIGN_OR_RETURN(const std::optional<LogRow> row, log.Read(visible.revision.index()));
  return row.has_value() && row->record->position == visible;
}

}  // namespace

absl::Status Store::ReplaceWith(absl::string_view path, const Position& position, const Position& visible,
                                absl::string_view reason) {
  Impl& impl = *impl_;
  HF_CHECK(!impl.has_open_batch, "between batches only");
  HF_RETURN_IF_ERROR(impl.Writable());
  HF_RETURN_IF_ERROR(impl.Checked(impl.RemoveReplaced()));
  const absl::StatusOr<Position> ancestor = impl.AncestorWith(path, position, visible);
  HF_RETURN_IF_ERROR(impl.Checked(ancestor.status()));
  HF_RETURN_IF_ERROR(impl.Checked(impl.Salvage(*ancestor, reason).status()));
  HF_RETURN_IF_ERROR(impl.KeepUpTo(*ancestor));
  return impl.SwapIn(path, visible, "");
}

absl::StatusOr<std::string> Store::RepairWith(absl::string_view path, const Position& position,
                                              const Position& visible, absl::string_view reason) {
  Impl& impl = *impl_;
  HF_CHECK(!impl.has_open_batch, "between batches only");
  HF_RETURN_IF_ERROR(impl.Writable());
  HF_RETURN_IF_ERROR(impl.Checked(impl.RemoveReplaced()));
  // What can be read of the log is salvaged as ever, so that it can be listed and applied. What cannot is in
  // the file that is kept (I6).
  absl::StatusOr<Position> ancestor = impl.AncestorWith(path, position, visible);
  if (ancestor.ok()) {
    const absl::Status salvaged = impl.Salvage(*ancestor, reason).status();
    if (!salvaged.ok() && !impl.IsOwnDamage(salvaged)) return impl.Checked(salvaged);
  } else {
    if (!impl.IsOwnDamage(ancestor.status())) return impl.Checked(ancestor.status());
    ancestor = Position{};
  }
  HF_ASSIGN_OR_RETURN(const std::string aside, FreeNameAside(*impl.options.files, impl.data_path()));
  HF_RETURN_IF_ERROR(impl.KeepUpTo(*ancestor));
  HF_RETURN_IF_ERROR(impl.SwapIn(path, visible, aside));
  return aside;
}

uint64_t Store::file_generation() const { return impl_->file_generation; }

bool Store::IsSameFile(uint64_t generation) const {
  return generation % 2 == 0 && generation == impl_->file_generation;
}

bool Store::is_replacing() const { return impl_->replacing.has_value(); }

absl::StatusOr<std::string> Store::FinishReplacing() {
  HF_CHECK(is_replacing() && !impl_->has_open_batch, "what was begun, between batches only");
  HF_RETURN_IF_ERROR(impl_->FailedSync());
  const std::string kept_as = impl_->replacing->kept_as;
  HF_RETURN_IF_ERROR(impl_->FinishSwap());
  return kept_as;
}

absl::StatusOr<Position> Store::Impl::AncestorWith(absl::string_view path, const Position& position,
                                                   const Position& visible) {
  SqliteOptions sqlite = ReaderOptions();
  sqlite.mmap_bytes = 0;
  HF_ASSIGN_OR_RETURN(const std::unique_ptr<SqliteDatabase> incoming,
                      SqliteDatabase::OpenReader(path, sqlite));
  HF_RETURN_IF_ERROR(CheckDataSchema(*incoming));
  HF_ASSIGN_OR_RETURN(MetaTable meta, MetaTable::Open(*incoming, "meta"));
  HF_ASSIGN_OR_RETURN(const StoreTail incoming_tail, meta.ReadTail());
  if (incoming_tail.position != position) {
    return DamagedDatabaseError(path, absl::StrCat("it ends at ", incoming_tail.position.ToString(),
                                                   ", not at ", position.ToString()));
  }
  HF_ASSIGN_OR_RETURN(const bool has_visible, HasVisible(*incoming, incoming_tail, visible));
  if (!has_visible) {
    return DamagedDatabaseError(
        path, absl::StrCat("it has no record ", visible.ToString(), ", up to which it is to be shown"));
  }
  return FindCommonAncestor(*writer, *incoming);
}

absl::Status Store::Impl::KeepUpTo(const Position& ancestor) {
  // After a power cut node.db may say less than is shown (SettleVisible).
  HF_RETURN_IF_ERROR(Checked(node->NoteVisible(visible)));
  return Checked(node->ForgetAbove(ancestor));
}

absl::Status Store::Impl::SwapIn(absl::string_view path, const Position& visible_of_it,
                                 absl::string_view kept_as) {
  HF_RETURN_IF_ERROR(
      Checked(kept_as.empty() ? node->DeleteValue(kKeptAs) : node->PutValue(kKeptAs, kept_as)));
  HF_RETURN_IF_ERROR(Checked(node->PutValue(kReplacement, path)));
  // From here on there is no way back: what fails now is tried again, by FinishReplacing or by Open.
  replacing = Replacement{visible_of_it, std::string(kept_as), absl::OkStatus()};
  return FinishSwap();
}

absl::Status Store::Impl::FinishSwap() {
  const absl::Status swapped = Checked(SwapFiles(replacing->visible));
  if (!swapped.ok()) {
    replacing->failure = swapped;
    // The file was verified before: what it says now only a start can judge, which may set it aside.
    if (IsDamaged(swapped)) Stop(swapped);
    return swapped;
  }
  replacing.reset();
  for (StoreObserver* observer : observers) observer->OnReplaced(visible);
  return absl::OkStatus();
}

absl::Status Store::Impl::SwapFiles(const Position& visible_of_it) {
  if (file_generation % 2 == 0) ++file_generation;  // odd already where an earlier try has failed
  // The old writer goes first; readers keep the old file open under its new name.
  tables.reset();
  writer.reset();
  HF_RETURN_IF_ERROR(FinishReplacement());
  HF_RETURN_IF_ERROR(OpenTables());
  // If a crash comes before this, Open finds the same: the incoming file says what is visible of it
  // (snapshot_file.h), and node.db what was shown of the log that both share.
  const Position shared = node->visible();
  const Position shown = shared.revision > visible_of_it.revision ? shared : visible_of_it;
  HF_RETURN_IF_ERROR(node->NoteVisible(shown));
  visible = shown;
  HF_RETURN_IF_ERROR(AdvanceFloor().status());
  cache.Clear();
  may_compact = true;
  postponed_checkpoint_pages = 0;
  HF_ASSIGN_OR_RETURN(ConnectionPool::Connections keys, key_connections->OpenAll());
  HF_ASSIGN_OR_RETURN(ConnectionPool::Connections logs, log_connections->OpenAll());
  // Both pools and the published state change together: a reader sees the old file with the old numbers or
  // the new one with the new. What was idle is closed at the end of this function, without their locks.
  ConnectionPool::Connections old_keys;
  const ConnectionPool::Connections old_logs = log_connections->Switch(std::move(logs), [&]() {
    old_keys = key_connections->Switch(std::move(keys), [&]() {
      state.CountCut();
      state.CountWrite();
      Publish(/*milestones_changed=*/true);
    });
  });
  ++file_generation;
  has_replaced_file = true;
  return absl::OkStatus();
}

absl::Status Store::Impl::FinishReplacement() {
  HF_ASSIGN_OR_RETURN(const std::optional<std::string> incoming, node->GetValue(kReplacement));
  if (!incoming.has_value()) return absl::OkStatus();
  FileSystem& files = *options.files;
  const std::string data = data_path();
  HF_ASSIGN_OR_RETURN(const std::optional<std::string> kept_as, node->GetValue(kKeptAs));
  const std::string old = kept_as.value_or(absl::StrCat(data, kReplacedSuffix));
  HF_ASSIGN_OR_RETURN(const bool is_waiting, files.Exists(*incoming));
  if (is_waiting) {
    // As long as the incoming file has its own name, whatever is called data.db is the old one. Its WAL must
    // not be there when the new one takes the name: SQLite would replay it.
    HF_RETURN_IF_ERROR(RenameIfThere(files, data, old));
    HF_RETURN_IF_ERROR(RenameCompanions(files, data, old));
    HF_RETURN_IF_ERROR(RemoveCompanions(files, *incoming));
    HF_RETURN_IF_ERROR(files.Rename(*incoming, data));
  }
  if (kept_as.has_value()) HF_RETURN_IF_ERROR(node->DeleteValue(kKeptAs));
  return node->DeleteValue(kReplacement);
}

absl::Status Store::Impl::RemoveReplaced() {
  const std::string old = absl::StrCat(data_path(), kReplacedSuffix);
  HF_RETURN_IF_ERROR(RemoveCompanions(*options.files, old));
  HF_RETURN_IF_ERROR(RemoveIfThere(*options.files, old));
  has_replaced_file = false;
  return absl::OkStatus();
}

absl::StatusOr<std::string> Store::SetAside(const Options& options, absl::string_view why) {
  Impl impl(options);
  HF_RETURN_IF_ERROR(impl.OpenNode());
  // What this node has acknowledged is gone with the file: it is no voter until a record admits it anew
  // (R16).
  HF_RETURN_IF_ERROR(impl.node->RenewIncarnation(why));
  HF_RETURN_IF_ERROR(impl.node->ForgetAbove(Position{}));
  HF_RETURN_IF_ERROR(impl.node->DeleteValue(kReplacement));
  HF_RETURN_IF_ERROR(impl.node->DeleteValue(kKeptAs));
  return MoveAside(*options.files, impl.data_path());
}

}  // namespace holdfast::storage
