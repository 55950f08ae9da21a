#pragma once

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "holdfast/v1/admin.pb.h"
#include "storage/store.h"

namespace holdfast::storage {

// What AdminService.Verify and `holdfast verify` answer with for one node.
//
// Not deep: the position of the newest record and the digest that it carries; costs nothing.
//
// Deep: at the visible revision of now, each live row against its hash and their sum against the state digest
// that the log carries there; each older version and its links; each record of the log, its chain, its
// request id and its milestone; every page of the file against its checksum, free ones too; SQLite's own
// integrity check of every table. What is wrong is in the result, at most kMaxVerifyFindings, by key where
// there is one.
//
// Worker thread; the store may be used meanwhile by everyone, and checkpoints proceed. `progress` is called
// between steps with rows, records and pages looked at, of about so many; `cancelled` is asked there
// (CANCELLED). Other errors: IO_ERROR, RESOURCE_EXHAUSTED. Safe to retry.
absl::StatusOr<v1::VerifyResult> VerifyStore(
    Store& store, bool deep, const std::function<void(int64_t checked, int64_t total)>& progress,
    const std::function<bool()>& cancelled);

}  // namespace holdfast::storage
