#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "holdfast/v1/config.pb.h"

namespace holdfast::admin {

// Reads the document that `holdfast commit` takes (docs/cli.md) into `request`:
//
//     {"message": "...",
//      "preconditions": [{"key": "a", "absent": true}, {"key": "a", "mod_revision": "0.12"},
//                        {"prefix": "b/", "unchanged_since": 12}],
//      "changes": [{"key": "a", "value": "text"}, {"key": "b", "base64": "AAE="}, {"key": "c", "file":
//      "c.toml"},
//                  {"key": "d", "delete": true}]}
//
// `file` is relative to the document. INVALID_REQUEST names `path` and the entry; IO_ERROR for a file that
// cannot be read.
absl::Status ReadChangeDocument(const std::string& path, absl::string_view text, v1::CommitRequest& request);

}  // namespace holdfast::admin
