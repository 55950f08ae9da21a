#include "replication/known_inventory.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "base/limits.h"
#include "base/status_macros.h"

namespace holdfast::replication {
namespace {

void Put(v1::NodeInfo node, std::vector<v1::NodeInfo>* nodes) {
  const auto place =
      std::lower_bound(nodes->begin(), nodes->end(), node.node_id(),
                       [](const v1::NodeInfo& n, const std::string& id) { return n.node_id() < id; });
  if (place != nodes->end() && place->node_id() == node.node_id()) {
    *place = std::move(node);
  } else {
    nodes->insert(place, std::move(node));
  }
}

void Put(v1::UnsettledEpoch epoch, std::vector<v1::UnsettledEpoch>* epochs) {
  std::erase_if(*epochs, [&](const v1::UnsettledEpoch& other) { return other.epoch() == epoch.epoch(); });
  const auto place = std::find_if(epochs->begin(), epochs->end(), [&](const v1::UnsettledEpoch& other) {
    return other.epoch() > epoch.epoch();
  });
  epochs->insert(place, std::move(epoch));
}

void Erase(absl::string_view node_id, std::vector<v1::NodeInfo>* nodes) {
  std::erase_if(*nodes, [node_id](const v1::NodeInfo& node) { return node.node_id() == node_id; });
}

}  // namespace

// A value that cannot be parsed leaves the older one: the bytes were agreed on, so every node does the same.
void KnownInventory::Apply(const v1::Record& record, Inventory* out, std::vector<Leaving>* leaving) {
  for (const v1::Change& change : record.changes()) {
    if (change.key() == kClusterKey) {
      if (auto cluster = ClusterFromJson(change.value()); cluster.ok()) out->cluster = *std::move(cluster);
    } else if (absl::StartsWith(change.key(), kNodesPrefix)) {
      const absl::string_view node_id = absl::string_view(change.key()).substr(kNodesPrefix.size());
      if (change.has_value()) {
        std::erase_if(*leaving, [&](const Leaving& one) { return one.node.node_id() == node_id; });
      } else if (const v1::NodeInfo* const gone = out->Find(node_id); gone != nullptr) {
        leaving->push_back({Revision(record.revision()), *gone});
      }
      if (!change.has_value()) {
        Erase(node_id, &out->nodes);
      } else if (auto node = NodeFromJson(change.value()); node.ok()) {
        Put(*std::move(node), &out->nodes);
      }
    } else if (absl::StartsWith(change.key(), kUnsettledPrefix)) {
      if (!change.has_value()) {
        std::erase_if(out->unsettled, [&](const v1::UnsettledEpoch& epoch) {
          return UnsettledKey(epoch.epoch()) == change.key();
        });
      } else if (auto epoch = UnsettledFromJson(change.value()); epoch.ok()) {
        Put(*std::move(epoch), &out->unsettled);
      }
    }
  }
}

absl::StatusOr<Inventory> KnownInventory::ReadVisible() {
  Inventory inventory;
  HF_RETURN_IF_ERROR(ReadVisibleAt(store_->visible().revision, &inventory));
  return inventory;
}

absl::Status KnownInventory::ReadVisibleAt(Revision at, Inventory* out) {
  if (at.is_zero()) return absl::OkStatus();
  {
    HF_ASSIGN_OR_RETURN(const std::unique_ptr<storage::ReadLease> lease, store_->own_readers().Acquire());
    HF_ASSIGN_OR_RETURN(const auto cluster, lease->Get(kClusterKey, at));
    if (cluster) {
      HF_ASSIGN_OR_RETURN(out->cluster, ClusterFromJson(cluster->value));
    }
  }
  HF_RETURN_IF_ERROR(ScanVisible(kNodesPrefix, kNodesEnd, at, [out](absl::string_view value) {
    HF_ASSIGN_OR_RETURN(v1::NodeInfo node, NodeFromJson(value));
    Put(std::move(node), &out->nodes);
    return absl::OkStatus();
  }));
  return ScanVisible(kUnsettledPrefix, kUnsettledEnd, at, [out](absl::string_view value) {
    HF_ASSIGN_OR_RETURN(v1::UnsettledEpoch epoch, UnsettledFromJson(value));
    Put(std::move(epoch), &out->unsettled);
    return absl::OkStatus();
  });
}

absl::Status KnownInventory::ScanVisible(absl::string_view begin, absl::string_view end, Revision at,
                                         const std::function<absl::Status(absl::string_view value)>& take) {
  std::string next(begin);
  for (bool more = true; more;) {
    HF_ASSIGN_OR_RETURN(const std::unique_ptr<storage::ReadLease> lease, store_->own_readers().Acquire());
    absl::Status taken;
    HF_ASSIGN_OR_RETURN(std::optional<std::string> rest,
                        lease->Scan(next, std::string(end), at, kMaxRowsPerLease, /*keys_only=*/false,
                                    [&](const storage::KeyVersion& row) {
                                      taken.Update(take(row.value));
                                      return true;
                                    }));
    HF_RETURN_IF_ERROR(taken);
    more = rest.has_value();
    if (more) next = *std::move(rest);
  }
  return absl::OkStatus();
}

absl::Status KnownInventory::Reload() {
  Inventory inventory;
  std::vector<Leaving> leaving;
  const Revision visible = store_->visible().revision;
  HF_RETURN_IF_ERROR(ReadVisibleAt(visible, &inventory));
  for (Revision after = visible; after < store_->appended().revision;) {
    HF_ASSIGN_OR_RETURN(const auto records,
                        store_->log().ReadAfter(after, store_->appended().revision, kMaxRecordsPerMessage,
                                                kMaxRecordBytesPerMessage));
    if (records.empty()) break;
    for (const storage::LogRecordPtr& record : records) Apply(record->message, &inventory, &leaving);
    after = records.back()->position.revision;
  }
  inventory_ = std::move(inventory);
  leaving_ = std::move(leaving);
  return absl::OkStatus();
}

void KnownInventory::OnAppended(absl::Span<const storage::LogRecordPtr> records) {
  std::erase_if(leaving_, [this](const Leaving& one) { return !IsLeaving(one); });
  for (const storage::LogRecordPtr& record : records) Apply(record->message, &inventory_, &leaving_);
}

bool KnownInventory::IsLeaving(const Leaving& one) const {
  return one.removed_at > store_->visible().revision;
}

std::vector<v1::NodeInfo> KnownInventory::leaving() const {
  std::vector<v1::NodeInfo> nodes;
  for (const Leaving& one : leaving_) {
    if (IsLeaving(one)) nodes.push_back(one.node);
  }
  return nodes;
}

const v1::NodeInfo* KnownInventory::FindToVote(absl::string_view node_id) const {
  if (const v1::NodeInfo* const member = inventory_.Find(node_id); member != nullptr) return member;
  for (const Leaving& one : leaving_) {
    if (one.node.node_id() == node_id && IsLeaving(one)) return &one.node;
  }
  return nullptr;
}

}  // namespace holdfast::replication
