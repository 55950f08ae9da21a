#pragma once

#include <string>

#include "absl/status/status.h"
#include "admin/flags.h"
#include "holdfast/v1/record.pb.h"

namespace holdfast::admin {

// How much of the log is kept, as flags: --retain-records, --retain-age, --retain-bytes. One thread.
struct RetentionFlags {
  std::string records;
  std::string age;
  std::string bytes;

  void AddTo(Command& command);
  bool given() const { return !records.empty() || !age.empty() || !bytes.empty(); }
  // Sets what was given. INVALID_REQUEST (usage).
  absl::Status Fill(v1::RetentionPolicy& policy) const;
};

// For people: what is set; the rest is the default.
std::string ShowRetention(const v1::RetentionPolicy& policy);

}  // namespace holdfast::admin
