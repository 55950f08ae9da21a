#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "admin/json_value.h"
#include "tests/drill/journal.h"
#include "tests/drill/load.h"
#include "tests/drill/outcome.h"
#include "tests/drill/read_history.h"

// From what was seen to what it comes to. One thread.
namespace holdfast::drill {

// What the operation says of itself: verdict, steps, and when each of `proxies` came to the new primary.
void NotePromotion(const admin::JsonValue& operation, const std::vector<std::string>& proxies,
                   Outcome* outcome);

// How many reads a second each of `proxies`, at least one, has answered between two times: the least of them.
void NoteRates(const Load& load, const std::vector<std::string>& proxies, absl::Duration from,
               absl::Duration to, Outcome* outcome);

// What the load, which has stopped, knows without the history. `left`: the site that was never lost.
void JudgeLoad(const Load& load, const std::string& left, Outcome* outcome);

// Holds journals, readers and watchers against the truth. `base`: where the watchers began.
void JudgeHistory(const Load& load, const Journal& journal, const ToldHistory& told, int64_t base,
                  int key_count, Outcome* outcome);

}  // namespace holdfast::drill
