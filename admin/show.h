#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "admin/context.h"
#include "admin/json_writer.h"
#include "base/revision.h"
#include "holdfast/v1/config.pb.h"

// How commands show and read what they have in common. One thread.
namespace holdfast::admin {

// "0.12"; "-" for zero.
std::string ShowRevision(int64_t revision);

// "3.1024" or the plain number. `flag` names the source in the error. INVALID_REQUEST (usage).
absl::StatusOr<int64_t> ReadRevision(absl::string_view flag, absl::string_view text);

// "primary", "standby", "proxy", ...
std::string ShowRole(v1::NodeRole role);

// "fresh", "2.3 s", "unknown".
std::string ShowStaleness(const v1::ResponseHeader& header);

double Milliseconds(const google::protobuf::Duration& duration);
// "240 ms", "1.32 s".
std::string ShowDuration(const google::protobuf::Duration& duration);

// "2026-11-22 11:50:03", local time zone.
std::string ShowTime(const google::protobuf::Timestamp& time);
// Of microseconds since 1970, as records and files have them.
google::protobuf::Timestamp TimestampOf(int64_t micros);
// RFC 3339 in UTC.
std::string JsonTime(const google::protobuf::Timestamp& time);

// A short view of a value on one line: its first line, or how many bytes it has.
std::string Preview(absl::string_view value, size_t places);

// The members of a key with its value.
void WriteKeyValue(JsonWriter& json, const v1::KeyValue& kv, bool with_value);

// An event as one object: put or delete.
void WriteEvent(JsonWriter& json, const v1::WatchEvent& event);

// Who answered: node, role, revision.
void WriteHeader(JsonWriter& json, const v1::ResponseHeader& header);

// "holdfast: TEXT" on standard error: on a terminal in lines of at most kOutputWidth columns, elsewhere on
// one.
void PrintError(Context& context, const std::string& text);

// Text that begins with a coloured heading, in lines of at most kOutputWidth columns: the others begin with
// `indent` blanks.
void PrintHeaded(Context& context, const std::string& colour, const std::string& heading, size_t indent,
                 const std::string& text);

// "olga@desk"; "olga on desk" where the name does not say it.
std::string ShowWho(const std::string& name, const std::string& host);

// What became of a commit, for people or as JSON. `what` is a participle with its object: "put a/b".
void ShowCommit(Context& context, const v1::CommitRequest& request, const v1::CommitResponse& response,
                absl::string_view what);

}  // namespace holdfast::admin
