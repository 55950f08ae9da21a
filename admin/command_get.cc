#include "admin/commands.h"
#include "admin/read_flags.h"
#include "admin/show.h"
#include "base/status_macros.h"

namespace holdfast::admin {
namespace {

struct Arguments {
  std::string key;
  ReadFlags read;
};

absl::StatusOr<ExitCode> Run(Context& context, const Arguments& arguments) {
  v1::GetRequest request;
  request.set_key(arguments.key);
  HF_RETURN_IF_ERROR(arguments.read.Fill(*request.mutable_options()));
  HF_ASSIGN_OR_RETURN(client::Client* const client, context.client());
  HF_ASSIGN_OR_RETURN(const v1::GetResponse response, client->Get(std::move(request)));
  if (!context.json()) {
    context.out() << response.kv().value();  // the bare bytes, for pipes and comparison
    return ExitCode::kOk;
  }
  JsonWriter json;
  json.BeginObject();
  WriteKeyValue(json, response.kv(), true);
  WriteHeader(json, response.header());
  context.out() << json.EndObject().text() << "\n";
  return ExitCode::kOk;
}

}  // namespace

void AddGetCommand(Command& root) {
  Command command = root.Add("get", "Writes the bytes of a key's value to standard output",
                             "  holdfast get cc/tenants/acme/options.toml\n"
                             "  holdfast get cc/tenants/acme/options.toml --at 0.12 > old.toml\n"
                             "  holdfast get cc/tenants/acme/options.toml --max-staleness 2s -o json");
  auto arguments = std::make_shared<Arguments>();
  command.Text("key", &arguments->key, "The key").Required();
  arguments->read.AddTo(command);
  command.Runs([arguments](Context& context) { return Run(context, *arguments); });
}

}  // namespace holdfast::admin
