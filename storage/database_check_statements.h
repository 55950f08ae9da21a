#pragma once

#include "storage/database_check.h"
#include "storage/sqlite_statement.h"

namespace holdfast::storage {

// What a check asks of the database. Its own queries stand here, beside those of the tables.
struct DatabaseCheck::Statements {
  MetaTable meta;
  LogTable log;
  VersionReader versions;
  // From the index alone, so that a key can still be named when its row cannot be read.
  SqliteStatement next_keys;
  SqliteStatement key_by_id;
  SqliteStatement last_id;
  SqliteStatement next_undo;
  SqliteStatement broken_current_links;
  SqliteStatement broken_undo_links;
};

}  // namespace holdfast::storage
