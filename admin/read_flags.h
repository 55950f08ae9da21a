#pragma once

#include <string>

#include "absl/status/status.h"
#include "admin/context.h"
#include "holdfast/v1/config.pb.h"

namespace holdfast::admin {

// What a read may demand, as flags: --at, --min-revision, --max-staleness. One thread.
struct ReadFlags {
  std::string at;
  std::string min_revision;
  std::string max_staleness;

  void AddTo(Command& command);
  // INVALID_REQUEST (usage).
  absl::Status Fill(v1::ReadOptions& options) const;
};

// What a commit carries besides its changes: --message, --request-id.
struct CommitFlags {
  std::string message;
  std::string request_id;

  void AddTo(Command& command);
  absl::Status Fill(Context& context, v1::CommitRequest& request) const;
};

// The 16 bytes of "018f3c1e-7a2b-7c3d-8e4f-0123456789ab". INVALID_REQUEST (usage).
absl::StatusOr<std::string> ReadUuid(absl::string_view flag, absl::string_view text);

}  // namespace holdfast::admin
