#include "storage/framed_file.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "storage/errors.h"

namespace holdfast::storage {
namespace {

constexpr size_t kMagicBytes = 8;
constexpr size_t kFrameHeaderBytes = 5;
constexpr size_t kTrailerBytes = 8 + 32;
constexpr size_t kBufferBytes = 1 << 20;

template <typename Integer>
std::string LittleEndian(Integer number) {
  std::string out(sizeof(Integer), '\0');
  for (size_t i = 0; i < sizeof(Integer); ++i) out[i] = static_cast<char>(number >> (8 * i));
  return out;
}

template <typename Integer>
Integer FromLittleEndian(absl::string_view bytes) {
  Integer number = 0;
  for (size_t i = 0; i < sizeof(Integer); ++i) number |= Integer{static_cast<uint8_t>(bytes[i])} << (8 * i);
  return number;
}

absl::string_view View(const std::array<uint8_t, 32>& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

absl::StatusOr<std::unique_ptr<FramedFileWriter>> FramedFileWriter::Create(FileSystem* files,
                                                                           absl::string_view path,
                                                                           absl::string_view magic) {
  HF_CHECK(magic.size() == kMagicBytes, "a magic word has 8 bytes");
  HF_ASSIGN_OR_RETURN(const bool is_taken, files->Exists(path));
  if (is_taken) return FileExistsError(path);
  std::unique_ptr<FramedFileWriter> writer(new FramedFileWriter(files, path));
  // What an earlier process left unfinished under this name has no owner any more.
  HF_ASSIGN_OR_RETURN(const bool is_left, files->Exists(writer->partial_path_));
  if (is_left) HF_RETURN_IF_ERROR(files->Remove(writer->partial_path_));
  HF_ASSIGN_OR_RETURN(writer->stream_, files->CreateAppendStream(writer->partial_path_));
  HF_RETURN_IF_ERROR(writer->Append(absl::StrCat(magic, LittleEndian(kFramedFileVersion))));
  return writer;
}

FramedFileWriter::FramedFileWriter(FileSystem* files, absl::string_view path)
    : files_(files), path_(path), partial_path_(absl::StrCat(path, ".partial")) {}

FramedFileWriter::~FramedFileWriter() {
  if (stream_ == nullptr) return;
  stream_.reset();
  files_->Remove(partial_path_).IgnoreError();  // a name that nobody takes for a finished file may stay
}

absl::Status FramedFileWriter::Append(absl::string_view bytes) {
  digest_.Add(bytes);
  buffer_.append(bytes.data(), bytes.size());
  if (buffer_.size() < kBufferBytes) return absl::OkStatus();
  return stream_->Append(std::exchange(buffer_, {}));
}

absl::Status FramedFileWriter::AppendFrame(uint8_t type, absl::string_view payload) {
  HF_RETURN_IF_ERROR(Append(absl::StrCat(absl::string_view(reinterpret_cast<const char*>(&type), 1),
                                         LittleEndian(static_cast<uint32_t>(payload.size())))));
  return Append(payload);
}

absl::Status FramedFileWriter::Add(uint8_t type, absl::string_view payload) {
  HF_CHECK(type != kTrailerFrame && payload.size() <= kMaxFrameBytes, "no such frame");
  ++frame_count_;
  return AppendFrame(type, payload);
}

absl::Status FramedFileWriter::Finish() {
  const std::string trailer = absl::StrCat(LittleEndian(frame_count_), View(digest_.Finish()));
  digest_ = Sha256Stream();
  HF_RETURN_IF_ERROR(AppendFrame(kTrailerFrame, trailer));
  HF_RETURN_IF_ERROR(stream_->Append(buffer_));
  HF_RETURN_IF_ERROR(stream_->Close());
  HF_RETURN_IF_ERROR(files_->Rename(partial_path_, path_));
  stream_.reset();
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<FramedFileReader>> FramedFileReader::Open(FileSystem* files,
                                                                         absl::string_view path,
                                                                         absl::string_view magic) {
  std::unique_ptr<FramedFileReader> reader(new FramedFileReader(files, path));
  HF_ASSIGN_OR_RETURN(const std::string found, reader->Take(kMagicBytes));
  if (found != magic) return DamagedDatabaseError(path, "it does not begin as such a file does");
  HF_ASSIGN_OR_RETURN(const std::string version, reader->Take(sizeof(uint32_t)));
  const uint32_t number = FromLittleEndian<uint32_t>(version);
  reader->digest_.Add(absl::StrCat(found, version));
  if (number > kFramedFileVersion) return NewerSchemaError(path, number, kFramedFileVersion);
  return reader;
}

absl::StatusOr<std::string> FramedFileReader::Take(size_t bytes) {
  while (buffer_.size() - buffer_used_ < bytes) {
    HF_ASSIGN_OR_RETURN(const std::string more, files_->ReadAt(path_, file_offset_, kBufferBytes));
    if (more.empty()) return DamagedDatabaseError(path_, "it was cut short");
    buffer_.erase(0, std::exchange(buffer_used_, 0));
    buffer_ += more;
    file_offset_ += static_cast<int64_t>(more.size());
  }
  std::string taken = buffer_.substr(buffer_used_, bytes);
  buffer_used_ += bytes;
  return taken;
}

absl::StatusOr<bool> FramedFileReader::Next(Frame* frame) {
  if (is_over_) return false;
  HF_ASSIGN_OR_RETURN(const std::string header, Take(kFrameHeaderBytes));
  const size_t size = FromLittleEndian<uint32_t>(absl::string_view(header).substr(1));
  if (size > kMaxFrameBytes) {
    return DamagedDatabaseError(path_, absl::StrCat("frame ", frame_count_, " claims ", size, " bytes"));
  }
  HF_ASSIGN_OR_RETURN(frame->payload, Take(size));
  frame->type = static_cast<uint8_t>(header[0]);
  if (frame->type != kTrailerFrame) {
    digest_.Add(header);
    digest_.Add(frame->payload);
    ++frame_count_;
    return true;
  }
  HF_RETURN_IF_ERROR(CheckTrailer(frame->payload));
  is_over_ = true;
  return false;
}

absl::Status FramedFileReader::CheckTrailer(absl::string_view payload) {
  if (payload.size() != kTrailerBytes) return DamagedDatabaseError(path_, "its trailer has a wrong size");
  const uint64_t count = FromLittleEndian<uint64_t>(payload);
  if (count != frame_count_) {
    return DamagedDatabaseError(path_, absl::StrCat("it has ", frame_count_, " frames and says ", count));
  }
  if (payload.substr(8) != View(digest_.Finish()))
    return DamagedDatabaseError(path_, "its SHA-256 does not match");
  HF_ASSIGN_OR_RETURN(const std::string more, files_->ReadAt(path_, file_offset_, 1));
  if (!more.empty() || buffer_used_ != buffer_.size()) {
    return DamagedDatabaseError(path_, "something follows its trailer");
  }
  return absl::OkStatus();
}

}  // namespace holdfast::storage
