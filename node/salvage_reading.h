#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "holdfast/v1/salvage.pb.h"
#include "storage/file_system.h"
#include "storage/salvage_file.h"

// A node's salvage files as messages, one for each step, so that whoever sends them waits nowhere. Steps of
// one object come one after the other, on any thread; `files` must outlive it.
namespace holdfast::node {

// Summaries, in name order.
class SalvageListing {
 public:
  SalvageListing(storage::FileSystem* files, std::string data_dir, std::string node_id)
      : files_(files), data_dir_(std::move(data_dir)), node_id_(std::move(node_id)) {}

  // The next file's, after a look at the whole of it; nullopt after the last. IO_ERROR.
  absl::StatusOr<std::optional<v1::SalvageFileSummary>> Next();

 private:
  storage::FileSystem* const files_;
  const std::string data_dir_;
  const std::string node_id_;
  std::optional<std::vector<std::string>> paths_;  // nullopt before the first step
  size_t next_ = 0;
};

// One file's content.
class SalvageContent {
 public:
  SalvageContent(storage::FileSystem* files, std::string data_dir, std::string node_id, std::string file)
      : files_(files), data_dir_(std::move(data_dir)), node_id_(std::move(node_id)), file_(std::move(file)) {}

  // Header with the first records, more records, `complete`; then nullopt. SALVAGE_NOT_FOUND; DATA_DAMAGED
  // where the file is damaged, SCHEMA_TOO_NEW, IO_ERROR.
  absl::StatusOr<std::optional<v1::ReadSalvageResponse>> Next();

 private:
  absl::Status Open();

  storage::FileSystem* const files_;
  const std::string data_dir_;
  const std::string node_id_;
  const std::string file_;
  std::unique_ptr<storage::SalvageReader> reader_;  // null before the first step
  std::optional<v1::SalvageFileRecord> kept_;       // read, and too large for the message before
  bool is_over_ = false;
};

}  // namespace holdfast::node
