// 844 real documents go in at the primary and come out of every proxy of both sites, byte for byte.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "tests/process/playground.h"

namespace holdfast::testing {
namespace {

std::map<std::string, std::string> DocumentsBelow(const std::filesystem::path& root) {
  std::map<std::string, std::string> documents;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    documents[std::filesystem::relative(entry.path(), root).string()] =
        std::string((std::istreambuf_iterator<char>(file)), {});
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
    std::map<std::string, std::string> found;
    v1::ListRequest request;
    request.set_key("real/");
    request.set_range_end("real0");
    const auto listed = client->ListAll(request, [&](v1::KeyValue& kv) {
      found[kv.key().substr(5)] = kv.value();
      return absl::OkStatus();
    });
    ASSERT_TRUE(listed.ok()) << proxy << ": " << listed.status();
    EXPECT_TRUE(found == documents) << proxy << " shows " << found.size() << " of " << documents.size();
  }
  // `get` writes the bare bytes.
  const auto& [name, bytes] = *documents.begin();
  EXPECT_EQ(playground.Holdfast({"get", "real/" + name}).out, bytes);
}

}  // namespace
}  // namespace holdfast::testing
