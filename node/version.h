#pragma once

namespace holdfast::node {

// The release, as `--version` and `holdfast status` show it.
inline constexpr char kVersion[] = HOLDFAST_VERSION;

}  // namespace holdfast::node
