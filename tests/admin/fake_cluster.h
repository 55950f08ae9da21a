#pragma once

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "admin/cli.h"
#include "gtest/gtest.h"
#include "tests/admin/fake_node.h"
#include "tests/support/temporary_directory.h"

namespace holdfast::admin {

// A cluster of fakes (primary dc1-a, standby dc2-a, proxy dc2-p1) with its inventory in the store, and a way
// to run the command against it. The first commit of a test is at revision 0.3.
class FakeClusterTest : public ::testing::Test {
 protected:
  FakeClusterTest();

  struct Outcome {
    int code = 0;
    std::string out;
    std::string err;
  };

  // Runs `holdfast <arguments>` against the proxy; `input` is standard input. With a `terminal`, somebody can
  // be asked (and NO_COLOR is set).
  Outcome Run(const std::vector<std::string>& arguments, const std::string& input = "");
  // Expects success.
  std::string Out(const std::vector<std::string>& arguments);

  // A new, empty folder, removed with the test.
  std::string TemporaryFolder();

  FakeStore store_;
  std::unique_ptr<FakeNode> primary_;
  std::unique_ptr<FakeNode> standby_;
  std::unique_ptr<FakeNode> proxy_;
  std::map<std::string, std::string> variables_;
  bool terminal_ = false;
  testing::TemporaryDirectory directory_;
  int folder_count_ = 0;
};

}  // namespace holdfast::admin
