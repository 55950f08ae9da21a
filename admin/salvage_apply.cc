#include "admin/salvage_apply.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "admin/cluster_view.h"
#include "admin/errors.h"
#include "admin/salvage_facts.h"
#include "admin/salvage_request.h"
#include "admin/show.h"
#include "base/error.h"
#include "base/status_macros.h"

namespace holdfast::admin {
namespace {

bool Touches(const LostRecord& record, absl::string_view key) {
  const auto& changes = record.message.changes();
  return record.is_commit() && std::any_of(changes.begin(), changes.end(), [key](const v1::Change& change) {
           return absl::string_view(change.key()) == key;
         });
}

std::optional<size_t> FindRevision(const std::vector<LostRecord>& records, absl::string_view text) {
  const std::optional<Revision> revision = Revision::Parse(text);
  for (size_t i = 0; revision && i < records.size(); ++i) {
    if (records[i].position.revision == *revision) return i;
  }
  return std::nullopt;
}

// What reads as the revision of a record is one; anything else is a key.
absl::StatusOr<std::vector<bool>> Wanted(const Salvage& salvage, const std::vector<std::string>& only) {
  std::vector<bool> wanted(salvage.records.size(), only.empty());
  for (const std::string& name : only) {
    bool found = false;
    if (const auto index = FindRevision(salvage.records, name)) {
      wanted[*index] = found = true;
    } else {
      for (size_t i = 0; i < wanted.size(); ++i) {
        if (Touches(salvage.records[i], name)) wanted[i] = found = true;
      }
    }
    if (!found) return UsageError(absl::StrCat("--only ", name, ": no record of ", salvage.name, " is that"));
  }
  return wanted;
}

// "0.14=1.20"; "0.14=none" where no commit is known that changed the keys.
absl::StatusOr<std::pair<size_t, int64_t>> ReadOverwrite(const Salvage& salvage, const std::string& text) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
  const std::optional<size_t> index = FindRevision(salvage.records, parts.first);
  if (!index) {
    return UsageError(absl::StrCat("--overwrite-newer ", text, ": no record of ", salvage.name,
                                   " is that; write LOST=SEEN as `holdfast salvage diff` shows it"));
  }
  if (parts.second == "none") return std::pair<size_t, int64_t>(*index, 0);
  HF_ASSIGN_OR_RETURN(const int64_t seen, ReadRevision("--overwrite-newer", parts.second));
  return std::pair<size_t, int64_t>(*index, seen);
}

// The override speaks of what its operator saw: if that is not what would be overwritten, nothing is.
absl::Status CheckOverwrites(const Salvage& salvage, const SalvageFacts& facts,
                             const std::vector<std::string>& named, SalvageSelection& selection) {
  if (named.empty()) return absl::OkStatus();
  const std::vector<RecordVerdict> plain = SortSalvage(salvage.records, facts, selection);
  selection.overwritten.assign(salvage.records.size(), false);
  for (const std::string& text : named) {
    HF_ASSIGN_OR_RETURN(const auto overwrite, ReadOverwrite(salvage, text));
    const auto& [index, seen] = overwrite;
    const std::string revision = salvage.records[index].position.revision.ToString();
    if (plain[index].sort != SalvageSort::kConflicting)
      return ConflictChangedError(revision, "is in no conflict");
    if (plain[index].seen != seen) {
      const int64_t now = plain[index].seen;
      return ConflictChangedError(
          revision, absl::StrCat("would overwrite ",
                                 now == 0 ? "what no commit is known to have written" : ShowRevision(now),
                                 ", not ", seen == 0 ? "that" : ShowRevision(seen)));
    }
    selection.overwritten[index] = true;
    selection.wanted[index] = true;
  }
  return absl::OkStatus();
}

SalvageOutcome Planned(SalvageSort sort, bool is_wanted, bool is_overwritten) {
  switch (sort) {
    case SalvageSort::kPresent:
      return SalvageOutcome::kPresent;
    case SalvageSort::kNotConfiguration:
      return SalvageOutcome::kNotConfiguration;
    case SalvageSort::kClean:
      return is_wanted ? SalvageOutcome::kToApply : SalvageOutcome::kNotChosen;
    case SalvageSort::kConflicting:
      break;
  }
  if (!is_wanted) return SalvageOutcome::kNotChosen;
  return is_overwritten ? SalvageOutcome::kToApply : SalvageOutcome::kConflicting;
}

// The id bears the time of the lost commit. Where the log has forgotten ids of that time, or takes them for
// ones of the future, the same id with the present time does as well: if an earlier run had committed the
// record, its keys would not be as the preconditions say.
absl::StatusOr<v1::CommitResponse> CommitOnce(Context& context, client::Client& client,
                                              const LostRecord& record, v1::CommitRequest request) {
  absl::StatusOr<v1::CommitResponse> response = client.Commit(request);
  const std::string reason = ReasonOf(response.status());
  if (reason != "OUTCOME_UNKNOWABLE" && reason != "REQUEST_ID_AHEAD") return response;
  request.set_request_id(SalvageRequestId(record, context.environment().clock->Now()));
  return client.Commit(request);
}

// Of one record; true if the run can go on.
bool Settle(const absl::StatusOr<v1::CommitResponse>& response, SalvageResult& result) {
  if (response.ok()) {
    result.outcome = response->repeated() ? SalvageOutcome::kAppliedBefore : SalvageOutcome::kApplied;
    result.revision = response->revision();
    return true;
  }
  const std::string reason = ReasonOf(response.status());
  result.why = std::string(response.status().message());
  if (reason == "REQUEST_ID_REUSED") {  // an earlier run found the keys otherwise
    const auto revision = Revision::Parse(DetailOf(response.status(), "revision"));
    result.outcome = SalvageOutcome::kAppliedBefore;
    result.revision = revision ? revision->number() : 0;
    return true;
  }
  if (reason == "PRECONDITION_FAILED") {
    result.outcome = SalvageOutcome::kChanged;
    return true;
  }
  if (reason == "TOO_LARGE" || reason == "INVALID_KEY" || reason == "INVALID_REQUEST") {
    result.outcome = SalvageOutcome::kRefused;
    return true;
  }
  result.outcome = reason == "COMMIT_UNKNOWN" ? SalvageOutcome::kUnknown : SalvageOutcome::kNotTried;
  return false;
}

}  // namespace

