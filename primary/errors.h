#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/revision.h"
#include "replication/replica.h"

// Every failure of the commit path, each with one reason (base/error.h). Any thread.
namespace holdfast::primary {

// PRECONDITION_FAILED. `key` as text, what the request wanted, and what was found. Nothing happened; read
// again before you retry.
absl::Status PreconditionFailedError(absl::string_view key, absl::string_view expected,
                                     absl::string_view found);

// REQUEST_ID_REUSED. The id was committed at `revision` with other content. Never retry.
absl::Status RequestIdReusedError(absl::string_view request_id, Revision revision);

// OUTCOME_UNKNOWABLE. The id is not above those whose records are gone, so nobody can say whether it was
// committed. Read, then use a new id.
absl::Status OutcomeUnknowableError(absl::string_view request_id, Revision oldest);

// REQUEST_ID_AHEAD. The id was made `lead` after now, by this node's clock and the log's: nothing happened.
// Set the clock that is wrong, then use a new id.
absl::Status RequestIdAheadError(absl::string_view request_id, absl::Duration lead);

// COMMIT_UNKNOWN. The record is in the log at `revision`, but too few voters acknowledged it in time. Not a
// failure: it may still be committed. Safe to retry with the same request id only.
absl::Status CommitUnknownError(Revision revision,
                                const replication::Replica::Acknowledgement& acknowledgement,
                                absl::string_view why);

// DEADLINE, detail committed = "no". The request was still in the queue: nothing happened.
absl::Status CommitNotBegunError();

// DEADLINE, detail committed = "no". The request made no record (it was refused, or changes nothing), but the
// state at `revision` that says so was not committed in time: nothing happened. Safe to retry.
absl::Status CommitNotDecidedError(Revision revision, absl::string_view why);

// RESOURCE_EXHAUSTED. Too many commits wait. Nothing happened; retry later.
absl::Status CommitQueueFullError(int64_t limit);

// INVALID_REQUEST. A node's description is wrong: which field, of what, and what it must be.
absl::Status InvalidNodeError(absl::string_view field, absl::string_view value, absl::string_view wanted);

// INVALID_REQUEST. What is said of salvage files is wrong: which field, and what it must be.
absl::Status InvalidSalvageError(absl::string_view field, absl::string_view wanted);

// CONFLICTING_SETTINGS. The change contradicts itself or the cluster as it is.
absl::Status ConflictingSettingsError(absl::string_view what);

// UNREACHABLE. A node must say its incarnation before it gets a slot or a vote, and did not answer.
absl::Status UnknownIncarnationError(absl::string_view node_id);

// INVALID_REQUEST. What is asked of a spell of local is wrong: which field, and what it must be.
absl::Status InvalidSpellError(absl::string_view field, absl::string_view wanted);

// CONFLICTING_SETTINGS. There is a spell already, or none, or no rule that its end could restore.
absl::Status SpellConflictError(absl::string_view what);

// UNREACHABLE, details node_id, heard and needed. A spell begins and ends under the voters' eyes (R19), and
// too few of them are in reach; `otherwise` says what can be done.
absl::Status VotersOutOfReachError(absl::string_view silent, uint32_t heard, uint32_t needed,
                                   absl::string_view otherwise);

// NOT_CAUGHT_UP. A new voter must hold what is committed before a record names it (R21).
absl::Status NotCaughtUpError(absl::string_view node_id, Revision holds, Revision needed);

bool IsNotCaughtUp(const absl::Status& status);

// ALREADY_INITIALIZED. The node has a cluster.
absl::Status AlreadyInitializedError(absl::string_view node_id, absl::string_view cluster_id);

// OPERATION_RUNNING. A rehearsal runs here: whose, from where.
absl::Status DrillRunningError(absl::string_view drill_id, absl::string_view operator_name,
                               absl::string_view host);

// DRAINING. The node stops: no rehearsal is begun.
absl::Status NoDrillNowError();

// ABORTED. A rehearsal was given up before its end; that says nothing of the node.
absl::Status DrillInterruptedError(absl::string_view why);

// DEADLINE. A rehearsal did not come to its end in time.
absl::Status DrillTooSlowError(absl::Duration limit);

// DIVERGED. The copy, or what was read back from it, is not what was written.
absl::Status DrillMismatchError(absl::string_view what);

// True for the errors that speak of one request (a precondition, its id), as against those that speak of this
// node.
bool IsRefusal(const absl::Status& status);

}  // namespace holdfast::primary
