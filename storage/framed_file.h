#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/digest.h"
#include "storage/file_system.h"

namespace holdfast::storage {

// The common form of the files that people keep and carry (salvage files, snapshot archives; docs/formats/):
// a magic word of 8 bytes, a format version, frames of one type byte, a length and a payload, and a last
// frame with the count of the others and the SHA-256 of every byte before it.
inline constexpr uint8_t kTrailerFrame = 0xff;
inline constexpr uint32_t kFramedFileVersion = 1;

// Writes one such file under `<path>.partial`; Finish syncs it and gives it its name. Destroyed before that,
// it removes what it has written. One thread; `files` must outlive this.
class FramedFileWriter {
 public:
  // `magic` has 8 bytes. ALREADY_EXISTS as code if `path` is taken.
  static absl::StatusOr<std::unique_ptr<FramedFileWriter>> Create(FileSystem* files, absl::string_view path,
                                                                  absl::string_view magic);
  ~FramedFileWriter();
  FramedFileWriter(const FramedFileWriter&) = delete;
  FramedFileWriter& operator=(const FramedFileWriter&) = delete;

  // Requires at most kMaxFrameBytes and a type other than kTrailerFrame. After an error only destruction is
  // left.
  absl::Status Add(uint8_t type, absl::string_view payload);

  // Everything is durable under its name when this returns OK. Call once.
  absl::Status Finish();

  const std::string& path() const { return path_; }

 private:
  FramedFileWriter(FileSystem* files, absl::string_view path);
  absl::Status Append(absl::string_view bytes);
  absl::Status AppendFrame(uint8_t type, absl::string_view payload);

  FileSystem* const files_;  // must outlive this
  const std::string path_;
  const std::string partial_path_;
  std::unique_ptr<AppendStream> stream_;  // null once finished
  std::string buffer_;                    // small frames go out together
  Sha256Stream digest_;
  uint64_t frame_count_ = 0;
};

// Reads one such file from front to back in bounded memory and checks it at its end. One thread; `files` must
// outlive this.
class FramedFileReader {
 public:
  // DATA_DAMAGED if it does not begin with `magic`; SCHEMA_TOO_NEW for a later version.
  static absl::StatusOr<std::unique_ptr<FramedFileReader>> Open(FileSystem* files, absl::string_view path,
                                                                absl::string_view magic);

  struct Frame {
    uint8_t type = 0;
    std::string payload;
  };

  // The next frame; false at the end, once count and SHA-256 were found right and nothing follows. What came
  // before is only then proven. DATA_DAMAGED names the place.
  absl::StatusOr<bool> Next(Frame* frame);

  const std::string& path() const { return path_; }

 private:
  FramedFileReader(FileSystem* files, absl::string_view path) : files_(files), path_(path) {}
  absl::StatusOr<std::string> Take(size_t bytes);
  absl::Status CheckTrailer(absl::string_view payload);

  FileSystem* const files_;  // must outlive this
  const std::string path_;
  std::string buffer_;
  size_t buffer_used_ = 0;
  int64_t file_offset_ = 0;  // after the buffer
  Sha256Stream digest_;
  uint64_t frame_count_ = 0;
  bool is_over_ = false;
};

}  // namespace holdfast::storage
