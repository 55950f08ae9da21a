#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "holdfast/v1/files.pb.h"
#include "holdfast/v1/salvage.pb.h"
#include "storage/file_system.h"
#include "storage/salvage_file.h"

// Salvage as messages: in the frames of a file, on the wire, and in the cluster's own keys. Any thread.
namespace holdfast::storage {

v1::SalvageFileHeader ToProto(const SalvageHeader& header);
v1::SalvageFileRecord ToProto(const SalvageRecord& record);

// CHAIN_BROKEN for positions that are none, or a header without a first lost record.
absl::StatusOr<SalvageHeader> FromProto(const v1::SalvageFileHeader& header);
absl::StatusOr<SalvageRecord> FromProto(v1::SalvageFileRecord record);

// Whether `next` is what follows `previous` in one log (I3). True if they are no neighbours, where nobody can
// tell: only the ancestor and the first lost record may be apart.
bool MayFollow(const Position& previous, const SalvageRecord& next);

// Reads the whole file and says what is in it. A file that is damaged, or gone, says so in `damage`.
v1::SalvageFileSummary DescribeSalvageFile(FileSystem* files, absl::string_view path,
                                           absl::string_view node_id);

// "salvage-0.14-20261122T210152Z-1.hfsalvage": a name that a node gives, and no path.
bool IsSalvageFileName(absl::string_view name);

}  // namespace holdfast::storage
