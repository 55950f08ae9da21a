#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/revision.h"
#include "storage/record_codec.h"

namespace holdfast::storage {

// What the store must answer, kept as plainly as can be: every version of every key, for ever.
class ReferenceModel {
 public:
  struct Version {
    int64_t mod_revision = 0;
    int64_t create_revision = 0;
    int64_t version = 0;  // 0: deleted
    std::string value;
    bool operator==(const Version&) const = default;
  };

  void Apply(const LogRecord& record) {
    const int64_t revision = record.position.revision.number();
    for (const v1::Change& change : record.message.changes()) {
      std::vector<Version>& versions = keys_[change.key()];
      const bool is_live = !versions.empty() && versions.back().version != 0;
      if (change.has_value()) {
        versions.push_back({revision, is_live ? versions.back().create_revision : revision,
                            is_live ? versions.back().version + 1 : 1, change.value()});
      } else if (is_live) {
        versions.push_back({revision, 0, 0, ""});
      }
    }
  }

  void RewindTo(Revision ancestor) {
    for (auto& [key, versions] : keys_) {
      while (!versions.empty() && versions.back().mod_revision > ancestor.number()) versions.pop_back();
    }
  }

  // The key at a revision; nullopt if it does not exist then.
  std::optional<Version> Get(const std::string& key, Revision at) const {
    const auto found = keys_.find(key);
    return found == keys_.end() ? std::nullopt : At(found->second, at);
  }

  std::map<std::string, Version> ReadAll(Revision at) const {
    std::map<std::string, Version> all;
    for (const auto& [key, versions] : keys_) {
      if (const std::optional<Version> version = At(versions, at)) all.emplace(key, *version);
    }
    return all;
  }

 private:
  static std::optional<Version> At(const std::vector<Version>& versions, Revision at) {
    for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
      if (version->mod_revision > at.number()) continue;
      return version->version == 0 ? std::nullopt : std::optional<Version>(*version);
    }
    return std::nullopt;
  }

  std::map<std::string, std::vector<Version>> keys_;
};

}  // namespace holdfast::storage
