#include "tests/drill/read_salvage.h"

#include "base/status_macros.h"
#include "tests/drill/keys.h"

namespace holdfast::drill {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(30);

const google::protobuf::ListValue& ListOf(const admin::JsonValue& value, const std::string& name) {
  static const auto& none = *new google::protobuf::ListValue();
  const admin::JsonValue* const member = admin::Member(value, name);
  return member == nullptr ? none : member->list_value();
}

}  // namespace

absl::StatusOr<ToldSalvage> ReadSalvage(const Console& console, const std::string& node_id) {
  HF_ASSIGN_OR_RETURN(const admin::JsonValue listed, console.Ask({"salvage", "list"}, kPatience));
  ToldSalvage told;
  for (const admin::JsonValue& file : ListOf(listed, "files").values()) {
    if (admin::TextOf(file, "node_id") != node_id) continue;
    HF_ASSIGN_OR_RETURN(const admin::JsonValue shown,
                        console.Ask({"salvage", "show", admin::TextOf(file, "name")}, kPatience));
    for (const admin::JsonValue& record : ListOf(shown, "records").values()) {
      ++told.record_count;
      for (const admin::JsonValue& change : ListOf(record, "changes").values()) {
        const std::optional<int> key = KeyNumber(admin::TextOf(change, "key"));
        const admin::JsonValue* const lost = admin::Member(change, "lost");
        if (!key || lost == nullptr) continue;
        if (const auto write = WriteOf(*key, admin::TextOf(*lost, "value"))) told.writes.insert(*write);
      }
    }
  }
  return told;
}

}  // namespace holdfast::drill
