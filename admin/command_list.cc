#include "admin/commands.h"
#include "admin/errors.h"
#include "admin/read_flags.h"
#include "admin/show.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "client/range.h"

namespace holdfast::admin {
namespace {

struct Arguments {
  std::string prefix;
  ReadFlags read;
  bool keys_only = false;
  bool values = false;
  bool count = false;
  int64_t limit = 0;
};

absl::StatusOr<ExitCode> Count(Context& context, v1::ListRequest request) {
  request.set_count_only(true);
  HF_ASSIGN_OR_RETURN(client::Client* const client, context.client());
  HF_ASSIGN_OR_RETURN(const v1::ListResponse response, client->List(std::move(request)));
  if (context.json()) {
    JsonWriter json;
    json.BeginObject().Member("count", response.count()).Member("revision", response.revision());
    context.out() << json.EndObject().text() << "\n";
  } else {
    context.out() << response.count() << "\n";
  }
  return ExitCode::kOk;
}

// Collects rows for the chosen output; values are kept only where they are shown.
class Listing {
 public:
  Listing(Context& context, const Arguments& arguments)
      : context_(context), arguments_(arguments), table_(Columns(arguments)) {
    json_.BeginObject().Key("kvs").BeginArray();
  }

  // False if it is one more than is wanted: nothing further need be read.
  bool Add(const v1::KeyValue& kv) {
    if (arguments_.limit > 0 && count_ == arguments_.limit) {
      cut_ = true;
      return false;
    }
    ++count_;
    if (context_.json()) {
      json_.BeginObject();
      WriteKeyValue(json_, kv, !arguments_.keys_only);
      json_.EndObject();
    } else if (arguments_.keys_only) {
      context_.out() << kv.key() << "\n";
    } else if (arguments_.values) {
      table_.Add({kv.key(), ShowRevision(kv.mod_revision()), Preview(kv.value(), 80)});
    } else {
      table_.Add({kv.key(), ShowRevision(kv.mod_revision()), ShowCount(kv.version()),
                  ShowBytes(static_cast<int64_t>(kv.value().size()))});
    }
    return true;
  }

  void Finish(int64_t revision) {
    if (context_.json()) {
      json_.EndArray().Member("revision", revision).Member("complete", !cut_).EndObject();
      context_.out() << json_.text() << "\n";
      return;
    }
    if (arguments_.keys_only) return;
    if (!table_.empty()) context_.Print(table_);
    context_.out() << context_.Dim() << ShowCount(count_) << (count_ == 1 ? " key" : " keys")
                   << (cut_ ? " shown" : "") << " at revision " << ShowRevision(revision) << context_.Plain()
                   << "\n";
  }

 private:
  static std::vector<Table::Column> Columns(const Arguments& arguments) {
    if (arguments.values) return {{"KEY"}, {"REVISION"}, {"VALUE"}};
    return {{"KEY"}, {"REVISION"}, {"VERSION", Align::kRight}, {"SIZE", Align::kRight}};
  }

  Context& context_;
  const Arguments& arguments_;
  Table table_;
  JsonWriter json_;
  int64_t count_ = 0;
  bool cut_ = false;
};

// Page by page, no further than is wanted. Answers the revision of what was read.
absl::StatusOr<int64_t> Read(client::Client& client, v1::ListRequest request, Listing& listing) {
  while (true) {
    HF_ASSIGN_OR_RETURN(const v1::ListResponse page, client.List(request));
    for (const v1::KeyValue& kv : page.kvs()) {
      if (!listing.Add(kv)) return page.revision();
    }
    if (page.next_page_token().empty()) return page.revision();
    request.set_page_token(page.next_page_token());
  }
}

absl::StatusOr<ExitCode> Run(Context& context, const Arguments& arguments) {
  v1::ListRequest request;
  client::SetPrefix(request, arguments.prefix);
  request.set_keys_only(arguments.keys_only);
  HF_RETURN_IF_ERROR(arguments.read.Fill(*request.mutable_options()));
  if (arguments.count) return Count(context, std::move(request));
  HF_ASSIGN_OR_RETURN(client::Client* const client, context.client());
  Listing listing(context, arguments);
  if (arguments.limit > 0 && arguments.limit < kDefaultPageRows) {  // one more shows that there are more
    request.set_page_size(static_cast<int32_t>(arguments.limit + 1));
  }
  HF_ASSIGN_OR_RETURN(const int64_t revision, Read(*client, std::move(request), listing));
  listing.Finish(revision);
  return ExitCode::kOk;
}

}  // namespace

void AddListCommand(Command& root) {
  Command command = root.Add("list", "Lists the keys that begin with a prefix, in one consistent state",
                             "  holdfast list cc/tenants/\n"
                             "  holdfast list cc/ --keys-only | wc -l\n"
                             "  holdfast list cc/ --at 0.12 --values\n"
                             "  holdfast list --count");
  auto arguments = std::make_shared<Arguments>();
  command.Text("prefix", &arguments->prefix, "What the keys begin with (all keys)");
  command.Flag("--keys-only", &arguments->keys_only, "Only keys, one a line");
  command.Flag("--values", &arguments->values, "The beginning of each value too");
  command.Flag("--count", &arguments->count, "Only how many there are");
  command.Number("--limit", &arguments->limit, "Show at most so many").Between(1, INT64_MAX);
  arguments->read.AddTo(command);
  command.Runs([arguments](Context& context) { return Run(context, *arguments); });
}

}  // namespace holdfast::admin
