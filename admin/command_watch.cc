#include "admin/commands.h"
#include "admin/errors.h"
#include "admin/show.h"
#include "base/status_macros.h"
#include "client/range.h"

namespace holdfast::admin {
namespace {

struct Arguments {
  std::string prefix;
  std::string from;
  int64_t count = 0;
  bool previous = false;
  bool no_deletes = false;
};

void Show(Context& context, const v1::WatchEvent& event) {
  if (context.json()) {
    JsonWriter json(/*one_line=*/true);
    WriteEvent(json, event);
    context.out() << json.text() << "\n";
    return;
  }
  context.out() << context.Dim() << ShowRevision(event.kv().mod_revision()) << context.Plain()
                << (event.deleted() ? context.Red() + "  delete  " : context.Green() + "  put     ")
                << context.Plain() << event.kv().key();
  if (!event.deleted()) context.out() << "  " << Preview(event.kv().value(), 60);
  context.out() << "\n";
}

void ShowRewound(Context& context, const v1::Rewound& rewound) {
  if (context.json()) {
    JsonWriter json(/*one_line=*/true);
    json.BeginObject().Member("type", "rewound").Member("common_revision", rewound.common_revision());
    json.Key("restored").BeginArray();
    for (const v1::KeyValue& kv : rewound.restored()) {
      json.BeginObject();
      WriteKeyValue(json, kv, true);
      json.EndObject();
    }
    context.out() << json.EndArray().EndObject().text() << "\n";
    return;
  }
  context.out() << context.Yellow() << "rewound to " << ShowRevision(rewound.common_revision())
                << ": later changes were lost with their primary; restored:" << context.Plain() << "\n";
  for (const v1::KeyValue& kv : rewound.restored()) context.out() << "    " << kv.key() << "\n";
}

absl::StatusOr<ExitCode> Run(Context& context, const Arguments& arguments) {
  v1::WatchRequest request;
  client::SetPrefix(request, arguments.prefix);
  request.set_include_previous(arguments.previous);
  request.set_no_deletes(arguments.no_deletes);
  if (!arguments.from.empty()) {
    HF_ASSIGN_OR_RETURN(const int64_t from, ReadRevision("--from", arguments.from));
    request.set_start_revision(from);
  }
  HF_ASSIGN_OR_RETURN(client::Client* const client, context.client());
  const auto watch = client->StartWatch(std::move(request));
  int64_t shown = 0;
  while (arguments.count == 0 || shown < arguments.count) {
    HF_ASSIGN_OR_RETURN(const v1::WatchResponse response, watch->Next());
    if (response.has_rewound()) ShowRewound(context, response.rewound());
    for (const v1::WatchEvent& event : response.events()) {
      if (arguments.count > 0 && shown == arguments.count) break;
      Show(context, event);
      ++shown;
    }
    context.out().flush();
    if (!context.out()) return ExitCode::kOk;  // nobody reads any more
  }
  return ExitCode::kOk;
}

}  // namespace

void AddWatchCommand(Command& root) {
  Command command = root.Add("watch", "Prints each change once and in order, also across nodes that leave",
                             "  holdfast watch cc/\n"
                             "  holdfast watch cc/tenants/ --from 0.12 -o json\n"
                             "  holdfast watch cc/banner --count 1      # wait for one change");
  auto arguments = std::make_shared<Arguments>();
  command.Text("prefix", &arguments->prefix, "What the keys begin with (all keys)");
  command.Text("--from", &arguments->from, "The first revision to show (what comes after now)");
  command.Number("--count", &arguments->count, "End after so many changes").Between(1, INT64_MAX);
  command.Flag("--previous", &arguments->previous, "Bring the value before each change (-o json)");
  command.Flag("--no-deletes", &arguments->no_deletes, "Leave deletions out");
  command.Runs([arguments](Context& context) { return Run(context, *arguments); });
}

}  // namespace holdfast::admin
