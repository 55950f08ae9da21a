#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/position.h"
#include "storage/file_system.h"

namespace holdfast::storage {

class FramedFileReader;
class FramedFileWriter;

// Who lost what, and why: the beginning of a salvage file (docs/formats/salvage.md).
struct SalvageHeader {
  std::string cluster_id;
  std::string node_id;
  std::string incarnation;  // the one that held the records
  std::string reason;       // for people: "rewind to the history of epoch 3", "replaced by a snapshot"
  absl::Time made_at;
  Position ancestor;  // the last record that both histories share; zero if none is known
  std::vector<Position>
      first_lost;  // the first lost records, at most kMaxFirstLost, enough to name the branch
};

// One record that only the diverged node held: its exact bytes, as they were hashed.
struct SalvageRecord {
  Position position;  // its revision and chain hash
  std::string bytes;
  bool was_visible = false;  // readers of this node had seen it
};

inline constexpr int kMaxFirstLost = 8;
inline constexpr absl::string_view kSalvageSuffix = ".hfsalvage";

// The directory of the salvage files of a node.
std::string SalvageDirectory(absl::string_view data_dir);

// Writes one salvage file, record by record, in log order. Nothing has that name before Finish returned OK;
// only then may the records be cut (I6). Destroyed before that: the unfinished file is removed. One thread;
// `files` must outlive this. DISK_FULL and IO_ERROR end the writer.
class SalvageWriter {
 public:
  // Begins `<data_dir>/salvage/salvage-<epoch.index>-<stamp>-<n>.hfsalvage`, where epoch.index is the first
  // lost revision. Makes the directory if need be. Requires at least one `header.first_lost`.
  static absl::StatusOr<std::unique_ptr<SalvageWriter>> Create(FileSystem* files, absl::string_view data_dir,
                                                               const SalvageHeader& header);
  ~SalvageWriter();
  SalvageWriter(const SalvageWriter&) = delete;
  SalvageWriter& operator=(const SalvageWriter&) = delete;

  // Requires growing revisions, the first equal to header.first_lost[0].
  absl::Status Add(const Position& position, absl::string_view bytes, bool was_visible);

  // Trailer, sync, rename, sync of the directory. Returns the file's path. Call once.
  absl::StatusOr<std::string> Finish();

  int64_t record_count() const { return record_count_; }

 private:
  SalvageWriter(std::unique_ptr<FramedFileWriter> file, const Position& ancestor, Revision first_lost);

  const std::unique_ptr<FramedFileWriter> file_;
  const Revision first_lost_;
  Position previous_;  // what was added last; the ancestor before that
  int64_t record_count_ = 0;
};

// Reads a salvage file from its beginning, one record at a time, in bounded memory. One thread.
class SalvageReader {
 public:
  // DATA_DAMAGED if it is no salvage file, SCHEMA_TOO_NEW if a newer release wrote it.
  static absl::StatusOr<std::unique_ptr<SalvageReader>> Open(FileSystem* files, absl::string_view path);
  ~SalvageReader();

  const SalvageHeader& header() const { return header_; }

  // The next record; false after the last, when the trailer's count and SHA-256 were found right. Each record
  // is checked against its chain hash where its predecessor is known. DATA_DAMAGED with the record's place.
  absl::StatusOr<bool> Next(SalvageRecord* record);

 private:
  explicit SalvageReader(std::unique_ptr<FramedFileReader> file);
  absl::Status ReadHeader();

  std::unique_ptr<FramedFileReader> file_;
  SalvageHeader header_;
  Position previous_;
  int64_t record_count_ = 0;
};

// What `salvage list` shows of one file.
struct SalvageSummary {
  std::string path;
  SalvageHeader header;
  int64_t record_count = 0;
  int64_t visible_count = 0;
  Position last;
};

// Reads a whole file and verifies everything in it.
absl::StatusOr<SalvageSummary> VerifySalvageFile(FileSystem* files, absl::string_view path);

// The finished salvage files of a node, in name order. Empty if there is no directory.
absl::StatusOr<std::vector<std::string>> ListSalvageFiles(FileSystem* files, absl::string_view data_dir);

}  // namespace holdfast::storage
