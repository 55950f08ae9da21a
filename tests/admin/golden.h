#pragma once

#include <string>

namespace holdfast::admin {

// Expects that `text` is what tests/admin/golden/<name>.txt says, and that no line is wider than 100 columns.
// What differs from run to run is replaced first: ports (127.0.0.1:PORT) and local times (TIME). With
// HOLDFAST_GOLDEN=1 in the environment the file is written instead: look at the difference before you commit
// it.
void ExpectGolden(const std::string& name, const std::string& text);

}  // namespace holdfast::admin
