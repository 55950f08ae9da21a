#include "base/digest.h"

#include <openssl/evp.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace holdfast {
namespace {

struct ContextDeleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// A reused context is twice as fast as the one-shot call on short input.
class Sha256Context {
 public:
  Sha256Context() : context_(EVP_MD_CTX_new()), algorithm_(EVP_sha256()) {}

  void Begin() {
    HF_CHECK(EVP_DigestInit_ex(context_.get(), algorithm_, nullptr) == 1, "SHA-256 is not available");
  }
  void Add(absl::string_view bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  std::array<uint8_t, 32> End() {
    std::array<uint8_t, 32> out;
    EVP_DigestFinal_ex(context_.get(), out.data(), nullptr);
    return out;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, ContextDeleter> context_;
  const EVP_MD* algorithm_;
};

Sha256Context& ThreadContext() {
  thread_local Sha256Context context;
  return context;
}

// Little-endian, so that a database can move between machines.
void AddNumber(XXH3_state_t* state, uint64_t number) {
  uint8_t bytes[8];
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<uint8_t>(number >> (8 * i));
  XXH3_128bits_update(state, bytes, sizeof(bytes));
}

Digest128 ToDigest(XXH128_hash_t hash) { return {hash.high64, hash.low64}; }

}  // namespace

std::string ChainHash::ToHex() const { return absl::BytesToHexString(view()); }

std::optional<ChainHash> ChainHash::FromBytes(absl::string_view bytes) {
  ChainHash hash;
  if (bytes.size() != hash.bytes.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), hash.bytes.begin());
  return hash;
}

ChainHash NextChainHash(const ChainHash& previous, absl::string_view record) {
  Sha256Context& context = ThreadContext();
  context.Begin();
  context.Add(previous.view());
  context.Add(record);
  return ChainHash{context.End()};
}

std::array<uint8_t, 32> Sha256(absl::string_view bytes) {
  Sha256Context& context = ThreadContext();
  context.Begin();
  context.Add(bytes);
  return context.End();
}

struct Sha256Stream::Context : Sha256Context {};

Sha256Stream::Sha256Stream() : context_(std::make_unique<Context>()) { context_->Begin(); }
Sha256Stream::~Sha256Stream() = default;
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;
Sha256Stream& Sha256Stream::operator=(Sha256Stream&&) noexcept = default;

void Sha256Stream::Add(absl::string_view bytes) { context_->Add(bytes); }

std::array<uint8_t, 32> Sha256Stream::Finish() { return context_->End(); }

Digest128& Digest128::operator+=(const Digest128& other) {
  low += other.low;
  high += other.high + (low < other.low ? 1 : 0);
  return *this;
}

Digest128& Digest128::operator-=(const Digest128& other) {
  high -= other.high + (low < other.low ? 1 : 0);
  low -= other.low;
  return *this;
}

std::string Digest128::ToHex() const { return absl::BytesToHexString(ToBytes()); }

std::string Digest128::ToBytes() const {
  std::string out(16, '\0');
  for (int i = 0; i < 8; ++i) {
    out[7 - i] = static_cast<char>(high >> (8 * i));
    out[15 - i] = static_cast<char>(low >> (8 * i));
  }
  return out;
}

std::optional<Digest128> Digest128::FromBytes(absl::string_view bytes) {
  if (bytes.size() != 16) return std::nullopt;
  Digest128 digest;
  for (int i = 0; i < 8; ++i) {
    digest.high = digest.high << 8 | static_cast<uint8_t>(bytes[i]);
    digest.low = digest.low << 8 | static_cast<uint8_t>(bytes[8 + i]);
  }
  return digest;
}

Digest128 RowHash(absl::string_view key, int64_t create_revision, int64_t mod_revision, int64_t version,
                  absl::string_view value) {
  XXH3_state_t state;
  XXH3_128bits_reset(&state);
  AddNumber(&state, key.size());
  XXH3_128bits_update(&state, key.data(), key.size());
  AddNumber(&state, static_cast<uint64_t>(create_revision));
  AddNumber(&state, static_cast<uint64_t>(mod_revision));
  AddNumber(&state, static_cast<uint64_t>(version));
  AddNumber(&state, value.size());
  XXH3_128bits_update(&state, value.data(), value.size());
  return ToDigest(XXH3_128bits_digest(&state));
}

Digest128 Hash128(absl::string_view bytes) { return ToDigest(XXH3_128bits(bytes.data(), bytes.size())); }

}  // namespace holdfast
