#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace holdfast {

// The only source of chance: jitter, identifiers, incarnations. Any thread.
class Random {
 public:
  virtual ~Random() = default;

  // Uniform over all 64-bit values.
  virtual uint64_t Next64() = 0;

  // Uniform in [0, bound). Requires bound > 0.
  uint64_t Below(uint64_t bound) { return Next64() % bound; }

  // Uniform in [0, 1).
  double Fraction() { return static_cast<double>(Next64() >> 11) * 0x1.0p-53; }
};

// Seeded from the operating system (getrandom). Lives as long as the process.
Random* SystemRandom();

// Deterministic (xoshiro256**, Blackman and Vigna 2018), for tests and the simulator.
std::unique_ptr<Random> SeededRandom(uint64_t seed);

// 32 lower-case hexadecimal digits: cluster ids and incarnations.
std::string RandomHexId(Random& random);

}  // namespace holdfast
