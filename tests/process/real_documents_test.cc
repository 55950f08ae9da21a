// 844 real documents go in at the primary and come out of every proxy of both sites, byte for byte.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "tests/process/client_calls.h"
#include "tests/process/playground.h"
#include "tests/support/files.h"

namespace holdfast::testing {
namespace {

std::map<std::string, std::string> DocumentsBelow(const std::filesystem::path& root) {
  std::map<std::string, std::string> documents;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (!entry.is_regular_file()) continue;
    documents[std::filesystem::relative(entry.path(), root).string()] = ReadWhole(entry.path());
  }
  return documents;
}

TEST(RealDocumentsTest, ComeOutOfEveryProxyAsTheyWentIn) {
  const std::filesystem::path root = HOLDFAST_SHARED_DIR "/data/schemastore/configs";
  if (!std::filesystem::exists(root))
    GTEST_SKIP() << "no " << root << " here: the real documents are not part of the repository";
  const std::map<std::string, std::string> documents = DocumentsBelow(root);
  ASSERT_GE(documents.size(), 800u);

  Playground playground;
  ASSERT_TRUE(playground.ok()) << playground.error();
  const CommandResult import = playground.Holdfast({"import", root.string(), "--prefix", "real"});
  ASSERT_EQ(import.exit_status, 0) << import.out << import.err;
  const CommandResult verify = playground.Holdfast({"verify", "--wait", "60s"});
  EXPECT_EQ(verify.exit_status, 0) << verify.out << verify.err;

  ASSERT_EQ(playground.ids("proxy").size(), 4u);
  for (const std::string& proxy : playground.ids("proxy")) {
    const auto client = playground.ClientOf({proxy});
    const absl::StatusOr<Listing> found = ListBelow(*client, "real");
    ASSERT_TRUE(found.ok()) << proxy << ": " << found.status();
    EXPECT_TRUE(found->values == documents)
        << proxy << " shows " << found->values.size() << " of " << documents.size();
  }
  // `get` writes the bare bytes.
  const auto& [name, bytes] = *documents.begin();
  EXPECT_EQ(playground.Holdfast({"get", "real/" + name}).out, bytes);
}

}  // namespace
}  // namespace holdfast::testing
