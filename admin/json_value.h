#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/struct.pb.h"

// Reading JSON that people and scripts wrote, as protobuf's Value. Any thread.
namespace holdfast::admin {

using JsonValue = google::protobuf::Value;

// INVALID_REQUEST naming `path` if the text is no JSON.
absl::StatusOr<JsonValue> ParseJson(const std::string& path, absl::string_view text);

// The member of an object; nullptr if `value` is no object or has none of that name.
const JsonValue* Member(const JsonValue& value, const std::string& name);

// The member's text or number; empty, or nullopt, if it is missing or of another type.
std::string TextOf(const JsonValue& value, const std::string& name);
std::optional<int64_t> NumberOf(const JsonValue& value, const std::string& name);

}  // namespace holdfast::admin
