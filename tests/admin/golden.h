#pragma once

#include <string>

namespace holdfast::admin {

// Expects that `text` is what tests/admin/golden/<name>.txt says, and that no line is wider than 100 columns.
// What differs from run to run is replaced first by something as long: ports, times of day, ids of operations
// and plans, hashes of branches (each told from the others by a number). With HOLDFAST_GOLDEN=1 in the
// environment the file is written instead: look at the difference before you commit it.
void ExpectGolden(const std::string& name, const std::string& text);

}  // namespace holdfast::admin
