#include "admin/show.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "admin/errors.h"
#include "base/key_rules.h"
#include "base/uuid.h"

namespace holdfast::admin {
namespace {

absl::Time TimeOf(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

}  // namespace

std::string ShowRevision(int64_t revision) { return revision == 0 ? "-" : Revision(revision).ToString(); }

absl::StatusOr<int64_t> ReadRevision(absl::string_view flag, absl::string_view text) {
  const std::optional<Revision> revision = Revision::Parse(text);
  if (!revision || revision->is_zero()) {
    return UsageError(
        absl::StrCat(flag, " \"", text, "\" is no revision; write it as 0.12 or as a whole number"));
  }
  return revision->number();
}

std::string ShowRole(v1::NodeRole role) {
  std::string name = v1::NodeRole_Name(role);
  if (name.rfind("NODE_ROLE_", 0) == 0) name.erase(0, 10);
  return absl::AsciiStrToLower(name);
}

std::string ShowStaleness(const v1::ResponseHeader& header) {
  if (header.role() == v1::NODE_ROLE_PRIMARY) return "-";
  if (!header.has_staleness()) return "unknown";
  const double seconds = header.staleness().seconds() + header.staleness().nanos() / 1e9;
  return seconds < 60 ? absl::StrFormat("%.1f s", seconds) : absl::StrFormat("%.0f min", seconds / 60);
}

double Milliseconds(const google::protobuf::Duration& duration) {
  return static_cast<double>(duration.seconds()) * 1e3 + duration.nanos() / 1e6;
}

std::string ShowDuration(const google::protobuf::Duration& duration) {
  const double ms = Milliseconds(duration);
  return ms < 1000 ? absl::StrFormat("%.0f ms", ms) : absl::StrFormat("%.2f s", ms / 1000);
}

std::string ShowTime(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", TimeOf(time), absl::LocalTimeZone());
}

google::protobuf::Timestamp TimestampOf(int64_t micros) {
  google::protobuf::Timestamp time;
  time.set_seconds(micros / 1'000'000);
  time.set_nanos(static_cast<int32_t>(micros % 1'000'000 * 1000));
  return time;
}

std::string JsonTime(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", TimeOf(time), absl::UTCTimeZone());
}

std::string Preview(absl::string_view value, size_t places) {
  const absl::string_view line = value.substr(0, value.find('\n'));
  if (!IsPlainText(value)) return absl::StrCat("(", value.size(), " bytes)");
  std::string shown(line);
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return c == '\t' || c == '\r'; }, ' ');
  if (line.size() + 1 < value.size()) absl::StrAppend(&shown, " …");
  return Shorten(shown, places);
}

void WriteKeyValue(JsonWriter& json, const v1::KeyValue& kv, bool with_value) {
  json.Bytes("key", kv.key());
  if (with_value) json.Bytes("value", kv.value());
  json.Member("create_revision", kv.create_revision())
      .Member("mod_revision", kv.mod_revision())
      .Member("version", kv.version());
}

void WriteEvent(JsonWriter& json, const v1::WatchEvent& event) {
  json.BeginObject().Member("type", event.deleted() ? "delete" : "put").Bytes("key", event.kv().key());
  json.Member("revision", event.kv().mod_revision());
  if (!event.deleted()) json.Member("version", event.kv().version()).Bytes("value", event.kv().value());
  if (event.has_previous()) {
    json.Key("previous").BeginObject();
    WriteKeyValue(json, event.previous(), true);
    json.EndObject();
  }
  json.EndObject();
}

void WriteHeader(JsonWriter& json, const v1::ResponseHeader& header) {
  json.Key("header").BeginObject();
  json.Member("cluster_id", header.cluster_id())
      .Member("node_id", header.node_id())
      .Member("site", header.site());
  json.Member("role", ShowRole(header.role())).Member("revision", header.revision());
  json.Key("staleness_ms");
  if (header.has_staleness()) {
    json.Number(int64_t{header.staleness().seconds() * 1000 + header.staleness().nanos() / 1'000'000});
  } else {
    json.Null();
  }
  json.EndObject();
}

void PrintError(Context& context, const std::string& text) {
  constexpr char kFirst[] = "holdfast: ";
  if (context.environment().err_is_terminal) {
    context.err() << Wrapped(kFirst, 0, text);
  } else {
    context.err() << kFirst << text << "\n";
  }
}

void PrintHeaded(Context& context, const std::string& colour, const std::string& heading, size_t indent,
                 const std::string& text) {
  context.out() << colour << heading << context.Plain()
                << Wrapped(heading, indent, text).substr(heading.size());
}

std::string ShowWho(const std::string& name, const std::string& host) {
  return host.empty() || name.find('@') != std::string::npos ? name : absl::StrCat(name, " on ", host);
}

void ShowCommit(Context& context, const v1::CommitRequest& request, const v1::CommitResponse& response,
                absl::string_view what) {
  if (context.json()) {
    JsonWriter json;
    json.BeginObject().Member("revision", response.revision()).Member("changed", response.changed());
    json.Member("repeated", response.repeated()).Member("local", response.local());
    json.Member("acknowledged", int64_t{response.acknowledged()});
    json.Member("request_id", UuidToString(request.request_id()));
    WriteHeader(json, response.header());
    context.out() << json.EndObject().text() << "\n";
    return;
  }
  context.out() << what << " at revision " << context.Bold() << ShowRevision(response.revision())
                << context.Plain();
  if (!response.changed()) context.out() << " (nothing had to be changed)";
  if (response.repeated()) context.out() << " (it had been committed before)";
  if (response.local())
    context.out() << context.Yellow() << " (durable at the primary alone: q = 0)" << context.Plain();
  if (response.acknowledged() > 0) context.out() << ", held by " << response.acknowledged() << " voters";
  context.out() << "\n";
}

}  // namespace holdfast::admin
