// What the store writes down before it drops records (I6).
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "base/mutants.h"
#include "base/status_macros.h"
#include "storage/errors.h"
#include "storage/salvage_file.h"
#include "storage/store_impl.h"

namespace holdfast::storage {
namespace {

constexpr size_t kChunkBytes = 1 << 20;

}  // namespace

absl::StatusOr<std::string> Store::Impl::Salvage(const Position& ancestor, absl::string_view reason) {
  const uint64_t end = tail.position.revision.index() + 1;
  uint64_t next = std::max(ancestor.revision.index(), floor.base.revision.index()) + 1;
  if (next >= end || MutantActive(Mutant::kCutWithoutSalvage)) return std::string();
  std::unique_ptr<SalvageWriter> salvage;
  while (next < end) {
    HF_ASSIGN_OR_RETURN(
        const std::vector<LogRow> rows,
        tables->log.ReadFrom(next, tail.position.revision, kMaxRecordsPerMessage, kChunkBytes));
    if (rows.empty()) return DamagedDatabaseError(data_path(), "a record that must be salvaged is missing");
    if (salvage == nullptr) {
      SalvageHeader header;
      header.cluster_id = node->identity().cluster_id;
      header.node_id = node->identity().node_id;
      header.incarnation = node->identity().incarnation;
      header.reason = std::string(reason);
      header.made_at = options.clock->Now();
      header.ancestor = ancestor;
      const size_t count = std::min(rows.size(), static_cast<size_t>(kMaxFirstLost));
      for (size_t i = 0; i < count; ++i) header.first_lost.push_back(rows[i].record->position);
      HF_ASSIGN_OR_RETURN(salvage, SalvageWriter::Create(options.files, options.data_dir, header));
    }
    for (const LogRow& row : rows) {
      const bool was_visible = row.record->position.revision <= visible.revision;
      HF_RETURN_IF_ERROR(salvage->Add(row.record->position, row.record->bytes, was_visible));
    }
    next += rows.size();
  }
  return salvage->Finish();
}

}  // namespace holdfast::storage
