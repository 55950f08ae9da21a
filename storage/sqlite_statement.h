#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct sqlite3_stmt;

namespace holdfast::storage {

class SqliteDatabase;
class SqliteStatement;

// Marks bytes to be bound as TEXT; a bare string_view is bound as a BLOB.
struct SqliteText {
  absl::string_view value;
};

// One run of a statement: rows until Step says false. The statement is free for its next run when this is
// destroyed. Neither copies nor moves, so a run cannot outlive its scope. Same thread as the database.
class SqliteQuery {
 public:
  ~SqliteQuery();
  SqliteQuery(const SqliteQuery&) = delete;
  SqliteQuery& operator=(const SqliteQuery&) = delete;

  // True: a row is there. False: no more rows, and writes are done. After an error or false the query is over
  // and says false.
  absl::StatusOr<bool> Step();

  // Columns of the current row, counted from 0. Views are valid until the next Step or the end of this query.
  int64_t Int64(int column) const;
  absl::string_view Blob(int column) const;
  absl::string_view Text(int column) const;
  bool IsNull(int column) const;
  std::string BlobString(int column) const { return std::string(Blob(column)); }

 private:
  friend class SqliteStatement;
  SqliteQuery(SqliteStatement* statement, int bind_error) : statement_(statement), bind_error_(bind_error) {}

  SqliteStatement* const statement_;
  const int bind_error_;
  bool is_over_ = false;
};

// A prepared statement, kept for as long as its owner wants; at most one SqliteQuery of it lives at a time.
// Must not outlive its database. Same thread as the database.
class SqliteStatement {
 public:
  SqliteStatement() = default;  // empty: may only be assigned to
  SqliteStatement(SqliteStatement&& other) noexcept;
  SqliteStatement& operator=(SqliteStatement&& other) noexcept;
  ~SqliteStatement();

  // Binds the parameters `?` in order (integers, string_view or std::string as BLOB, SqliteText, nullptr as
  // NULL) and begins a run. Requires as many arguments as parameters. Bytes are not copied: they must outlive
  // the query, so a temporary std::string does not compile.
  template <typename... Args>
  SqliteQuery Query(Args&&... args) {
    static_assert((!std::is_same_v<Args, std::string> && ...), "the query would outlive this temporary");
    return SqliteQuery(this, BindAll(args...));
  }

  // Binds, runs to the end and ignores rows: for INSERT, UPDATE, DELETE.
  template <typename... Args>
  absl::Status Run(const Args&... args) {
    return RunBound(BindAll(args...));
  }

 private:
  friend class SqliteDatabase;
  friend class SqliteQuery;
  SqliteStatement(SqliteDatabase* database, sqlite3_stmt* statement)
      : database_(database), statement_(statement) {}

  template <typename... Args>
  int BindAll(const Args&... args) {
    BeginRun(sizeof...(args));
    int index = 0;
    int error = 0;
    ((error = error != 0 ? error : Bind(++index, args)), ...);
    return error;
  }

  template <typename T, std::enable_if_t<std::is_integral_v<T>, int> = 0>
  int Bind(int index, T value) {
    return BindInt64(index, static_cast<int64_t>(value));
  }
  int Bind(int index, absl::string_view blob);
  int Bind(int index, const std::string& blob) { return Bind(index, absl::string_view(blob)); }
  int Bind(int index, SqliteText text);
  int Bind(int index, std::nullptr_t);
  int BindInt64(int index, int64_t value);

  void BeginRun(size_t argument_count);
  absl::Status RunBound(int bind_error);

  SqliteDatabase* database_ = nullptr;
  sqlite3_stmt* statement_ = nullptr;
  bool is_running_ = false;
};

}  // namespace holdfast::storage
