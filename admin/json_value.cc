#include "admin/json_value.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "admin/errors.h"
#include "google/protobuf/util/json_util.h"

namespace holdfast::admin {

absl::StatusOr<JsonValue> ParseJson(const std::string& path, absl::string_view text) {
  JsonValue value;
  const auto status = google::protobuf::util::JsonStringToMessage({text.data(), text.size()}, &value);
  if (!status.ok())
    return BadFileError(path, 0, absl::StrCat("is not JSON: ", std::string(status.message())));
  return value;
}

const JsonValue* Member(const JsonValue& value, const std::string& name) {
  if (!value.has_struct_value()) return nullptr;
  const auto& fields = value.struct_value().fields();
  const auto it = fields.find(name);
  return it == fields.end() ? nullptr : &it->second;
}

std::string TextOf(const JsonValue& value, const std::string& name) {
  const JsonValue* member = Member(value, name);
  return member == nullptr ? std::string() : member->string_value();
}

std::optional<int64_t> NumberOf(const JsonValue& value, const std::string& name) {
  const JsonValue* member = Member(value, name);
  if (member == nullptr || !member->has_number_value()) return std::nullopt;
  const double number = member->number_value();
  if (std::floor(number) != number || std::abs(number) >= 0x1p53) return std::nullopt;
  return static_cast<int64_t>(number);
}

}  // namespace holdfast::admin
