// What a node says of itself to whoever asks: a candidate above all.
#include <algorithm>

#include "replication/log_description.h"
#include "replication/replica_impl.h"
#include "storage/proto_time.h"
#include "storage/record_codec.h"
#include "storage/schema.h"

namespace holdfast::replication {

v1::PromiseResponse ReplicaImpl::Answer(bool describe_log) const {
  const storage::NodeStore& node = options_.store->node();
  v1::PromiseResponse response;
  response.set_node_id(options_.node_id);
  response.set_incarnation(node.identity().incarnation);
  *response.mutable_promise() = node.promise();
  // R1: read after the promise was durable.
  *response.mutable_appended() = storage::ToProto(options_.store->appended());
  *response.mutable_committed() = storage::ToProto(options_.store->visible());
  const ReplicaView seen = view();
  response.set_role(seen.role);
  response.set_epoch(seen.epoch);
  response.set_primary_node_id(seen.primary_node_id);
  if (running_operation_) *response.mutable_running() = *running_operation_;
  response.set_version(options_.version);
  response.set_record_format(storage::kRecordFormatVersion);
  response.set_schema_version(static_cast<uint32_t>(storage::kDataSchemaVersion));
  if (!halted_.ok() || !not_begun_.ok()) {
    response.set_cannot_promise(std::string((halted_.ok() ? not_begun_ : halted_).message()));
  } else if (role_ == Role::kStopped) {
    response.set_cannot_promise("it stops");
  }
  if (std::optional<v1::Feed> feed = FeedNow()) *response.mutable_feed() = *std::move(feed);
  if (describe_log) DescribeLog(*options_.store, inventory_.inventory().unsettled, &response);
  return response;
}

// A relay's messages are signs of the relay's life: of the primary's only the bound that it passes on.
std::optional<v1::Feed> ReplicaImpl::FeedNow() const {
  const std::optional<StreamIdentity>& stream = follower_.stream();
  if (!IsFollowing() || !follower_.streaming() || !stream || follower_.fed_through().empty())
    return std::nullopt;
  v1::Feed feed;
  feed.set_upstream_node_id(follower_.fed_through().front());
  feed.set_primary_node_id(stream->primary_node_id);
  feed.set_epoch(stream->epoch);
  const absl::Duration now = options_.clock->SinceBoot();
  std::optional<absl::Duration> lived_at = follower_.FreshAt();
  if (feed.upstream_node_id() == feed.primary_node_id())
    lived_at = std::max(lived_at.value_or(follower_.heard_at()), follower_.heard_at());
  if (lived_at)
    storage::FillDuration(std::max(now - *lived_at, absl::ZeroDuration()), feed.mutable_heard_ago());
  return feed;
}

}  // namespace holdfast::replication
