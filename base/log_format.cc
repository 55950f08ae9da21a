#include "base/log_format.h"

#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/limits.h"

namespace holdfast {
namespace {

constexpr absl::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// The length of the well-formed UTF-8 sequence that `text` begins with (Unicode 15, table 3-7), or 0.
size_t SequenceLength(absl::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : 0; };
  const auto tail = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const int lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool overlong = lead == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = lead == 0xED && byte(1) > 0x9F;
    return tail(1) && tail(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool overlong = lead == 0xF0 && byte(1) < 0x90;
    const bool beyond = lead == 0xF4 && byte(1) > 0x8F;
    return tail(1) && tail(2) && tail(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

void AppendJsonCharacter(absl::string_view character, std::string* out) {
  switch (character.front()) {
    case '"':
      out->append("\\\"");
      return;
    case '\\':
      out->append("\\\\");
      return;
    case '\n':
      out->append("\\n");
      return;
    case '\t':
      out->append("\\t");
      return;
    default:
      if (static_cast<uint8_t>(character.front()) < 0x20)
        absl::StrAppendFormat(out, "\\u%04x", character.front());
      else
        out->append(character.data(), character.size());
  }
}

void AppendJsonString(absl::string_view text, std::string* out) {
  const bool cut = text.size() > kMaxLogTextBytes;
  text = text.substr(0, kMaxLogTextBytes);
  out->push_back('"');
  while (!text.empty()) {
    const size_t length = SequenceLength(text);
    AppendJsonCharacter(length == 0 ? kReplacement : text.substr(0, length), out);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  if (cut) out->append("...");
  out->push_back('"');
}

struct JsonValue {
  void operator()(absl::string_view text) const { AppendJsonString(text, out); }
  void operator()(bool truth) const { out->append(truth ? "true" : "false"); }
  void operator()(int64_t number) const { absl::StrAppend(out, number); }
  void operator()(double number) const {
    if (std::isfinite(number))
      absl::StrAppend(out, number);
    else
      out->append("null");  // JSON has no infinity
  }
  std::string* out;
};

bool IsPlainWord(absl::string_view text) {
  for (char c : text) {
    if (!absl::ascii_isgraph(c) || c == '"' || c == '=' || c == '\\') return false;
  }
  return !text.empty();
}

struct TextValue {
  void operator()(absl::string_view text) const {
    const absl::string_view shown = text.substr(0, kMaxLogTextBytes);
    if (IsPlainWord(shown))
      absl::StrAppend(out, shown);
    else
      absl::StrAppend(out, "\"", absl::Utf8SafeCEscape(shown), "\"");
    if (shown.size() < text.size()) out->append("...");
  }
  void operator()(bool truth) const { out->append(truth ? "true" : "false"); }
  void operator()(int64_t number) const { absl::StrAppend(out, number); }
  void operator()(double number) const { absl::StrAppend(out, number); }
  std::string* out;
};

std::string Stamp(absl::Time now) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", now, absl::UTCTimeZone());
}

}  // namespace

std::optional<LogFormat> ParseLogFormat(absl::string_view name) {
  if (name == "json") return LogFormat::kJson;
  if (name == "text") return LogFormat::kText;
  return std::nullopt;
}

std::string FormatJson(const LogEvent& event, absl::string_view node, absl::Time now) {
  std::string line =
      absl::StrCat("{\"time\":\"", Stamp(now), "\",\"level\":\"", LogLevelName(event.level), "\"");
  const auto append = [&line](absl::string_view key, const LogValue& value) {
    line.push_back(',');
    AppendJsonString(key, &line);
    line.push_back(':');
    std::visit(JsonValue{&line}, value.value);
  };
  append("node", node);
  append("component", event.component);
  append("message", event.message);
  for (const LogField& field : event.fields) append(field.key, field.value);
  line.push_back('}');
  return line;
}

std::string FormatText(const LogEvent& event, absl::string_view node, absl::Time now) {
  std::string line = absl::StrCat(Stamp(now), " ", absl::AsciiStrToUpper(LogLevelName(event.level)), " ",
                                  node, " ", event.component, ": ", absl::Utf8SafeCEscape(event.message));
  for (const LogField& field : event.fields) {
    absl::StrAppend(&line, " ", field.key, "=");
    std::visit(TextValue{&line}, field.value.value);
  }
  return line;
}

}  // namespace holdfast
