#include "client/range.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "client/options.h"

namespace holdfast::client {

std::string PrefixEnd(absl::string_view prefix) {
  std::string end(prefix);
  while (!end.empty()) {
    if (static_cast<unsigned char>(end.back()) != 0xff) {
      ++end.back();
      return end;
    }
    end.pop_back();
  }
  return std::string(1, '\0');
}

std::vector<std::string> SplitEndpoints(const std::string& text) {
  std::vector<std::string> endpoints;
  for (absl::string_view piece : absl::StrSplit(text, ',')) {
    piece = absl::StripAsciiWhitespace(piece);
    if (!piece.empty()) endpoints.emplace_back(piece);
  }
  return endpoints;
}

}  // namespace holdfast::client
