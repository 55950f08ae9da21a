#pragma once

#include <string>
#include <vector>

#include "admin/environment.h"
#include "admin/exit_code.h"

namespace holdfast::admin {

// The `holdfast` command: reads `arguments` (without the program's name), runs what they name, prints, and
// says how it went.
ExitCode RunCommandLine(const std::vector<std::string>& arguments, Environment& environment);

}  // namespace holdfast::admin
