#include "admin/import.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/digest.h"
#include "base/limits.h"
#include "base/uuid.h"

namespace holdfast::admin {
namespace {

// What a commit takes besides its changes (ids, author, message), generously.
constexpr size_t kEnvelopeBytes = 8 << 10;
// What a change takes besides key and value: tags and lengths.
constexpr size_t kChangeBytes = 32;

}  // namespace

ImportPlan PlanImport(const Documents& documents, const std::string& prefix, int max_keys) {
  const size_t most_keys = std::min(max_keys, kMaxChangesPerCommit);
  ImportPlan plan;
  size_t bytes = 0;
  for (auto it = documents.begin(); it != documents.end(); ++it) {
    const size_t size = prefix.size() + it->first.size() + it->second.size() + kChangeBytes;
    if (plan.batches.empty() || plan.batches.back().count == most_keys ||
        bytes + size > kMaxCommitBytes - kEnvelopeBytes) {
      plan.batches.push_back({it, it, 0});
      bytes = 0;
    }
    ImportPlan::Batch& batch = plan.batches.back();
    batch.end = std::next(it);
    ++batch.count;
    bytes += size;
  }
  return plan;
}

size_t DropUnchanged(client::Client& client, const std::string& prefix, Documents& documents) {
  const size_t before = documents.size();
  v1::ListRequest request;
  request.mutable_options()->mutable_max_staleness()->set_seconds(absl::ToInt64Seconds(kMaxImportStaleness));
  // Page by page, each from the next document on: what else lies between is skipped.
  for (auto next = documents.begin(); next != documents.end();) {
    request.set_key(absl::StrCat(prefix, next->first));
    request.set_range_end(absl::StrCat(prefix, documents.rbegin()->first, absl::string_view("\0", 1)));
    const absl::StatusOr<v1::ListResponse> page = client.List(request);
    if (!page.ok()) break;
    for (const v1::KeyValue& kv : page->kvs()) {
      next = documents.lower_bound(kv.key().substr(prefix.size()));
      if (next == documents.end() || absl::StrCat(prefix, next->first) != kv.key()) continue;
      next = next->second == kv.value() ? documents.erase(next) : std::next(next);
    }
    if (page->next_page_token().empty()) break;
    const std::string last = page->kvs(page->kvs_size() - 1).key().substr(prefix.size());
    next = documents.upper_bound(last);
    request.mutable_options()->Clear();
    request.mutable_options()->set_at_revision(page->revision());
  }
  return before - documents.size();
}

std::string BatchRequestId(const std::string& import_id, const ImportPlan::Batch& batch) {
  std::string content = import_id;
  for (auto it = batch.begin; it != batch.end; ++it) {
    absl::StrAppend(&content, Hash128(it->first).ToBytes(), Hash128(it->second).ToBytes());
  }
  std::string id = Hash128(content).ToBytes();
  id.replace(0, 6, import_id.substr(0, 6));          // the time
  id[6] = static_cast<char>(0x70 | (id[6] & 0x0f));  // version 7
  id[8] = static_cast<char>(0x80 | (id[8] & 0x3f));  // the variant of RFC 9562
  return id;
}

ImportResult RunImport(client::Client& client, const ImportPlan& plan, const ImportLabel& label,
                       const std::function<void(size_t documents)>& progress) {
  ImportResult result;
  for (const ImportPlan::Batch& batch : plan.batches) {
    v1::CommitRequest request;
    request.set_request_id(BatchRequestId(label.import_id, batch));
    request.set_import_id(UuidToString(label.import_id));
    request.set_author(label.author);
    request.set_message(label.message);
    for (auto it = batch.begin; it != batch.end; ++it) {
      v1::Mutation& mutation = *request.add_mutations();
      mutation.set_key(absl::StrCat(label.prefix, it->first));
      mutation.set_put(it->second);
    }
    const auto response = client.Commit(request);
    if (!response.ok()) {
      result.stopped = response.status();
      return result;
    }
    ++result.batches;
    result.documents += batch.count;
    result.repeated += response->repeated();
    result.revision = std::max(result.revision, response->revision());
    progress(result.documents);
  }
  return result;
}

}  // namespace holdfast::admin
