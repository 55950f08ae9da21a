#pragma once

#include <string>
#include <vector>

#include "admin/context.h"
#include "admin/documents.h"

namespace holdfast::admin {

// A key that two states hold differently. Pointers into the states compared; null where the key is missing.
struct KeyChange {
  std::string key;
  const std::string* before = nullptr;
  const std::string* after = nullptr;
};

// In key order. Both states must outlive the result.
std::vector<KeyChange> Compare(const Documents& before, const Documents& after);

// One line for each change ("+ key", "- key", "~ key", with sizes), `with_text` the lines too; or one JSON
// document. `prefix` goes before each key.
void ShowChanges(Context& context, const std::vector<KeyChange>& changes, const std::string& prefix,
                 bool with_text);

}  // namespace holdfast::admin
