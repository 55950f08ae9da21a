#include "admin/exit_code.h"
#include "admin/json_writer.h"
#include "admin/table.h"
#include "base/error.h"
#include "gtest/gtest.h"
#include "rpc/reason_table.h"

namespace holdfast::admin {
namespace {

TEST(TableTest, ColumnsAreAsWideAsTheirWidestCell) {
  Table table({{"KEY"}, {"SIZE", Align::kRight}});
  table.Add({"a", "1 B"});
  table.Add({"longer/key", "12.0 KiB"});
  EXPECT_EQ(table.ToString(),
            "KEY             SIZE\n"
            "a                1 B\n"
            "longer/key  12.0 KiB\n");
}

TEST(TableTest, TheWidestColumnGivesWayAtTheEdge) {
  Table table({{"KEY"}, {"STATE"}});
  table.Add({"k", std::string(200, 'x')});
  const std::string text = table.ToString();
  const std::string row = text.substr(text.find('\n') + 1);
  EXPECT_EQ(Places(row), kOutputWidth + 1);  // and the line feed
  EXPECT_NE(row.find("…"), std::string::npos);
}

TEST(TableTest, CountsCodePointsNotBytes) {
  Table table({{"NAME"}, {"X"}});
  table.Add({"Jürgen", "1"});
  table.Add({"Aylin.", "2"});
  EXPECT_EQ(table.ToString(), "NAME    X\nJürgen  1\nAylin.  2\n");
}

TEST(WrappedTest, ACommandStaysOnOneLineAndTheNextOneHasItsOwn) {
  const std::string command = "holdfast promote dc1-a --in-place --assert-site-down=dc2";
  EXPECT_EQ(Wrapped("  ", 4, std::string(60, 'x') + " (" + command + ") and so on"),
            "  " + std::string(60, 'x') + "\n    (" + command + ") and so on\n");
  EXPECT_EQ(Wrapped("first: ", 7, "refused; next: " + command),
            "first: refused\n       next: " + command + "\n");
  const std::string endless = "holdfast " + std::string(60, 'y') + " " + std::string(60, 'z');
  EXPECT_EQ(Wrapped("", 0, endless), "holdfast " + std::string(60, 'y') + "\n" + std::string(60, 'z') + "\n")
      << "too long for a line: as any text";
}

TEST(ShowTest, NumbersAreForReading) {
  EXPECT_EQ(ShowBytes(0), "0 B");
  EXPECT_EQ(ShowBytes(1536), "1.5 KiB");
  EXPECT_EQ(ShowBytes(int64_t{5} << 30), "5.0 GiB");
  EXPECT_EQ(ShowCount(0), "0");
  EXPECT_EQ(ShowCount(999), "999");
  EXPECT_EQ(ShowCount(1234567), "1,234,567");
}

TEST(JsonWriterTest, WritesWhatAParserReads) {
  JsonWriter json;
  json.BeginObject().Member("a", "x\"\n\x01").Member("n", 7).Key("list").BeginArray();
  json.Bool(true).Null().EndArray().Key("empty").BeginObject().EndObject().EndObject();
  EXPECT_EQ(json.text(),
            "{\n  \"a\": \"x\\\"\\n\\u0001\",\n  \"n\": 7,\n  \"list\": [\n    true,\n    null\n  ],\n  "
            "\"empty\": {}\n}");
}

TEST(JsonWriterTest, BytesThatAreNoTextAreBase64) {
  JsonWriter json(/*one_line=*/true);
  json.BeginObject().Bytes("v", "text").Bytes("w", std::string("\0\xff", 2)).EndObject();
  EXPECT_EQ(json.text(), "{\"v\": \"text\", \"w_base64\": \"AP8=\"}");
}

TEST(ExitCodeTest, EveryReasonHasOneAndNoneIsSuccessOrUsage) {
  for (const rpc::ReasonRow& row : rpc::ReasonTable()) {
    const ExitCode code = ExitCodeOf(MakeError(row.code, rpc::ReasonName(row.reason), "x"));
    EXPECT_NE(code, ExitCode::kOk);
    EXPECT_NE(code, ExitCode::kUsage);
  }
  EXPECT_EQ(ExitCodeOf(MakeError(absl::StatusCode::kDeadlineExceeded, "COMMIT_UNKNOWN", "x")),
            ExitCode::kUnknown);
  EXPECT_EQ(ExitCodeOf(MakeError(absl::StatusCode::kUnavailable, "UNREACHABLE", "x")), ExitCode::kNotAsked);
  EXPECT_EQ(ExitCodeOf(MakeError(absl::StatusCode::kNotFound, "KEY_NOT_FOUND", "x")), ExitCode::kNegative);
}

}  // namespace
}  // namespace holdfast::admin
