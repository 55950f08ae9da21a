#include "node/readiness.h"

#include <algorithm>
#include <utility>

#include "node/rating_records.h"
#include "node/readiness_rating.h"
#include "storage/record_codec.h"
#include "storage/schema.h"

namespace holdfast::node {
namespace {

constexpr absl::Duration kCatchUpStep = absl::Milliseconds(25);

google::protobuf::Timestamp ToProto(absl::Time time) {
  google::protobuf::Timestamp proto;
  const int64_t nanos = absl::ToUnixNanos(time);
  proto.set_seconds(nanos / 1'000'000'000);
  proto.set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
  return proto;
}

}  // namespace

Readiness::Readiness(Options options) : options_(std::move(options)) {}

void Readiness::Start() { BeginRound(); }

void Readiness::Stop() {
  if (std::exchange(is_stopped_, true)) return;
  options_.strand->Cancel(timer_);
  options_.strand->Cancel(catch_up_);
  lifetime_.Renew();
  for (const auto& done : std::exchange(waiting_, {})) done(report_);
}

void Readiness::Look(std::function<void(v1::ReadinessReport)> done) {
  if (is_stopped_) return done(report_);
  waiting_.push_back(std::move(done));
  if (open_ == 0) BeginRound();
}

void Readiness::BeginRound() {
  options_.strand->Cancel(timer_);
  asked_.clear();
  const std::string upstream = options_.replica->view().upstream_node_id;
  for (v1::NodeInfo& member : options_.replica->nodes()) {
    const bool counts = member.kind() == v1::NODE_KIND_SERVER || member.node_id() == upstream;
    if (member.node_id() != options_.node_id && counts) asked_.emplace_back().member = std::move(member);
  }
  open_ = 1;  // this call itself: answers may come at once
  for (PeerSeen& peer : asked_) Ask(&peer);
  OneIsDone();
}

void Readiness::Ask(PeerSeen* peer) {
  v1::PromiseRequest question;
  question.set_cluster_id(options_.store->node().identity().cluster_id);
  question.set_inspect(true);
  ++open_;
  options_.transport->Promise(peer->member.peer_address(), question, kPatience,
                              lifetime_.Wrap([this, peer](const absl::StatusOr<v1::PromiseResponse>& said) {
                                peer->reached = said.ok() && said->node_id() == peer->member.node_id();
                                if (peer->reached) peer->said = *said;
                                OneIsDone();
                              }));
}

void Readiness::OneIsDone() {
  if (--open_ > 0) return;
  open_ = 1;  // until EndRound
  peers_ = std::move(asked_);
  const replication::ReplicaView view = options_.replica->view();
  for (const PeerSeen& peer : peers_) {
    if (!peer.reached || !view.upstream_connected || peer.member.node_id() != view.upstream_node_id) continue;
    const auto has = storage::FromProto(peer.said.appended());
    if (has.ok() && !has->revision.is_zero()) to_compare_ = {peer.member.node_id(), *has};
  }
  CatchUp(options_.clock->SinceBoot() + kMaxCatchUp);
}

// What the upstream had when it answered comes here a moment later.
void Readiness::CatchUp(absl::Duration until) {
  const bool is_behind =
      to_compare_.has_value() && options_.store->appended().revision < to_compare_->second.revision;
  if (is_behind && options_.clock->SinceBoot() < until) {
    catch_up_ = options_.strand->PostAfter(kCatchUpStep, [this, until] { CatchUp(until); });
    return;
  }
  if (!is_behind) Compare();
  EndRound();
}

void Readiness::Compare() {
  if (!to_compare_) return;
  const auto [with, theirs] = *std::exchange(to_compare_, std::nullopt);
  const auto own = options_.store->PositionAt(theirs.revision);
  // A record that this log does not have any more, or not in this history, is no difference at one revision.
  if (!own.ok() || !own->has_value()) return;
  comparison_ = DigestComparison{with, theirs.revision, **own == theirs, absl::ZeroDuration()};
  compared_at_ = options_.clock->SinceBoot();
}

void Readiness::EndRound() {
  open_ = 0;
  Rate();
  timer_ = options_.strand->PostAfter(
      options_.kind == v1::NODE_KIND_SERVER ? kServerInterval : kProxyInterval, [this] { BeginRound(); });
  for (const auto& done : std::exchange(waiting_, {})) done(report_);
}

ReadinessFacts Readiness::Facts() {
  storage::Store& store = *options_.store;
  ReadinessFacts facts;
  facts.node_id = options_.node_id;
  facts.site = options_.site;
  facts.incarnation = store.node().identity().incarnation;
  facts.kind = options_.kind;
  for (v1::NodeInfo& member : options_.replica->nodes()) {
    if (member.node_id() == options_.node_id) facts.member = std::move(member);
  }
  facts.version = options_.version;
  facts.record_format = storage::kRecordFormatVersion;
  facts.schema_version = static_cast<uint32_t>(storage::kDataSchemaVersion);
  facts.view = options_.replica->view();
  facts.appended = store.appended();
  facts.staleness = options_.replica->Staleness();
  facts.promise = store.node().promise();
  facts.rule = options_.replica->cluster().rule();
  if (facts.view.role == v1::NODE_ROLE_PRIMARY) {
    facts.is_settled = options_.replica->RuleSettled();
    facts.followers = options_.replica->followers();
  }
  facts.peers = peers_;
  facts.comparison = comparison_;
  if (facts.comparison) facts.comparison->age = options_.clock->SinceBoot() - compared_at_;
  facts.database_bytes = store.database_bytes();
  facts.wal_bytes = store.wal_bytes();
  if (const auto free = options_.files->FreeBytes(store.options().data_dir); free.ok())
    facts.disk_free_bytes = *free;
  if (options_.certificates) facts.certificates = options_.certificates();
  // A value that cannot be read is as good as none: CheckNode finds the damage.
  if (auto integrity = ReadIntegrity(store.node()); integrity.ok()) facts.integrity = *std::move(integrity);
  if (auto drill = ReadDrill(store.node()); drill.ok()) facts.drill = *std::move(drill);
  facts.now = options_.clock->Now();
  return facts;
}

void Readiness::Rate() {
  const ReadinessFacts facts = Facts();
  report_.Clear();
  report_.set_node_id(facts.node_id);
  report_.set_site(facts.site);
  report_.set_role(facts.view.role);
  report_.set_epoch(facts.view.epoch);
  report_.set_primary_node_id(facts.view.primary_node_id);
  *report_.mutable_made_at() = ToProto(facts.now);
  if (facts.drill) *report_.mutable_drill() = *facts.drill;
  std::map<std::string, v1::ReadinessItem> rated;
  for (v1::ReadinessItem& item : RateReadiness(facts)) {
    const auto before = last_.find(item.check());
    const bool is_same = before != last_.end() && before->second.level() == item.level();
    *item.mutable_since() = is_same ? before->second.since() : ToProto(facts.now);
    const bool is_worse = before != last_.end() && item.level() > before->second.level();
    if (is_worse && options_.on_worse) options_.on_worse(item);
    *report_.add_items() = item;
    rated[item.check()] = std::move(item);
  }
  last_ = std::move(rated);
}

}  // namespace holdfast::node
