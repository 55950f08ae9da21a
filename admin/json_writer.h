#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace holdfast::admin {

// Writes one JSON document, members in the order given, indented by two blanks (or on one line: for streams
// of documents). Text must be UTF-8. One thread.
class JsonWriter {
 public:
  explicit JsonWriter(bool one_line = false) : one_line_(one_line) {}

  JsonWriter& BeginObject();
  JsonWriter& EndObject();
  JsonWriter& BeginArray();
  JsonWriter& EndArray();
  JsonWriter& Key(absl::string_view name);
  JsonWriter& String(absl::string_view text);
  JsonWriter& Number(int64_t number);
  JsonWriter& Number(double number);
  JsonWriter& Bool(bool value);
  JsonWriter& Null();

  // A member in one go.
  JsonWriter& Member(absl::string_view name, absl::string_view text) { return Key(name).String(text); }
  JsonWriter& Member(absl::string_view name, const char* text) { return Key(name).String(text); }
  JsonWriter& Member(absl::string_view name, int64_t number) { return Key(name).Number(number); }
  JsonWriter& Member(absl::string_view name, int number) { return Key(name).Number(int64_t{number}); }
  JsonWriter& Member(absl::string_view name, bool value) { return Key(name).Bool(value); }

  // Bytes that a document may not be able to show: `name` with the text if it is UTF-8, else `<name>_base64`.
  JsonWriter& Bytes(absl::string_view name, absl::string_view bytes);

  // The document; without a final line feed.
  const std::string& text() const { return text_; }

 private:
  void BeginValue();
  void NewLine();
  JsonWriter& Open(char bracket);
  JsonWriter& Close(char bracket);

  const bool one_line_;
  std::string text_;
  std::vector<bool> has_members_;  // for each open object or array
  bool after_key_ = false;
};

}  // namespace holdfast::admin
