#include "storage/salvage_file.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "holdfast/v1/files.pb.h"
#include "storage/errors.h"
#include "storage/framed_file.h"
#include "storage/salvage_codec.h"

namespace holdfast::storage {
namespace {

constexpr absl::string_view kMagic = "HFSALVAG";
constexpr uint8_t kHeaderFrame = 1;
constexpr uint8_t kRecordFrame = 2;
// More files of one second and one revision than this are a mistake of ours.
constexpr int kMaxNumber = 1000;

absl::StatusOr<std::string> FreeName(FileSystem* files, absl::string_view directory,
                                     const SalvageHeader& header) {
  const std::string stamp = absl::FormatTime("%Y%m%dT%H%M%SZ", header.made_at, absl::UTCTimeZone());
  for (int n = 1; n <= kMaxNumber; ++n) {
    const std::string path = absl::StrCat(directory, "/salvage-", header.first_lost[0].revision.ToString(),
                                          "-", stamp, "-", n, kSalvageSuffix);
    HF_ASSIGN_OR_RETURN(const bool is_taken, files->Exists(path));
    if (!is_taken) return path;
  }
  return FileExistsError(directory);
}

}  // namespace

std::string SalvageDirectory(absl::string_view data_dir) { return absl::StrCat(data_dir, "/salvage"); }

absl::StatusOr<std::unique_ptr<SalvageWriter>> SalvageWriter::Create(FileSystem* files,
                                                                     absl::string_view data_dir,
                                                                     const SalvageHeader& header) {
  HF_CHECK(!header.first_lost.empty() && header.first_lost.size() <= kMaxFirstLost,
           "what is lost has a beginning");
  const std::string directory = SalvageDirectory(data_dir);
  HF_RETURN_IF_ERROR(files->MakeDirectories(directory));
  HF_ASSIGN_OR_RETURN(std::string path, FreeName(files, directory, header));
  HF_ASSIGN_OR_RETURN(auto file, FramedFileWriter::Create(files, path, kMagic));
  HF_RETURN_IF_ERROR(file->Add(kHeaderFrame, ToProto(header).SerializeAsString()));
  return std::unique_ptr<SalvageWriter>(
      new SalvageWriter(std::move(file), header.ancestor, header.first_lost[0].revision));
}

SalvageWriter::SalvageWriter(std::unique_ptr<FramedFileWriter> file, const Position& ancestor,
                             Revision first_lost)
    : file_(std::move(file)), first_lost_(first_lost), previous_(ancestor) {}

SalvageWriter::~SalvageWriter() = default;

absl::Status SalvageWriter::Add(const Position& position, absl::string_view bytes, bool was_visible) {
  HF_CHECK(record_count_ > 0 || position.revision == first_lost_, "not the first lost record");
  HF_CHECK(position.revision > previous_.revision, "records come in log order");
  previous_ = position;
  ++record_count_;
  return file_->Add(kRecordFrame,
                    ToProto(SalvageRecord{position, std::string(bytes), was_visible}).SerializeAsString());
}

absl::StatusOr<std::string> SalvageWriter::Finish() {
  HF_RETURN_IF_ERROR(file_->Finish());
  return file_->path();
}

absl::StatusOr<std::unique_ptr<SalvageReader>> SalvageReader::Open(FileSystem* files,
                                                                   absl::string_view path) {
  HF_ASSIGN_OR_RETURN(auto file, FramedFileReader::Open(files, path, kMagic));
  std::unique_ptr<SalvageReader> reader(new SalvageReader(std::move(file)));
  HF_RETURN_IF_ERROR(reader->ReadHeader());
  return reader;
}

SalvageReader::SalvageReader(std::unique_ptr<FramedFileReader> file) : file_(std::move(file)) {}
SalvageReader::~SalvageReader() = default;

absl::Status SalvageReader::ReadHeader() {
  FramedFileReader::Frame frame;
  HF_ASSIGN_OR_RETURN(const bool has_header, file_->Next(&frame));
  v1::SalvageFileHeader message;
  if (!has_header || frame.type != kHeaderFrame || !message.ParseFromString(frame.payload))
    return DamagedDatabaseError(file_->path(), "its header cannot be read");
  absl::StatusOr<SalvageHeader> header = FromProto(message);
  if (!header.ok()) return DamagedDatabaseError(file_->path(), "its header cannot be read");
  header_ = *std::move(header);
  previous_ = header_.ancestor;
  return absl::OkStatus();
}

absl::StatusOr<bool> SalvageReader::Next(SalvageRecord* record) {
  FramedFileReader::Frame frame;
  HF_ASSIGN_OR_RETURN(const bool has_record, file_->Next(&frame));
  if (!has_record) return false;
  v1::SalvageFileRecord message;
  const bool parsed = frame.type == kRecordFrame && message.ParseFromString(frame.payload);
  absl::StatusOr<SalvageRecord> read = FromProto(std::move(message));
  if (!parsed || !read.ok())
    return DamagedDatabaseError(file_->path(), absl::StrCat("record ", record_count_, " cannot be read"));
  *record = *std::move(read);
  // The first has a known predecessor only if the ancestor is next to it.
  const bool is_neighbour = record->position.revision.index() == previous_.revision.index() + 1;
  if ((record_count_ > 0 && !is_neighbour) || !MayFollow(previous_, *record)) {
    return DamagedDatabaseError(file_->path(), absl::StrCat("record ", record->position.revision.ToString(),
                                                            " does not match its chain hash"));
  }
  previous_ = record->position;
  ++record_count_;
  return true;
}

absl::StatusOr<SalvageSummary> VerifySalvageFile(FileSystem* files, absl::string_view path) {
  HF_ASSIGN_OR_RETURN(const auto reader, SalvageReader::Open(files, path));
  SalvageSummary summary;
  summary.path = std::string(path);
  summary.header = reader->header();
  SalvageRecord record;
  while (true) {
    HF_ASSIGN_OR_RETURN(const bool has_record, reader->Next(&record));
    if (!has_record) return summary;
    ++summary.record_count;
    summary.visible_count += record.was_visible;
    summary.last = record.position;
  }
}

absl::StatusOr<std::vector<std::string>> ListSalvageFiles(FileSystem* files, absl::string_view data_dir) {
  const std::string directory = SalvageDirectory(data_dir);
  std::vector<std::string> paths;
  HF_ASSIGN_OR_RETURN(const bool exists, files->Exists(directory));
  if (!exists) return paths;
  HF_ASSIGN_OR_RETURN(const std::vector<std::string> names, files->List(directory));
  for (const std::string& name : names) {
    if (absl::EndsWith(name, kSalvageSuffix)) paths.push_back(absl::StrCat(directory, "/", name));
  }
  return paths;
}

}  // namespace holdfast::storage
