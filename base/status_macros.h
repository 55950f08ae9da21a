#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Upstream Abseil's shapes, which this release lacks. `expr` is evaluated once; a failure returns it from the
// enclosing function.
#define HF_RETURN_IF_ERROR(expr)                              \
  do {                                                        \
    if (::absl::Status hf_status = (expr); !hf_status.ok()) { \
      return hf_status;                                       \
    }                                                         \
  } while (false)

#define HF_CONCAT_INNER(a, b) a##b
#define HF_CONCAT(a, b) HF_CONCAT_INNER(a, b)

// HF_ASSIGN_OR_RETURN(auto value, Function()); `lhs` may declare.
#define HF_ASSIGN_OR_RETURN(lhs, expr) HF_ASSIGN_OR_RETURN_INNER(HF_CONCAT(hf_statusor_, __LINE__), lhs, expr)
#define HF_ASSIGN_OR_RETURN_INNER(statusor, lhs, expr) \
  auto statusor = (expr);                              \
  if (!statusor.ok()) {                                \
    return std::move(statusor).status();               \
  }                                                    \
  lhs = *std::move(statusor)
