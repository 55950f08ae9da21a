#include "storage/sqlite_statement.h"

#include <sqlite3.h>

#include <utility>

#include "base/check.h"
#include "storage/sqlite_database.h"

namespace holdfast::storage {

SqliteQuery::~SqliteQuery() {
  sqlite3_reset(statement_->statement_);  // its code repeats what Step already said
  statement_->is_running_ = false;
}

absl::StatusOr<bool> SqliteQuery::Step() {
  if (is_over_) return false;  // sqlite3_step would begin again
  is_over_ = true;
  if (bind_error_ != SQLITE_OK) return statement_->database_->Error(bind_error_);
  const int code = sqlite3_step(statement_->statement_);
  is_over_ = code != SQLITE_ROW;
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return statement_->database_->Error(code);
}

int64_t SqliteQuery::Int64(int column) const { return sqlite3_column_int64(statement_->statement_, column); }

absl::string_view SqliteQuery::Blob(int column) const {
  // The order matters: the bytes first, then their number (SQLite's documentation of column access).
  const void* const bytes = sqlite3_column_blob(statement_->statement_, column);
  const int size = sqlite3_column_bytes(statement_->statement_, column);
  return bytes == nullptr ? absl::string_view("", 0)
                          : absl::string_view(static_cast<const char*>(bytes), static_cast<size_t>(size));
}

absl::string_view SqliteQuery::Text(int column) const {
  const unsigned char* const text = sqlite3_column_text(statement_->statement_, column);
  const int size = sqlite3_column_bytes(statement_->statement_, column);
  return text == nullptr ? absl::string_view("", 0)
                         : absl::string_view(reinterpret_cast<const char*>(text), static_cast<size_t>(size));
}

bool SqliteQuery::IsNull(int column) const {
  return sqlite3_column_type(statement_->statement_, column) == SQLITE_NULL;
}

SqliteStatement::SqliteStatement(SqliteStatement&& other) noexcept
    : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)) {
  HF_CHECK(!other.is_running_, "a statement moved while its query lives");
}

SqliteStatement& SqliteStatement::operator=(SqliteStatement&& other) noexcept {
  HF_CHECK(!is_running_ && !other.is_running_, "a statement moved while its query lives");
  if (this != &other) {
    sqlite3_finalize(statement_);
    database_ = other.database_;
    statement_ = std::exchange(other.statement_, nullptr);
  }
  return *this;
}

SqliteStatement::~SqliteStatement() {
  HF_CHECK(!is_running_, "a statement destroyed while its query lives");
  sqlite3_finalize(statement_);
}

void SqliteStatement::BeginRun(size_t argument_count) {
  HF_CHECK(statement_ != nullptr, "a statement used before it was prepared");
  HF_CHECK(!is_running_, "a statement used while a query of it lives");
  HF_CHECK(sqlite3_bind_parameter_count(statement_) == static_cast<int>(argument_count),
           sqlite3_sql(statement_));
  is_running_ = true;
}

absl::Status SqliteStatement::RunBound(int bind_error) {
  SqliteQuery query(this, bind_error);
  absl::StatusOr<bool> row = true;
  while (row.ok() && *row) row = query.Step();
  return row.status();
}

int SqliteStatement::Bind(int index, absl::string_view blob) {
  // A null pointer would bind NULL; an empty blob is a value.
  return sqlite3_bind_blob64(statement_, index, blob.data() == nullptr ? "" : blob.data(), blob.size(),
                             SQLITE_STATIC);
}

int SqliteStatement::Bind(int index, SqliteText text) {
  const char* const data = text.value.data() == nullptr ? "" : text.value.data();
  return sqlite3_bind_text64(statement_, index, data, text.value.size(), SQLITE_STATIC, SQLITE_UTF8);
}

int SqliteStatement::Bind(int index, std::nullptr_t) { return sqlite3_bind_null(statement_, index); }

int SqliteStatement::BindInt64(int index, int64_t value) {
  return sqlite3_bind_int64(statement_, index, value);
}

}  // namespace holdfast::storage
