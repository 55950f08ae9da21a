#include "serving/page_token.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "serving/errors.h"

namespace holdfast::serving {
namespace {

// version (1) | revision (8) | next (8) | next_key | digest (16) of all before it and of the fingerprint.
// Big-endian.
constexpr char kVersion = 1;
constexpr size_t kFixedBytes = 1 + 8 + 8;
constexpr size_t kDigestBytes = 16;

void AppendNumber(std::string& out, int64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(static_cast<uint64_t>(number) >> shift));
}

int64_t NumberAt(absl::string_view bytes, size_t offset) {
  uint64_t number = 0;
  for (size_t i = 0; i < 8; ++i) number = number << 8 | static_cast<uint8_t>(bytes[offset + i]);
  return static_cast<int64_t>(number);
}

std::string Seal(absl::string_view body, const Digest128& fingerprint) {
  return Hash128(absl::StrCat(fingerprint.ToBytes(), body)).ToBytes();
}

// Pieces with their lengths, so that no two fields can trade bytes.
class FingerprintWriter {
 public:
  void Add(absl::string_view piece) { absl::StrAppend(&bytes_, piece.size(), ":", piece); }
  void Add(int64_t number) { absl::StrAppend(&bytes_, number, ";"); }
  Digest128 Finish() const { return Hash128(bytes_); }

 private:
  std::string bytes_;
};

}  // namespace

std::string EncodePageToken(const PageToken& token, const Digest128& request_fingerprint) {
  std::string bytes(1, kVersion);
  AppendNumber(bytes, token.revision.number());
  AppendNumber(bytes, token.next.number());
  bytes += token.next_key;
  return bytes + Seal(bytes, request_fingerprint);
}

absl::StatusOr<PageToken> DecodePageToken(absl::string_view encoded, const Digest128& request_fingerprint) {
  const absl::Status refused =
      InvalidRequestError("page_token", "must come from the answer before, with the other fields unchanged");
  if (encoded.size() < kFixedBytes + kDigestBytes || encoded[0] != kVersion) return refused;
  const absl::string_view body = encoded.substr(0, encoded.size() - kDigestBytes);
  if (encoded.substr(body.size()) != Seal(body, request_fingerprint)) return refused;
  PageToken token;
  token.revision = Revision(NumberAt(body, 1));
  token.next = Revision(NumberAt(body, 9));
  token.next_key = std::string(body.substr(kFixedBytes));
  return token;
}

Digest128 Fingerprint(const v1::ListRequest& request) {
  FingerprintWriter writer;
  writer.Add("list");
  writer.Add(request.key());
  writer.Add(request.range_end());
  writer.Add(request.options().at_revision());
  writer.Add(request.keys_only());
  writer.Add(request.count_only());
  return writer.Finish();
}

Digest128 Fingerprint(const v1::HistoryRequest& request) {
  FingerprintWriter writer;
  writer.Add("history");
  writer.Add(request.key());
  writer.Add(request.range_end());
  writer.Add(request.after_revision());
  writer.Add(request.up_to_revision());
  writer.Add(request.keys_only());
  return writer.Finish();
}

}  // namespace holdfast::serving
