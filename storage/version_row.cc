#include "storage/version_row.h"

#include "storage/errors.h"
#include "storage/row_hash.h"

namespace holdfast::storage {

absl::Status ReadVersionRow(const SqliteQuery& query, int64_t superseded_revision, absl::string_view path,
                            VersionRow* row) {
  row->create_revision = query.Int64(0);
  row->mod_revision = query.Int64(1);
  row->version = query.Int64(2);
  row->undo_id = query.Int64(3);
  row->value = query.Blob(5);
  row->key = query.Blob(6);
  row->row_hash = RowHash(row->key, row->create_revision, row->mod_revision, row->version, row->value);
  if (Matches(query.Blob(4), GuardVersion(row->row_hash, superseded_revision, row->undo_id))) {
    return absl::OkStatus();
  }
  return DamagedRowError(path, row->key, "a version of this key is not what was written");
}

}  // namespace holdfast::storage
