#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "admin/context.h"
#include "admin/json_writer.h"
#include "admin/salvage_apply.h"
#include "admin/salvage_files.h"
#include "admin/salvage_sort.h"

// How salvage looks, for people (at most kOutputWidth columns) and as JSON. One thread.
namespace holdfast::admin {

// `salvage list`: one line for each file, and which of them hold the same records.
void PrintSalvageFiles(Context& context, const SalvageFiles& files);
void WriteSalvageFiles(JsonWriter& json, const SalvageFiles& files);

// `salvage show`: what each record did. Without `facts` (null), values from before the file are not known.
void PrintSalvage(Context& context, const Salvage& salvage, const SalvageFacts* facts);
void WriteSalvage(JsonWriter& json, const Salvage& salvage, const SalvageFacts* facts);

// `salvage diff`: what became of each record; of conflicting keys base, lost and current side by side.
void PrintSalvageDiff(Context& context, const Salvage& salvage, const SalvageRun& run);

// `salvage apply`: what was done with each record, or (dry run) would be.
void PrintSalvageRun(Context& context, const Salvage& salvage, const SalvageRun& run);

// Both as JSON; `with_results` for apply.
void WriteSalvageRun(JsonWriter& json, const Salvage& salvage, const SalvageRun& run, bool with_results);

// What these have in common.

// "0.14  2026-11-22 21:00:12  alice  raise the limit".
std::string ShowLostRecord(const LostRecord& record);
// "EPOCH", "SETTINGS", ...
std::string ShowKind(v1::RecordKind kind);
// "already present", "clean", "conflicting", "not configuration"; JSON has an underscore for the blank.
std::string ShowSort(SalvageSort sort);
// "changed since, at 1.18 by dave".
std::string ShowWhy(const ChangeVerdict& verdict, const KeyFacts& known);
// "1 already present, 2 clean, 1 conflicting".
std::string ShowCounts(const std::vector<RecordVerdict>& verdicts);
// What --overwrite-newer takes of a conflicting record: "0.16=1.18".
std::string ShowOverwrite(const LostRecord& record, const RecordVerdict& verdict);

}  // namespace holdfast::admin
