#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "admin/documents.h"
#include "client/client.h"

namespace holdfast::admin {

// How an import is cut into commits, each within the limits of one (base/limits.h). The same documents are
// always cut alike.
struct ImportPlan {
  struct Batch {
    Documents::const_iterator begin;
    Documents::const_iterator end;
    size_t count = 0;
  };
  std::vector<Batch> batches;
};

// `max_keys` bounds a batch below what the limits allow. `documents` must outlive the plan.
ImportPlan PlanImport(const Documents& documents, const std::string& prefix, int max_keys);

// Takes out of `documents` what the cluster holds already, byte for byte, so that an import that was
// interrupted goes on where it stopped, whoever runs it. Answers how many that were. Reads a state that is at
// most kMaxImportStaleness old; a failure (STALE, UNREACHABLE, ...) leaves the rest in, which is then
// committed again, harmlessly.
inline constexpr absl::Duration kMaxImportStaleness = absl::Seconds(2);
size_t DropUnchanged(client::Client& client, const std::string& prefix, Documents& documents);

// The request id of one batch: a UUID of version 7 with the time of `import_id` that follows from the batch's
// content. So an import that is sent again under its id repeats its commits instead of making new ones.
std::string BatchRequestId(const std::string& import_id, const ImportPlan::Batch& batch);

// What an import has done.
struct ImportResult {
  size_t documents = 0;  // committed, now or before
  size_t batches = 0;
  size_t repeated = 0;   // batches that an earlier run had committed
  int64_t revision = 0;  // of the last commit
  absl::Status stopped;  // why it did not go on
};

// Who imports, and why.
struct ImportLabel {
  std::string import_id;  // 16 bytes
  std::string prefix;
  std::string author;
  std::string message;
};

// Commits the batches in order and stops at the first that fails. Safe to run again with the same documents
// and label.
ImportResult RunImport(client::Client& client, const ImportPlan& plan, const ImportLabel& label,
                       const std::function<void(size_t documents)>& progress);

}  // namespace holdfast::admin
