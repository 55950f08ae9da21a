#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "storage/record_codec.h"

namespace holdfast::storage {

// The effects of a record's changes as the log keeps them: three varints for each change, in the record's
// order (docs/formats/database.md).
std::string EncodeEffects(const std::vector<ChangeEffect>& effects);

// False if `bytes` do not hold exactly `count` effects.
bool DecodeEffects(absl::string_view bytes, int count, std::vector<ChangeEffect>* effects);

}  // namespace holdfast::storage
