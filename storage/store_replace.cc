// A verified database file takes the place of data.db. The names change in steps that a crash may interrupt
// anywhere: node.db says what was begun, and Open finishes it (FinishReplacement).
#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "storage/common_ancestor.h"
#include "storage/errors.h"
#include "storage/schema.h"
#include "storage/store_impl.h"

namespace holdfast::storage {
namespace {

// In node.db while a file is being replaced: the path of the incoming one.
constexpr absl::string_view kReplacement = "replacement";

// The old file keeps this name until the last reader has left it.
constexpr absl::string_view kReplacedSuffix = ".replaced";

constexpr absl::string_view kCompanions[] = {"-wal", "-shm"};

absl::Status RemoveIfThere(FileSystem& files, const std::string& path) {
  HF_ASSIGN_OR_RETURN(const bool exists, files.Exists(path));
  return exists ? files.Remove(path) : absl::OkStatus();
}

absl::Status RenameIfThere(FileSystem& files, const std::string& from, const std::string& to) {
  HF_ASSIGN_OR_RETURN(const bool exists, files.Exists(from));
  return exists ? files.Rename(from, to) : absl::OkStatus();
}

}  // namespace

absl::Status Store::ReplaceWith(absl::string_view path, const Position& position, absl::string_view reason) {
  Impl& impl = *impl_;
  HF_CHECK(!impl.has_open_batch, "between batches only");
  HF_RETURN_IF_ERROR(impl.failed_sync);
  HF_RETURN_IF_ERROR(impl.Checked(impl.RemoveReplaced()));
  HF_ASSIGN_OR_RETURN(const Position ancestor, impl.AncestorWith(path, position));
  HF_RETURN_IF_ERROR(impl.Checked(impl.Salvage(ancestor, reason).status()));
  HF_RETURN_IF_ERROR(impl.Checked(impl.node->ForgetAbove(ancestor)));
  HF_RETURN_IF_ERROR(impl.Checked(impl.node->PutValue(kReplacement, path)));
  // From here on there is no way back: what fails now ends the store, and Open goes on with it.
  const absl::Status swapped = impl.Checked(impl.SwapIn(position));
  if (!swapped.ok()) {
    if (impl.failed_sync.ok()) impl.failed_sync = swapped;
    return swapped;
  }
  for (StoreObserver* observer : impl.observers) observer->OnReplaced(position);
  return absl::OkStatus();
}

absl::StatusOr<Position> Store::Impl::AncestorWith(absl::string_view path, const Position& position) {
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
  return FindCommonAncestor(*writer, *incoming);
}

absl::Status Store::Impl::SwapIn(const Position& position) {
  // The old writer goes first; readers keep the old file open under its new name.
  tables.reset();
  writer.reset();
  HF_RETURN_IF_ERROR(FinishReplacement());
  HF_RETURN_IF_ERROR(OpenTables());
  HF_RETURN_IF_ERROR(node->NoteVisible(position));
  visible = position;
  HF_RETURN_IF_ERROR(AdvanceFloor().status());
  cache.Clear();
  may_compact = true;
  postponed_checkpoint_pages = 0;
  HF_ASSIGN_OR_RETURN(ConnectionPool::Connections keys, key_connections->OpenAll());
  HF_ASSIGN_OR_RETURN(ConnectionPool::Connections logs, log_connections->OpenAll());
  // Both pools and the published state change together: a reader sees the old file with the old numbers or
  // the new one with the new.
  log_connections->Switch(std::move(logs), [&]() {
    key_connections->Switch(std::move(keys), [&]() {
      state.CountCut();
      state.CountWrite();
      Publish(/*milestones_changed=*/true);
    });
  });
  has_replaced_file = true;
  return absl::OkStatus();
}

absl::Status Store::Impl::FinishReplacement() {
  HF_ASSIGN_OR_RETURN(const std::optional<std::string> incoming, node->GetValue(kReplacement));
  if (!incoming.has_value()) return absl::OkStatus();
  FileSystem& files = *options.files;
  const std::string data = data_path();
  const std::string old = absl::StrCat(data, kReplacedSuffix);
  HF_ASSIGN_OR_RETURN(const bool is_waiting, files.Exists(*incoming));
  if (is_waiting) {
    // As long as the incoming file has its own name, whatever is called data.db is the old one. Its WAL must
    // not be there when the new one takes the name: SQLite would replay it.
    HF_RETURN_IF_ERROR(RenameIfThere(files, data, old));
    for (const absl::string_view companion : kCompanions) {
      HF_RETURN_IF_ERROR(RenameIfThere(files, absl::StrCat(data, companion), absl::StrCat(old, companion)));
      HF_RETURN_IF_ERROR(RemoveIfThere(files, absl::StrCat(*incoming, companion)));
    }
    HF_RETURN_IF_ERROR(files.Rename(*incoming, data));
  }
  return node->DeleteValue(kReplacement);
}

absl::Status Store::Impl::RemoveReplaced() {
  const std::string old = absl::StrCat(data_path(), kReplacedSuffix);
  for (const absl::string_view companion : kCompanions) {
    HF_RETURN_IF_ERROR(RemoveIfThere(*options.files, absl::StrCat(old, companion)));
  }
  HF_RETURN_IF_ERROR(RemoveIfThere(*options.files, old));
  has_replaced_file = false;
  return absl::OkStatus();
}

absl::StatusOr<std::string> Store::SetAside(const Options& options, absl::string_view why) {
  Impl impl(options);
  FileSystem& files = *options.files;
  HF_RETURN_IF_ERROR(impl.OpenNode());
  // What this node has acknowledged is gone with the file: it is no voter until a record admits it anew
  // (R16).
  HF_RETURN_IF_ERROR(impl.node->RenewIncarnation(why));
  HF_RETURN_IF_ERROR(impl.node->ForgetAbove(Position{}));
  HF_RETURN_IF_ERROR(impl.node->DeleteValue(kReplacement));
  const std::string data = impl.data_path();
  std::string aside;
  for (int number = 1;; ++number) {
    aside = absl::StrCat(data, ".damaged-", number);
    HF_ASSIGN_OR_RETURN(const bool is_taken, files.Exists(aside));
    HF_ASSIGN_OR_RETURN(const bool has_wal, files.Exists(absl::StrCat(aside, "-wal")));
    if (!is_taken && !has_wal) break;
  }
  // The file before its WAL: a WAL alone is refused at the next start, a file without its WAL would be
  // trusted.
  HF_RETURN_IF_ERROR(RenameIfThere(files, data, aside));
  for (const absl::string_view companion : kCompanions) {
    HF_RETURN_IF_ERROR(RenameIfThere(files, absl::StrCat(data, companion), absl::StrCat(aside, companion)));
  }
  return aside;
}

}  // namespace holdfast::storage
