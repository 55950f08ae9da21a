#include "tests/admin/golden.h"

#include <cstdlib>
#include <map>
#include <regex>
#include <sstream>

#include "admin/table.h"
#include "gtest/gtest.h"
#include "tests/support/files.h"

namespace holdfast::admin {

namespace {

// Each of the texts that `pattern` finds becomes `base` with its number, in the order of their first
// appearance, at its end: as long as it was, and still told from others.
std::string Numbered(std::string text, const std::string& pattern, const std::string& base) {
  const std::regex regex(pattern);
  std::map<std::string, std::string> names;
  std::string out;
  std::smatch match;
  while (std::regex_search(text, match, regex)) {
    std::string& name = names[match.str(1)];
    if (name.empty()) {
      const std::string number = std::to_string(names.size());
      name = base.substr(0, base.size() - number.size()) + number;
    }
    out += match.prefix().str() + name;
    text = match.suffix().str();
  }
  return out + text;
}

std::string WithoutChance(const std::string& text) {
  static const std::regex kPort("127\\.0\\.0\\.1:[0-9]{5}");
  static const std::regex kTime("[0-9]{4}-[0-9]{2}-[0-9]{2}([ T])[0-9]{2}:[0-9]{2}:[0-9]{2}");
  std::string shown = std::regex_replace(text, kPort, "127.0.0.1:PORT.");
  shown = std::regex_replace(shown, kTime, "2026-11-23$0103:10:00");
  shown = Numbered(shown, "([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})",
                   "01a2063f-a88a-7c8a-b6d7-000000000000");
  shown = Numbered(shown, "\\b([0-9a-f]{8}-[0-9a-f]{4})\\b(?!-)", "01a2063f-a880");
  shown = Numbered(shown, "\\b([0-9a-f]{12})\\b", "4073e3834000");
  return Numbered(shown, "@([0-9a-f]{8})\\b", "@9f3c2a00");
}

}  // namespace

void ExpectGolden(const std::string& name, const std::string& text) {
  const std::string shown = WithoutChance(text);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(Places(line), kOutputWidth) << line;
  const std::string path = std::string(HOLDFAST_GOLDEN_DIR) + "/" + name + ".txt";
  const char* const update = std::getenv("HOLDFAST_GOLDEN");
  if (update != nullptr && std::string(update) == "1") return testing::WriteWhole(path, shown);
  EXPECT_EQ(shown, testing::ReadWhole(path)) << "not what " << path << " says";
}

}  // namespace holdfast::admin
