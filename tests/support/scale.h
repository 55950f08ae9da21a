#pragma once

#include <cstdlib>

namespace holdfast::testing {

// How much a test does: `usual` in the default run, or what the environment variable `name` says in a
// campaign (`./dev campaign`).
inline int Scale(const char* name, int usual) {
  const char* const text = std::getenv(name);
  return text != nullptr && std::atoi(text) > 0 ? std::atoi(text) : usual;
}

}  // namespace holdfast::testing
