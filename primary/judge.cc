#include "primary/judge.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/mutants.h"
#include "base/status_macros.h"
#include "base/uuid.h"
#include "primary/errors.h"

namespace holdfast::primary {
namespace {

std::string Printable(absl::string_view key) { return absl::Utf8SafeCHexEscape(key); }

absl::Status CheckPrecondition(storage::Store::Batch& batch, const v1::Precondition& condition) {
  if (condition.condition_case() == v1::Precondition::kRangeUnchangedSince) {
    const Revision since(condition.range_unchanged_since());
    HF_ASSIGN_OR_RETURN(const Revision changed,
                        batch.RangeChangedAfter(condition.key(), condition.range_end(), since));
    if (changed.is_zero()) return absl::OkStatus();
    return PreconditionFailedError(Printable(condition.key()),
                                   absl::StrCat("range unchanged since ", since.ToString()),
                                   absl::StrCat("a change at ", changed.ToString()));
  }
  HF_ASSIGN_OR_RETURN(const std::optional<v1::KeyValue> found, batch.Get(condition.key()));
  const std::string found_text = found ? absl::StrCat("revision ", Revision(found->mod_revision()).ToString())
                                       : std::string("no such key");
  if (condition.condition_case() == v1::Precondition::kAbsent) {
    if (!found) return absl::OkStatus();
    return PreconditionFailedError(Printable(condition.key()), "no such key", found_text);
  }
  if (found && found->mod_revision() == condition.mod_revision()) return absl::OkStatus();
  return PreconditionFailedError(Printable(condition.key()),
                                 absl::StrCat("revision ", Revision(condition.mod_revision()).ToString()),
                                 found_text);
}

absl::StatusOr<std::vector<v1::Change>> MakeChanges(storage::Store::Batch& batch,
                                                    const v1::CommitRequest& request) {
  std::vector<const v1::Mutation*> sorted;
  sorted.reserve(static_cast<size_t>(request.mutations_size()));
  for (const v1::Mutation& mutation : request.mutations()) sorted.push_back(&mutation);
  std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return a->key() < b->key(); });

  std::vector<v1::Change> changes;
  changes.reserve(sorted.size());
  for (const v1::Mutation* mutation : sorted) {
    v1::Change change;
    change.set_key(mutation->key());
    if (mutation->kind_case() == v1::Mutation::kPut) {
      change.set_value(mutation->put());
    } else {
      HF_ASSIGN_OR_RETURN(const std::optional<v1::KeyValue> found, batch.Get(mutation->key()));
      if (!found) continue;
    }
    changes.push_back(std::move(change));
  }
  return changes;
}

}  // namespace

Digest128 RequestDigest(const v1::CommitRequest& request) {
  v1::CommitRequest content;
  *content.mutable_preconditions() = request.preconditions();
  *content.mutable_mutations() = request.mutations();
  return Hash128(content.SerializeAsString());
}

absl::StatusOr<Judgement> Judge(storage::Store::Batch& batch, Revision oldest,
                                const v1::CommitRequest& request, const Digest128& digest,
                                absl::string_view principal) {
  HF_ASSIGN_OR_RETURN(const std::optional<storage::Store::Batch::RequestRecord> earlier,
                      batch.FindRequest(request.request_id()));
  Judgement judgement;
  if (earlier && !MutantActive(Mutant::kRequestIdNotLookedUp)) {
    if (!(earlier->digest == digest)) return RequestIdReusedError(request.request_id(), earlier->revision);
    judgement.repeated = earlier->revision;
    return judgement;
  }
  if (request.request_id() <= batch.NewestForgottenRequest() && !MutantActive(Mutant::kForgottenIdAdmitted)) {
    return OutcomeUnknowableError(request.request_id(), oldest);
  }
  if (const absl::Duration lead = Uuid7Time(request.request_id()) - batch.NextRecordTime();
      lead > kMaxRequestIdLead) {
    return RequestIdAheadError(request.request_id(), lead);
  }
  std::set<std::string> ranges;  // the same question is asked once: it may cost a look at the whole range
  for (const v1::Precondition& condition : request.preconditions()) {
    const bool is_range = condition.has_range_unchanged_since();
    if (is_range && !ranges.insert(condition.SerializeAsString()).second) continue;
    HF_RETURN_IF_ERROR(CheckPrecondition(batch, condition));
  }
  HF_ASSIGN_OR_RETURN(std::vector<v1::Change> changes, MakeChanges(batch, request));
  if (changes.empty()) return judgement;

  storage::RecordDraft draft;
  draft.kind = v1::RECORD_KIND_COMMIT;
  draft.changes = std::move(changes);
  v1::CommitInfo info;
  info.set_request_id(request.request_id());
  info.set_request_digest(digest.ToBytes());
  info.set_author(request.author());
  info.set_principal(std::string(principal));
  info.set_message(request.message());
  info.set_import_id(request.import_id());
  draft.commit = std::move(info);
  judgement.draft = std::move(draft);
  return judgement;
}

}  // namespace holdfast::primary
