#pragma once

#include "admin/json_writer.h"
#include "tests/drill/outcome.h"

namespace holdfast::drill {

// The members that mean the same of one run and of several, into an open object.
void WriteCounts(admin::JsonWriter& json, const Outcome& sum);

// A run's whole object.
void WriteOutcome(admin::JsonWriter& json, const Outcome& outcome);

}  // namespace holdfast::drill
