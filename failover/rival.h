#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "holdfast/v1/record.pb.h"
#include "holdfast/v1/replication.pb.h"
#include "storage/store.h"

// Two operators at once: what the one who comes too late is told of the other. Pure, but for reading the
// log.
namespace holdfast::failover {

// "operation 0197-... of kim on desk-3 (begun 2026-11-22T21:00:12Z)". When it began is in its id, by the
// clock of its candidate.
std::string WhoseOperation(const v1::EpochPromise& promise);

// "; made so by operation ..." if this is who made `node_id` primary, as the log has it; else nothing.
std::string MadeBy(const v1::EpochInfo& epoch, const std::string& node_id);

// The promise of this node if it belongs to another operation than `operation_id`, with who ran that, if the
// log knows it: a follower's own promise says only whom it follows.
std::optional<v1::EpochPromise> OtherPromise(storage::Store& store, const std::string& operation_id);

// What a node that refused its promise says of the one that it gave; nullopt if it says nothing.
std::optional<v1::EpochPromise> PromiseNamedIn(const absl::Status& refusal);

}  // namespace holdfast::failover
