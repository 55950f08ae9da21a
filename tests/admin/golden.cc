#include "tests/admin/golden.h"

#include <cstdlib>
#include <regex>
#include <sstream>

#include "admin/table.h"
#include "gtest/gtest.h"
#include "tests/support/files.h"

namespace holdfast::admin {

void ExpectGolden(const std::string& name, const std::string& text) {
  static const std::regex kPort("127\\.0\\.0\\.1:[0-9]+");
  static const std::regex kTime("[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}");
  const std::string shown =
      std::regex_replace(std::regex_replace(text, kPort, "127.0.0.1:PORT"), kTime, "TIME");
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(Places(line), kOutputWidth) << line;
  const std::string path = std::string(HOLDFAST_GOLDEN_DIR) + "/" + name + ".txt";
  const char* const update = std::getenv("HOLDFAST_GOLDEN");
  if (update != nullptr && std::string(update) == "1") return testing::WriteWhole(path, shown);
  EXPECT_EQ(shown, testing::ReadWhole(path)) << "not what " << path << " says";
}

}  // namespace holdfast::admin
