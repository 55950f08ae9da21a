#pragma once

#include <optional>

#include "holdfast/v1/config.pb.h"
#include "serving/range.h"
#include "storage/record_codec.h"

namespace holdfast::serving {

// What a record did to the keys of `range`, with who, when and why; nullopt if nothing. Pure; any thread.
std::optional<v1::HistoryEntry> MakeHistoryEntry(const storage::LogRecord& record, const KeyRange& range,
                                                 bool keys_only);

}  // namespace holdfast::serving
