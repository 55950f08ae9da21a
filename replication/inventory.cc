#include "replication/inventory.h"

#include <google/protobuf/util/json_util.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "base/error.h"

namespace holdfast::replication {
namespace {

std::string MessageToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  HF_CHECK(google::protobuf::util::MessageToJsonString(message, &json, options).ok(),
           "a message has a JSON form");
  return json;
}

template <typename Message>
absl::StatusOr<Message> FromJson(absl::string_view json, absl::string_view what) {
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  Message message;
  const google::protobuf::StringPiece text(json.data(), json.size());
  if (!google::protobuf::util::JsonStringToMessage(text, &message, options).ok()) {
    return MakeError(absl::StatusCode::kDataLoss, "DATA_DAMAGED",
                     absl::StrCat("the replicated ", what, " is not what Holdfast writes"));
  }
  return message;
}

}  // namespace

std::string NodeKey(absl::string_view node_id) { return absl::StrCat(kNodesPrefix, node_id); }

std::string SalvageKey(absl::string_view node_id, absl::string_view file) {
  return absl::StrCat(kSalvagePrefix, node_id, "/", file);
}

std::string UnsettledKey(uint64_t epoch) { return absl::StrCat(kUnsettledPrefix, epoch); }

const v1::NodeInfo* Inventory::Find(absl::string_view node_id) const {
  for (const v1::NodeInfo& node : nodes) {
    if (absl::string_view(node.node_id()) == node_id) return &node;
  }
  return nullptr;
}

std::string ToJson(const v1::ClusterInfo& cluster) { return MessageToJson(cluster); }
std::string ToJson(const v1::NodeInfo& node) { return MessageToJson(node); }
std::string ToJson(const v1::SalvageFileSummary& file) { return MessageToJson(file); }
std::string ToJson(const v1::UnsettledEpoch& epoch) { return MessageToJson(epoch); }

absl::StatusOr<v1::ClusterInfo> ClusterFromJson(absl::string_view json) {
  return FromJson<v1::ClusterInfo>(json, "cluster description");
}

absl::StatusOr<v1::NodeInfo> NodeFromJson(absl::string_view json) {
  return FromJson<v1::NodeInfo>(json, "node description");
}

absl::StatusOr<v1::UnsettledEpoch> UnsettledFromJson(absl::string_view json) {
  return FromJson<v1::UnsettledEpoch>(json, "note of a break-glass epoch");
}

bool IsVoter(const v1::DurabilityRule& rule, absl::string_view node_id, absl::string_view incarnation) {
  for (const v1::Voter& voter : rule.voters()) {
    if (absl::string_view(voter.node_id()) == node_id)
      return absl::string_view(voter.incarnation()) == incarnation;
  }
  return false;
}

std::string NamesOf(const google::protobuf::RepeatedPtrField<v1::Voter>& voters) {
  return absl::StrJoin(voters, ", ",
                       [](std::string* out, const v1::Voter& voter) { out->append(voter.node_id()); });
}

std::string ToString(const v1::DurabilityRule& rule) {
  if (rule.quorum() == 0) return "local (q = 0)";
  return absl::StrCat(rule.quorum(), " of {", NamesOf(rule.voters()), "}");
}

}  // namespace holdfast::replication
