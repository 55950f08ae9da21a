#include "admin/salvage_facts.h"

#include <set>
#include <string>
#include <utility>

#include "admin/cluster_view.h"
#include "base/error.h"
#include "base/status_macros.h"

namespace holdfast::admin {
namespace {

// A listing of the one key: unlike Get, it tells the revision that it shows where there is no such key.
absl::StatusOr<v1::ListResponse> ReadRow(client::Client& client, const std::string& key, int64_t revision) {
  v1::ListRequest request;
  request.set_key(key);
  request.mutable_options()->set_at_revision(revision);
  return client.List(request);
}

std::optional<v1::KeyValue> RowOf(v1::ListResponse response) {
  if (response.kvs().empty()) return std::nullopt;
  return std::move(*response.mutable_kvs(0));
}

// What can be known of the ancestor: one question stands for all keys.
absl::StatusOr<KeyFacts::Base> BaseState(client::Client& client, const std::string& key, int64_t ancestor) {
  if (ancestor == 0) return KeyFacts::Base::kNoAncestor;
  const absl::Status status = ReadRow(client, key, ancestor).status();
  if (status.ok()) return KeyFacts::Base::kKnown;
  const std::string reason = ReasonOf(status);
  if (reason == "COMPACTED") return KeyFacts::Base::kCompacted;
  if (reason == "REWOUND") return KeyFacts::Base::kNoAncestor;
  return status;
}

absl::Status ReadSince(client::Client& client, const std::string& key, int64_t after, int64_t up_to,
                       std::vector<KeyFacts::Later>& since) {
  v1::HistoryRequest request;
  request.set_key(key);
  request.set_after_revision(after);
  request.set_up_to_revision(up_to);
  request.set_keys_only(true);
  return client.HistoryAll(request, [&](v1::HistoryEntry& entry) {
    since.push_back({entry.revision(), entry.request_id(), entry.author()});
    return absl::OkStatus();
  });
}

class Gatherer {
 public:
  Gatherer(client::Client& client, SalvageFacts& facts, KeyFacts::Base base_state)
      : client_(client), facts_(facts), base_state_(base_state) {}

  // One key; any thread.
  absl::Status Gather(const std::string& key, KeyFacts& known) const {
    known.base_state = base_state_;
    HF_ASSIGN_OR_RETURN(v1::ListResponse now, ReadRow(client_, key, facts_.read_revision));
    known.current = RowOf(std::move(now));
    const bool has_ancestor = base_state_ != KeyFacts::Base::kNoAncestor;
    if (has_ancestor && known.current && known.current->mod_revision() <= facts_.ancestor) {
      known.base_state = KeyFacts::Base::kKnown;  // it is the very row, whatever was compacted
      known.base = known.current;
      return absl::OkStatus();
    }
    if (base_state_ == KeyFacts::Base::kKnown) {
      HF_ASSIGN_OR_RETURN(v1::ListResponse then, ReadRow(client_, key, facts_.ancestor));
      known.base = RowOf(std::move(then));
    }
    return ReadSince(client_, key, has_ancestor ? facts_.ancestor : 0, facts_.read_revision, known.since);
  }

 private:
  client::Client& client_;
  const SalvageFacts& facts_;
  const KeyFacts::Base base_state_;
};

}  // namespace

absl::StatusOr<SalvageFacts> GatherSalvageFacts(client::Client& client,
                                                const std::vector<LostRecord>& records, int64_t ancestor) {
  SalvageFacts facts;
  facts.ancestor = ancestor;
  std::set<std::string> distinct;
  for (const LostRecord& record : records) {
    if (!record.is_commit()) continue;
    for (const v1::Change& change : record.message.changes()) distinct.insert(change.key());
  }
  if (distinct.empty()) return facts;
  const std::vector<std::string> keys(distinct.begin(), distinct.end());
  HF_ASSIGN_OR_RETURN(const v1::ListResponse first, ReadRow(client, keys.front(), 0));
  facts.read_revision = first.revision();
  facts.read_at = first.header().node_id();
  HF_ASSIGN_OR_RETURN(const KeyFacts::Base base_state, BaseState(client, keys.front(), ancestor));
  const Gatherer gatherer(client, facts, base_state);
  std::vector<KeyFacts> found(keys.size());
  std::vector<absl::Status> statuses(keys.size());
  AskAll(keys.size(), [&](size_t i) { statuses[i] = gatherer.Gather(keys[i], found[i]); });
  for (const absl::Status& status : statuses) HF_RETURN_IF_ERROR(status);
  for (size_t i = 0; i < keys.size(); ++i) facts.keys.emplace(keys[i], std::move(found[i]));
  return facts;
}

}  // namespace holdfast::admin
