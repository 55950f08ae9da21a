#include "absl/strings/str_cat.h"
#include "admin/commands.h"
#include "admin/errors.h"
#include "admin/show.h"
#include "base/status_macros.h"
#include "base/uuid.h"
#include "client/range.h"

namespace holdfast::admin {
namespace {

struct Arguments {
  std::string key;
  bool prefix = false;
  bool values = false;
  int64_t limit = 20;
  std::string after;
};

std::string Summary(const v1::HistoryEntry& entry) {
  int puts = 0;
  for (const v1::WatchEvent& event : entry.events()) puts += !event.deleted();
  const int deletes = entry.events_size() - puts;
  if (entry.events_size() == 1) return puts == 1 ? "put" : "delete";
  std::string text = absl::StrCat(puts, " puts");
  if (deletes > 0) absl::StrAppend(&text, ", ", deletes, " deletes");
  return text;
}

void WriteEntry(JsonWriter& json, const v1::HistoryEntry& entry) {
  json.BeginObject().Member("revision", entry.revision()).Member("time", JsonTime(entry.time()));
  json.Member("author", entry.author())
      .Member("principal", entry.principal())
      .Member("message", entry.message());
  json.Member("origin_node", entry.origin_node()).Member("import_id", entry.import_id());
  json.Member("request_id", entry.request_id().size() == 16 ? UuidToString(entry.request_id()) : "");
  json.Key("events").BeginArray();
  for (const v1::WatchEvent& event : entry.events()) WriteEvent(json, event);
  json.EndArray().EndObject();
}

void PrintEntry(Context& context, const v1::HistoryEntry& entry) {
  context.out() << context.Bold() << ShowRevision(entry.revision()) << context.Plain() << "  "
                << ShowTime(entry.time()) << "  " << entry.author();
  if (!entry.principal().empty()) context.out() << " (" << entry.principal() << ")";
  context.out() << "  " << entry.message() << "\n";
  for (const v1::WatchEvent& event : entry.events()) {
    context.out() << "    " << (event.deleted() ? context.Red() + "- " : context.Green() + "+ ")
                  << event.kv().key() << context.Plain();
    if (!event.deleted()) context.out() << "  " << Preview(event.kv().value(), 60);
    context.out() << "\n";
  }
}

absl::StatusOr<ExitCode> Run(Context& context, const Arguments& arguments) {
  v1::HistoryRequest request;
  if (arguments.prefix) {
    client::SetPrefix(request, arguments.key);
  } else {
    request.set_key(arguments.key);
  }
  request.set_keys_only(!arguments.values);
  request.set_page_size(static_cast<int32_t>(std::min<int64_t>(arguments.limit, 100)));
  if (!arguments.after.empty()) {
    HF_ASSIGN_OR_RETURN(const int64_t after, ReadRevision("--after", arguments.after));
    request.set_after_revision(after);
  }
  HF_ASSIGN_OR_RETURN(client::Client* const client, context.client());
  JsonWriter json;
  json.BeginObject().Key("entries").BeginArray();
  Table table({{"REVISION"}, {"TIME"}, {"AUTHOR"}, {"CHANGE"}, {"MESSAGE"}});
  int64_t shown = 0;
  const absl::Status enough = absl::CancelledError("enough");
  const absl::Status status = client->HistoryAll(std::move(request), [&](v1::HistoryEntry& entry) {
    if (shown == arguments.limit) return enough;
    ++shown;
    if (context.json()) {
      WriteEntry(json, entry);
    } else if (arguments.values) {
      PrintEntry(context, entry);
    } else {
      table.Add({ShowRevision(entry.revision()), ShowTime(entry.time()), entry.author(), Summary(entry),
                 entry.message()});
    }
    return absl::OkStatus();
  });
  if (!status.ok() && status != enough) return status;
  if (context.json())
    context.out() << json.EndArray().Member("complete", status.ok()).EndObject().text() << "\n";
  if (!table.empty()) context.Print(table);
  if (shown == 0 && !context.json())
    context.err() << "holdfast: no commit touched it as far back as is retained\n";
  return shown == 0 ? ExitCode::kNegative : ExitCode::kOk;
}

}  // namespace

void AddHistoryCommand(Command& root) {
  Command command = root.Add("history", "Shows the commits that touched a key or prefix, newest first",
                             "  holdfast history cc/tenants/acme/options.toml\n"
                             "  holdfast history cc/tenants/ --prefix --limit 5 --values\n"
                             "  holdfast history cc/ --prefix -o json");
  auto arguments = std::make_shared<Arguments>();
  command.Text("key", &arguments->key, "The key, or what the keys begin with").Required();
  command.Flag("--prefix", &arguments->prefix, "All keys that begin so");
  command.Flag("--values", &arguments->values, "Each change with its value");
  command.Number("--limit", &arguments->limit, "At most so many commits").Between(1, INT64_MAX).ShowDefault();
  command.Text("--after", &arguments->after, "Only commits after this revision");
  command.Runs([arguments](Context& context) { return Run(context, *arguments); });
}

}  // namespace holdfast::admin
