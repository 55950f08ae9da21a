// What a candidate needs of others before its EPOCH record, and they of it: the records that it lacks (R6),
// and who reaches whom.
#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/failpoint.h"
#include "base/limits.h"
#include "base/status_macros.h"
#include "replication/errors.h"
#include "replication/replica_impl.h"
#include "replication/store_log.h"
#include "replication/stream_appender.h"
#include "storage/errors.h"
#include "storage/proto_time.h"
#include "storage/record_codec.h"

namespace holdfast::replication {
namespace {

// A node that does not answer within this is not reached: an operator waits for it.
constexpr absl::Duration kMaxLookPatience = absl::Milliseconds(700);
// A switchover takes a fraction of a second from here on.
constexpr absl::Duration kMaxFreeze = absl::Seconds(10);

absl::Duration PatienceOf(const v1::LookRequest& request) {
  if (!request.has_patience()) return kMaxLookPatience;
  return std::clamp(storage::DurationOf(request.patience()), absl::Milliseconds(50), kMaxLookPatience);
}

absl::StatusOr<std::vector<Position>> ReadEnds(const v1::FetchRecordsRequest& request) {
  std::vector<Position> ends;
  for (const v1::LogPosition& end : request.epoch_ends()) {
    HF_ASSIGN_OR_RETURN(const Position position, storage::FromProto(end));
    if (!ends.empty() && ends.back().revision >= position.revision)
      return InvalidMessageError("epoch_ends", "out of order");
    ends.push_back(position);
  }
  return ends;
}

// One member's answer while a node looks around.
v1::Sighting ToSighting(const std::string& node_id, const absl::StatusOr<v1::PromiseResponse>& answer) {
  v1::Sighting sighting;
  sighting.set_node_id(node_id);
  sighting.set_reached(answer.ok());
  if (answer.ok()) {
    sighting.set_role(answer->role());
    sighting.set_epoch(answer->epoch());
  } else {
    sighting.set_reason(ReasonOf(answer.status()));
  }
  return sighting;
}

}  // namespace

void ReplicaImpl::AcceptFetchRecords(const v1::FetchRecordsRequest& request,
                                     std::function<void(absl::StatusOr<v1::FetchRecordsResponse>)> done) {
  storage::Store* const store = options_.store;
  const std::string& own = store->node().identity().cluster_id;
  if (own.empty() || request.cluster_id() != own) return done(WrongClusterError(own, request.cluster_id()));
  if (role_ == Role::kHalted) return done(halted_);
  if (role_ == Role::kStopped) return done(StoppingError({}));
  const StreamIdentity candidate{request.promise().epoch(), request.promise().candidate_node_id(),
                                 request.promise().candidate_incarnation()};
  // Whoever has not promised goes on appending, and what it gives may be cut again.
  if (!IsPromisedTo(store->node().promise(), candidate))
    return done(PromisedElsewhereError(store->node().promise()));
  const absl::StatusOr<std::vector<Position>> ends = ReadEnds(request);
  if (!ends.ok()) return done(ends.status());
  const Position end = store->appended();
  CommonAncestor common;
  common.kind = CommonAncestor::kFound;
  if (!ends->empty())
    common = FindCommonAncestor(HistoryOf(*store, end.revision), StoreLog(store, end), *ends);
  if (common.kind == CommonAncestor::kForked)
    return done(DivergedError(common.position.revision, "both logs have it, and they differ"));
  if (common.kind == CommonAncestor::kUnknown || common.position.revision < store->floor())
    return done(storage::CompactedError(common.position.revision, store->floor()));
  done = answers_.Keep(std::move(done));
  auto read = std::make_shared<absl::StatusOr<std::vector<storage::LogRecordPtr>>>();
  const bool accepted = options_.offload->Run(
      [read, store, after = common.position.revision, end = end.revision] {
        *read = store->log().ReadAfter(after, end, kMaxRecordsPerMessage, kMaxRecordBytesPerMessage);
      },
      lifetime_.Wrap([read, done, ancestor = common.position, end] {
        if (!read->ok()) return done(read->status());
        // A higher promise may have led to a cut meanwhile.
        if (!(*read)->empty() && (*read)->front()->previous != ancestor.chain_hash)
          return done(BrokenChainError(ancestor.revision, "this log was cut while it was read"));
        v1::FetchRecordsResponse response;
        *response.mutable_ancestor() = storage::ToProto(ancestor);
        *response.mutable_appended() = storage::ToProto(end);
        response.mutable_records()->set_previous_chain_hash(ancestor.chain_hash.view().data(),
                                                            ancestor.chain_hash.view().size());
        for (const storage::LogRecordPtr& record : **read)
          response.mutable_records()->add_records(record->bytes);
        done(std::move(response));
      }));
  if (!accepted) done(StoppingError({}));
}

absl::StatusOr<Position> ReplicaImpl::AppendHarvested(uint64_t epoch, const Position& ancestor,
                                                      const v1::FollowRecords& records, bool by_name) {
  if (role_ == Role::kHalted || role_ == Role::kStopped) return CanAdmit();
  if (role_ == Role::kPrimary) return WrongRoleError("a primary takes records from nobody");
  storage::Store& store = *options_.store;
  const StreamIdentity self{epoch, options_.node_id, store.node().identity().incarnation};
  if (!IsPromisedTo(store.node().promise(), self)) return PromisedElsewhereError(store.node().promise());
  if (store.appended().revision.epoch() >= epoch)
    return LowerEpochError(store.appended().revision.epoch(), epoch);
  if (!StoreLog(&store, store.appended()).Has(ancestor))
    return BrokenChainError(ancestor.revision, "what was fetched does not go on from this log");
  // Both branches have commits that somebody was shown: a person chooses (R20).
  if (ancestor.revision < store.visible().revision && !records.records().empty() && !by_name)
    return BranchesError(options_.node_id, ancestor.revision, store.visible().revision);
  StreamAppender appender(&store, [this] { ForgetBound(); });
  appender.Begin(epoch, ancestor);
  HF_RETURN_IF_ERROR(HOLDFAST_FAILPOINT_STATUS("harvest.before-append"));
  const StreamAppender::Result result = appender.Append(records);
  HOLDFAST_FAILPOINT("harvest.after-append");
  // A cut was told by the store (OnRewound). At once: the EPOCH record that comes next must not rest on what
  // was cut (R3: whose slot is whose).
  if (reload_posted_) ReloadInventory();
  if (result.kind == StreamAppender::Result::kHalt) Halt(result.status);
  if (result.kind != StreamAppender::Result::kDone) return result.status;
  if (reload_posted_) return InventoryNotReadError();
  return appender.verified();
}

// Not durable, and bounded: whoever asked may never come back.
absl::StatusOr<v1::FreezeResponse> ReplicaImpl::AcceptFreeze(const v1::FreezeRequest& request) {
  const std::string& own = options_.store->node().identity().cluster_id;
  if (own.empty() || request.cluster_id() != own) return WrongClusterError(own, request.cluster_id());
  if (role_ != Role::kPrimary || own_epoch_ != request.epoch())
    return WrongRoleError(absl::StrCat("it is not the primary of epoch ", request.epoch()));
  const absl::Duration hold =
      absl::Seconds(request.hold().seconds()) + absl::Nanoseconds(request.hold().nanos());
  const absl::Duration now = options_.clock->SinceBoot();
  const bool is_anothers = now < frozen_until_ && frozen_for_ != request.candidate_node_id();
  // Nobody thaws what another candidate relies on: one that gave up may be late with it.
  if (!is_anothers || hold > absl::ZeroDuration()) {
    const absl::Duration until = now + std::clamp(hold, absl::ZeroDuration(), kMaxFreeze);
    frozen_until_ = is_anothers ? std::max(until, frozen_until_) : until;
    frozen_for_ = request.candidate_node_id();
  }
  HOLDFAST_FAILPOINT("freeze.after-hold");
  v1::FreezeResponse response;
  *response.mutable_appended() = storage::ToProto(options_.store->appended());
  return response;
}

void ReplicaImpl::AcceptLook(const v1::LookRequest& request,
                             std::function<void(absl::StatusOr<v1::LookResponse>)> done) {
  const std::string& own = options_.store->node().identity().cluster_id;
  if (own.empty() || request.cluster_id() != own) return done(WrongClusterError(own, request.cluster_id()));
  struct Round {
    std::map<std::string, v1::Sighting> sightings;
    size_t open = 0;
  };
  done = answers_.Keep(std::move(done));
  auto round = std::make_shared<Round>();
  const auto finish = [this, round, done = std::move(done)] {
    v1::LookResponse response;
    response.mutable_vantage()->set_from(options_.node_id);
    response.mutable_vantage()->set_site(options_.site);
    if (std::optional<v1::Feed> feed = FeedNow())
      *response.mutable_vantage()->mutable_feed() = *std::move(feed);
    for (auto& [node_id, sighting] : round->sightings)
      *response.mutable_vantage()->add_sightings() = std::move(sighting);
    done(std::move(response));
  };
  v1::PromiseRequest question;
  question.set_cluster_id(own);
  question.set_inspect(true);
  // Servers alone: only they can be primaries, and there are few of them however many proxies look around.
  std::vector<v1::NodeInfo> servers = nodes();
  std::erase_if(servers, [this](const v1::NodeInfo& member) {
    return member.kind() != v1::NODE_KIND_SERVER || member.node_id() == options_.node_id;
  });
  round->open = servers.size();
  if (servers.empty()) return finish();
  const absl::Duration patience = PatienceOf(request);
  for (const v1::NodeInfo& server : servers) {
    options_.transport->Promise(server.peer_address(), question, patience,
                                lifetime_.Wrap([round, finish, id = server.node_id()](
                                                   const absl::StatusOr<v1::PromiseResponse>& said) {
                                  round->sightings[id] = ToSighting(id, said);
                                  if (--round->open == 0) finish();
                                }));
  }
}

}  // namespace holdfast::replication