absl::StatusOr<SalvageRun> PlanSalvage(Context& context, const Salvage& salvage,
                                       const SalvageChoice& choice) {
  HF_ASSIGN_OR_RETURN(const ClusterView view, ReadClusterView(context));
  if (view.cluster.cluster_id() != salvage.summary.cluster_id()) {
    return ForeignSalvageError(salvage.name, view.cluster.cluster_id(), salvage.summary.cluster_id());
  }
  HF_ASSIGN_OR_RETURN(client::Client* const client, context.client());
  SalvageRun run;
  HF_ASSIGN_OR_RETURN(run.facts,
                      GatherSalvageFacts(*client, salvage.records, salvage.summary.ancestor().revision()));
  SalvageSelection selection;
  HF_ASSIGN_OR_RETURN(selection.wanted, Wanted(salvage, choice.only));
  HF_RETURN_IF_ERROR(CheckOverwrites(salvage, run.facts, choice.overwrite, selection));
  run.verdicts = SortSalvage(salvage.records, run.facts, selection);
  for (size_t i = 0; i < run.verdicts.size(); ++i) {
    const bool is_overwritten = !selection.overwritten.empty() && selection.overwritten[i];
    run.results.push_back({Planned(run.verdicts[i].sort, selection.wanted[i], is_overwritten), 0, ""});
  }
  return run;
}

void RunSalvage(Context& context, client::Client& client, const Salvage& salvage, SalvageRun& run) {
  std::vector<int64_t> committed(salvage.records.size(), 0);
  for (size_t i = 0; i < salvage.records.size(); ++i) {
    SalvageResult& result = run.results[i];
    if (result.outcome != SalvageOutcome::kToApply) continue;
    if (!run.stopped.ok()) {
      result.outcome = SalvageOutcome::kNotTried;
      continue;
    }
    std::optional<v1::CommitRequest> request =
        SalvageRequest(salvage.records, run.facts, {i, &run.verdicts[i]}, committed);
    if (!request) {
      result.outcome = SalvageOutcome::kDependent;
      continue;
    }
    request->set_author(context.author());
    request->set_message(SalvageMessage(salvage.records[i], run.verdicts[i], salvage.summary.node_id()));
    const auto response = CommitOnce(context, client, salvage.records[i], *std::move(request));
    if (!Settle(response, result)) run.stopped = response.status();
    committed[i] = result.revision;
  }
}

ExitCode ExitCodeOf(const SalvageRun& run) {
  bool is_any_done = false;
  bool is_any_left = false;
  for (const SalvageResult& result : run.results) {
    switch (result.outcome) {
      case SalvageOutcome::kApplied:
      case SalvageOutcome::kAppliedBefore:
        is_any_done = true;
        break;
      case SalvageOutcome::kConflicting:
      case SalvageOutcome::kChanged:
      case SalvageOutcome::kDependent:
      case SalvageOutcome::kRefused:
        is_any_left = true;
        break;
      default:
        break;
    }
  }
  if (!run.stopped.ok()) {
    const ExitCode code = ExitCodeOf(run.stopped);
    return code == ExitCode::kUnknown || !is_any_done ? code : ExitCode::kIncomplete;
  }
  return is_any_left ? ExitCode::kIncomplete : ExitCode::kOk;
}

}  // namespace holdfast::admin
