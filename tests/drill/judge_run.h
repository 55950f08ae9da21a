#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "admin/json_value.h"
#include "tests/drill/journal.h"
#include "tests/drill/load.h"
#include "tests/drill/outcome.h"
#include "tests/drill/read_history.h"
#include "tests/drill/read_salvage.h"
#include "tests/process/local_cluster.h"

// From what was seen to what it comes to. One thread.
namespace holdfast::drill {

// What the operation says of itself: verdict, steps, and when each of `proxies` came to the new primary.
void NotePromotion(const admin::JsonValue& operation, const std::vector<std::string>& proxies,
                   Outcome* outcome);

// What a hand-over says of itself: its steps, and the pause.
void NoteSwitchover(const admin::JsonValue& operation, Switchover* switchover);

// What the library's client was told instead of an acknowledgement, between two times.
void NoteCommitFailures(const Journal& journal, absl::Duration from, absl::Duration to, Outcome* outcome);

// How many reads a second each of `proxies`, at least one, has answered between two times: the least of them.
void NoteRates(const Load& load, const std::vector<std::string>& proxies, absl::Duration from,
               absl::Duration to, Outcome* outcome);

// What the load, which has stopped, knows without the history. `left`: the site that was never lost.
void JudgeLoad(const Load& load, const std::string& left, Outcome* outcome);

// Answered reads in a site that lived on behind a cut, between two times. None is a finding.
void NoteReadsBeyondCut(const Load& load, const std::string& site, absl::Duration from, absl::Duration to,
                        Outcome* outcome);

// What was orphaned is in a salvage file.
void NoteSalvage(const Journal& journal, const ToldHistory& told, const ToldSalvage& salvage,
                 Outcome* outcome);

// What is promised of the times and rates of every single run; what was not measured is not judged.
void JudgeTimes(double least_reads_per_second, Outcome* outcome);

// Of a run that failed: the logs of the nodes that its findings name, else those of all servers.
void NameWhatToLookAt(const testing::LocalCluster& cluster, Outcome* outcome);

// Holds journals, readers and watchers against the truth. `base`: where the watchers began.
void JudgeHistory(const Load& load, const Journal& journal, const ToldHistory& told, int64_t base,
                  int key_count, Outcome* outcome);

}  // namespace holdfast::drill
