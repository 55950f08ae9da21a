#include "tests/drill/read_history.h"

#include "base/status_macros.h"
#include "client/connect.h"
#include "client/range.h"
#include "tests/drill/keys.h"

namespace holdfast::drill {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(30);  // of one page

Change ChangeOf(const v1::KeyValue& kv) {
  const int key = KeyNumber(kv.key()).value_or(-1);
  return {kv.mod_revision(), key, WriteOf(key, kv.value()).value_or(-1)};
}

absl::StatusOr<std::vector<Change>> List(client::Client& client, int64_t at_revision) {
  v1::ListRequest request;
  client::SetPrefix(request, kPrefix);
  request.mutable_options()->set_at_revision(at_revision);
  std::vector<Change> rows;
  HF_RETURN_IF_ERROR(client
                         .ListAll(request,
                                  [&rows](v1::KeyValue& kv) {
                                    rows.push_back(ChangeOf(kv));
                                    return absl::OkStatus();
                                  })
                         .status());
  return rows;
}

}  // namespace

absl::StatusOr<ToldHistory> ReadHistory(const std::string& address, int64_t base) {
  client::Options options;
  options.endpoints = {address};
  options.timeout = kTimeout;
  HF_ASSIGN_OR_RETURN(const auto client, client::Connect(std::move(options)));
  ToldHistory told;
  HF_ASSIGN_OR_RETURN(const std::vector<Change> at_base, List(*client, base));
  for (const Change& row : at_base) told.history.Add(row);
  v1::HistoryRequest request;
  client::SetPrefix(request, kPrefix);
  request.set_after_revision(base);
  request.set_page_size(1000);
  HF_RETURN_IF_ERROR(client->HistoryAll(request, [&told](v1::HistoryEntry& entry) {
    for (const v1::WatchEvent& event : entry.events()) told.history.Add(ChangeOf(event.kv()));
    return absl::OkStatus();
  }));
  HF_ASSIGN_OR_RETURN(told.listing, List(*client, 0));
  return told;
}

}  // namespace holdfast::drill
