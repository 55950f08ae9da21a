// How a machine and its process come to harm.
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/sim/sim_node.h"

namespace holdfast::sim {
namespace {

using storage::CrashMode;
using storage::DiskOperation;

constexpr absl::Duration kForever = absl::Hours(24 * 365);

const char* NameOf(CrashMode mode) {
  switch (mode) {
    case CrashMode::kKillProcess:
      return "killed";
    case CrashMode::kLoseUnsynced:
      return "lost its power";
    case CrashMode::kTearUnsynced:
      return "lost its power, writes torn";
  }
  return "";
}

}  // namespace

void SimNode::StopInOrder() {
  if (!is_up()) return;
  world_->story.Note(id(), "stops");
  world_->coverage.Count("stops");
  process_->replica->Stop();
  world_->checker.OnCrashed(id(), /*power_lost=*/false);
  EndProcess(/*reset=*/true);
  disk_.Crash(CrashMode::kKillProcess, *random_);  // loses nothing; disarms a crash that was still to come
}

void SimNode::Crash(CrashMode mode, const char* why) {
  if (process_ == nullptr) return;
  if (!process_->dying) {
    // What the destructors write comes too late.
    disk_.FreezeAfter(0, nullptr);
    world_->story.Note(id(), absl::StrCat(NameOf(mode), " ", why));
    world_->coverage.Count("crashes");
  }
  process_->dying = true;
  world_->network.Silence(id());
  world_->checker.OnCrashed(id(), mode != CrashMode::kKillProcess);
  EndProcess(/*reset=*/mode == CrashMode::kKillProcess);
  disk_.Crash(mode, *random_);
}

void SimNode::CrashAtStep(int64_t steps, CrashMode mode) {
  disk_.FreezeAfter(steps, [this, mode] { OnFrozen(mode); });
}

void SimNode::CrashNear(const std::string& part, CrashMode mode) {
  crash_near_ = part;
  crash_near_mode_ = mode;
}

void SimNode::PauseFor(absl::Duration span) {
  process_->strand.PauseFor(span);
  process_->worker.PauseFor(span);
  if (process_->serving != nullptr) process_->serving->PauseFor(span);
}

void SimNode::FailNextSync() { FailDisk({DiskOperation::kSync}, 0, 1); }

void SimNode::FailDisk(std::set<DiskOperation> operations, int64_t pass_count, int64_t fail_count) {
  storage::DiskFault fault;
  fault.operations = std::move(operations);
  fault.error = storage::DiskResult::kIoError;
  fault.pass_count = pass_count;
  fault.fail_count = fail_count;
  disk_.AddFault(fault);
}

void SimNode::OnFailedSync() {
  world_->coverage.Count("failed_syncs");
  constexpr CrashMode kModes[] = {CrashMode::kLoseUnsynced, CrashMode::kTearUnsynced};
  disk_.FreezeAfter(0, nullptr);
  OnFrozen(kModes[random_->Below(2)]);
}

void SimNode::DisarmCrash() {
  disk_.ClearFaults();
  disarmed_ = true;
  crash_near_.clear();
  crash_at_operation_step_ = 0;
  disk_.FreezeAfter(int64_t{1} << 40, nullptr);
}

// The code that runs goes on in vain until it returns; then the process is gone.
void SimNode::OnFrozen(CrashMode mode) {
  if (process_ == nullptr || process_->dying) return;
  process_->dying = true;
  world_->story.Note(id(), absl::StrCat(NameOf(mode), " in the middle of a durable step"));
  world_->coverage.Count("crashes");
  world_->coverage.Count("crashes_inside_a_step");
  world_->network.Silence(id());
  PauseFor(kForever);
  world_->time.After(absl::ZeroDuration(), [this, mode, life = life_] {
    if (life == life_ && process_ != nullptr) Crash(mode, "");
  });
}

void SimNode::OnDisk(DiskOperation operation, absl::string_view path) {
  if (process_ == nullptr || process_->dying) return;
  if (operation == DiskOperation::kSync) process_->strand.PauseFor(sync_time_);
  const bool is_harmless = operation == DiskOperation::kOpen || operation == DiskOperation::kRead ||
                           operation == DiskOperation::kClose;
  if (crash_near_.empty() || is_harmless) return;
  if (!absl::StrContains(path, crash_near_)) return;
  world_->coverage.Count("crashes_near_" + crash_near_);
  crash_near_.clear();
  CrashAtStep(static_cast<int64_t>(random_->Below(25)), crash_near_mode_);
}

void SimNode::Wipe() {
  disk_.ClearFaults();  // whoever empties a disk sees to it that it is empty
  disk_.Crash(CrashMode::kLoseUnsynced, *random_);
  std::vector<std::string> directories = {"data/salvage", "data/copies", "data"};
  for (const std::string& directory : directories) {
    const auto names = files_.List(directory);
    if (!names.ok()) continue;
    for (const std::string& name : *names) (void)files_.Remove(absl::StrCat(directory, "/", name));
  }
  world_->checker.OnWiped(id());
  world_->story.Note(id(), "its disk is wiped");
  world_->coverage.Count("wipes");
}

}  // namespace holdfast::sim
