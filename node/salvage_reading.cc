#include "node/salvage_reading.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "node/errors.h"
#include "storage/salvage_codec.h"

namespace holdfast::node {

absl::StatusOr<std::optional<v1::SalvageFileSummary>> SalvageListing::Next() {
  if (!paths_) {
    HF_ASSIGN_OR_RETURN(paths_, storage::ListSalvageFiles(files_, data_dir_));
  }
  if (next_ == paths_->size()) return std::nullopt;
  return storage::DescribeSalvageFile(files_, (*paths_)[next_++], node_id_);
}

absl::Status SalvageContent::Open() {
  if (!storage::IsSalvageFileName(file_)) return NoSuchSalvageError(node_id_, file_);
  const std::string path = absl::StrCat(storage::SalvageDirectory(data_dir_), "/", file_);
  HF_ASSIGN_OR_RETURN(const bool exists, files_->Exists(path));
  if (!exists) return NoSuchSalvageError(node_id_, file_);
  HF_ASSIGN_OR_RETURN(reader_, storage::SalvageReader::Open(files_, path));
  return absl::OkStatus();
}

absl::StatusOr<std::optional<v1::ReadSalvageResponse>> SalvageContent::Next() {
  if (is_over_) return std::nullopt;
  v1::ReadSalvageResponse message;
  if (reader_ == nullptr) {
    HF_RETURN_IF_ERROR(Open());
    *message.mutable_header() = storage::ToProto(reader_->header());
  }
  size_t bytes = 0;
  while (true) {
    if (!kept_) {
      storage::SalvageRecord record;
      HF_ASSIGN_OR_RETURN(const bool has_record, reader_->Next(&record));
      if (!has_record) {
        is_over_ = true;
        message.set_complete(true);
        return message;
      }
      kept_ = storage::ToProto(record);
    }
    bytes += kept_->ByteSizeLong();
    if (message.records_size() > 0 && bytes > kMaxRecordBytesPerMessage) return message;
    *message.add_records() = *std::exchange(kept_, std::nullopt);
  }
}

}  // namespace holdfast::node
