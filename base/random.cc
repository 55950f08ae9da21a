#include "base/random.h"

#include <sys/random.h>

#include <bit>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace holdfast {
namespace {

class OsRandom : public Random {
 public:
  uint64_t Next64() override {
    uint64_t value;
    HF_CHECK(getrandom(&value, sizeof(value), 0) == sizeof(value),
             "the operating system gives no random bytes");
    return value;
  }
};

class Xoshiro256 : public Random {
 public:
  explicit Xoshiro256(uint64_t seed) {
    for (uint64_t& word : state_) {  // splitmix64, as its authors advise for seeding
      seed += 0x9e3779b97f4a7c15;
      uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
      z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
      word = z ^ (z >> 31);
    }
  }

  uint64_t Next64() override {
    const uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

 private:
  uint64_t state_[4];
};

}  // namespace

Random* SystemRandom() {
  static OsRandom* const random = new OsRandom;
  return random;
}

std::unique_ptr<Random> SeededRandom(uint64_t seed) { return std::make_unique<Xoshiro256>(seed); }

std::string RandomHexId(Random& random) {
  return absl::StrCat(absl::Hex(random.Next64(), absl::kZeroPad16),
                      absl::Hex(random.Next64(), absl::kZeroPad16));
}

}  // namespace holdfast
