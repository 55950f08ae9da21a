#include "tests/sim/faults.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace holdfast::sim {

using storage::CrashMode;

void Faults::Start() {
  World& world = cluster_->world();
  if (world.scenario.fault_every == absl::InfiniteDuration()) return;
  world.time.After(Around(world.scenario.fault_every, *world.random), [this] {
    if (ended_) return;
    One();
    Start();
  });
}

void Faults::EndAll() {
  ended_ = true;
  World& world = cluster_->world();
  world.network.HealAll();
  cluster_->set_mean_down_time(absl::ZeroDuration());
  for (const auto& node : cluster_->nodes()) {
    node->disk().LiftLimit();
    node->DisarmCrash();
    node->set_sync_time(absl::Microseconds(200));
  }
}

absl::Duration Faults::Short() const {
  return absl::Milliseconds(200) + Around(absl::Milliseconds(1500), *cluster_->world().random);
}

CrashMode Faults::AnyMode() {
  constexpr CrashMode kModes[] = {CrashMode::kKillProcess, CrashMode::kLoseUnsynced,
                                  CrashMode::kTearUnsynced};
  return kModes[cluster_->world().random->Below(3)];
}

void Faults::One() {
  World& world = cluster_->world();
  SimNode& node = cluster_->AnyNode();
  world.coverage.Count("faults");
  switch (world.random->Below(17)) {
    case 0:
    case 1:
      return node.Crash(AnyMode(), "");
    case 2:
    case 3:
    case 4:
      return CrashSoon(node);
    case 5:
    case 6:
    case 7:
      return Partition();
    case 8:
      return world.network.Reset(node.id(), cluster_->AnyNode().id());
    case 9:
      return FillDisk(node);
    case 10:
      return world.random->Below(2) == 0 ? SlowDisk(node) : Pause(node);
    case 14:
      return node.FailNextSync();
    case 15:
      return FailDisk(node);
    case 16:
      return PromiseTwice(node);
    case 11:
      return WipeFollower(node);
    case 12:
      node.StopInOrder();
      return;
    default:
      return node.clock().JumpWall(absl::Seconds(static_cast<int64_t>(world.random->Below(7200)) - 3600));
  }
}

void Faults::CrashSoon(SimNode& node) {
  Random& random = *cluster_->world().random;
  switch (random.Below(3)) {
    case 0:
      return node.CrashNear("salvage", AnyMode());
    case 1:
      return node.CrashNear("incoming", AnyMode());
    default:
      return node.CrashAtStep(static_cast<int64_t>(random.Below(60)), AnyMode());
  }
}

void Faults::Partition() {
  World& world = cluster_->world();
  std::vector<std::pair<std::string, std::string>> ways;
  const NodePlan a = cluster_->AnyNode().plan();
  const NodePlan b = cluster_->AnyNode().plan();
  const uint64_t kind = world.random->Below(4);
  for (const auto& from : cluster_->nodes()) {
    for (const auto& to : cluster_->nodes()) {
      if (from == to) continue;
      const bool one_way = kind == 0 && from->id() == a.node_id && to->id() == b.node_id;
      const bool pair = kind == 1 && ((from->id() == a.node_id && to->id() == b.node_id) ||
                                      (from->id() == b.node_id && to->id() == a.node_id));
      const bool sites = kind == 2 && from->plan().site != to->plan().site;
      const bool alone = kind == 3 && (from->id() == a.node_id || to->id() == a.node_id);
      if (one_way || pair || sites || alone) ways.emplace_back(from->id(), to->id());
    }
  }
  for (const auto& [from, to] : ways) world.network.Cut(from, to);
  ++world.cuts;
  static constexpr const char* kNames[] = {"one way", "a pair", "the sites", "one node"};
  world.story.Note("FAULT", absl::StrCat("cut ", kNames[kind], ": ", a.node_id, " ", b.node_id));
  world.coverage.Count("partitions");
  world.time.After(Short() * 2, [this, ways] {
    for (const auto& [from, to] : ways) cluster_->world().network.Heal(from, to);
    --cluster_->world().cuts;
    cluster_->world().story.Note("FAULT", "a cut is healed");
  });
}

void Faults::FillDisk(SimNode& node) {
  World& world = cluster_->world();
  node.disk().LimitRoom(static_cast<int64_t>(world.random->Below(30'000)));
  world.story.Note("FAULT", absl::StrCat("the disk of ", node.id(), " is full"));
  world.coverage.Count("full_disks");
  world.time.After(Short(), [&node] { node.disk().LiftLimit(); });
}

// A few of the next reads or writes fail; afterwards the disk is as it was.
void Faults::FailDisk(SimNode& node) {
  using storage::DiskOperation;
  World& world = cluster_->world();
  static const std::set<DiskOperation> kKinds[] = {
      {DiskOperation::kWrite},
      {DiskOperation::kRead},
      {DiskOperation::kOpen, DiskOperation::kCreate},
      {DiskOperation::kTruncate, DiskOperation::kRename, DiskOperation::kRemove}};
  node.FailDisk(kKinds[world.random->Below(4)], static_cast<int64_t>(world.random->Below(20)),
                1 + static_cast<int64_t>(world.random->Below(3)));
  world.story.Note("FAULT", absl::StrCat("the disk of ", node.id(), " fails now and then"));
  world.coverage.Count("io_errors");
}

void Faults::SlowDisk(SimNode& node) {
  World& world = cluster_->world();
  node.set_sync_time(absl::Milliseconds(20 + static_cast<int64_t>(world.random->Below(200))));
  world.coverage.Count("slow_disks");
  world.time.After(Short() * 2, [&node] { node.set_sync_time(absl::Microseconds(200)); });
}

void Faults::Pause(SimNode& node) {
  if (!node.is_up()) return;
  World& world = cluster_->world();
  const absl::Duration span = Short() * 2;
  node.PauseFor(span);
  world.story.Note("FAULT", absl::StrCat(node.id(), " is stopped for ", absl::FormatDuration(span)));
  world.coverage.Count("paused_processes");
}

// Another candidate asks for an epoch that has been promised: none that is sound does (R2, R3), and nobody
// may say yes.
void Faults::PromiseTwice(SimNode& node) {
  World& world = cluster_->world();
  SimNode& other = cluster_->AnyNode();
  if (!node.is_up() || !other.is_up() || &other == &node) return;
  const v1::EpochPromise& given = node.store().node().promise();
  if (given.epoch() == 0 || given.candidate_node_id() == other.id()) return;
  v1::PromiseRequest request;
  request.set_cluster_id(node.store().node().identity().cluster_id);
  v1::EpochPromise& wanted = *request.mutable_promise();
  wanted.set_epoch(given.epoch());
  wanted.set_candidate_node_id(other.id());
  wanted.set_candidate_incarnation(other.store().node().identity().incarnation);
  const absl::StatusOr<v1::PromiseResponse> answer = node.replica().AcceptPromise(request);
  if (answer.ok()) world.checker.OnPromiseAnswer(node.id(), other.id(), answer);
  world.coverage.Count("promised_epochs_asked_for");
}

void Faults::WipeFollower(SimNode& node) {
  if (!cluster_->CanLose(node.id())) return;
  node.Crash(CrashMode::kKillProcess, "to be wiped");
  node.Wipe();
  cluster_->NoteWipe();
}

}  // namespace holdfast::sim
