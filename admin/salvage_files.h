#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "admin/cluster_view.h"
#include "admin/context.h"
#include "admin/salvage_sort.h"
#include "holdfast/v1/salvage.pb.h"

namespace holdfast::admin {

// The records of one file are held in memory; a larger one is refused.
inline constexpr size_t kMaxSalvageBytes = size_t{1} << 30;

// One salvage file that somebody knows of.
struct SalvageFile {
  v1::SalvageFileSummary summary;
  bool is_registered = false;  // the cluster knows it
  bool is_held = false;        // its node was asked, and has it

  // "dc1-a/salvage-0.14-20261122T210152Z-1": what commands print and take.
  std::string Name() const;
};

// Every file that a node has, or the cluster knows, in order of nodes and names.
struct SalvageFiles {
  std::vector<SalvageFile> files;
  std::vector<std::pair<std::string, absl::Status>> not_asked;  // node ids
  absl::Status registry;                                        // whether what is registered could be read
};

// Asks every member, and reads what is registered. UNREACHABLE if no inventory can be had.
absl::StatusOr<SalvageFiles> FindSalvageFiles(Context& context);

// A file with all that is in it, verified from end to end.
struct Salvage {
  std::string name;  // as Name(), or the path of a file of this machine
  v1::SalvageFileSummary summary;
  std::vector<LostRecord> records;
};

// `file` is NODE/NAME, a NAME that only one node has (either with or without its suffix), or a path to a file
// of this machine that ends in .hfsalvage. SALVAGE_NOT_FOUND; UNREACHABLE if the file is registered but its
// node cannot be asked; DATA_DAMAGED.
absl::StatusOr<Salvage> ReadSalvage(Context& context, const std::string& file);

}  // namespace holdfast::admin
