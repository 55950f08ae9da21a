#include "primary/drills.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "base/uuid.h"
#include "failover/errors.h"
#include "node/rating_records.h"
#include "node/readiness_rating.h"
#include "primary/errors.h"
#include "primary/rehearsal.h"
#include "storage/proto_time.h"

namespace holdfast::primary {
namespace {

constexpr char kDirectory[] = "drill";

google::protobuf::Timestamp ToProto(absl::Time time) {
  google::protobuf::Timestamp proto;
  const int64_t micros = absl::ToUnixMicros(time);
  proto.set_seconds(micros / 1'000'000);
  proto.set_nanos(static_cast<int32_t>(micros % 1'000'000 * 1000));
  return proto;
}

absl::Status Blocked(const std::string& check, const std::string& node_id, const std::string& seen,
                     const std::string& needed, const std::string& next) {
  v1::Check blocked;
  blocked.set_name(check);
  blocked.set_node_id(node_id);
  blocked.set_seen(seen);
  blocked.set_needed(needed);
  blocked.set_next_command(next);
  return failover::CheckFailedError(blocked);
}

}  // namespace

Drills::Drills(Options options) : options_(std::move(options)) {}

Drills::~Drills() = default;

std::string Drills::Directory() const {
  return absl::StrCat(options_.store->options().data_dir, "/", kDirectory);
}

void Drills::Start() {
  absl::StatusOr<std::optional<v1::Drill>> last = node::ReadDrill(options_.store->node());
  if (last.ok()) drill_ = *std::move(last);
  if (drill_ && drill_->state() == v1::DRILL_STATE_RUNNING) {
    const absl::Status why = DrillInterruptedError("the process ended in the middle of it");
    drill_->set_state(v1::DRILL_STATE_INTERRUPTED);
    drill_->set_error(std::string(why.message()));
    drill_->set_error_reason(ReasonOf(why));
    if (const absl::Status kept = node::WriteDrill(options_.store->node(), *drill_); !kept.ok())
      options_.logger->Warning("drill", "the end of a rehearsal cannot be kept", {{"error", kept.message()}});
  }
  const bool begun = worker_.TryPost([logger = options_.logger, files = options_.files, path = Directory()] {
    if (const absl::Status removed = RemoveTree(*files, path); !removed.ok())
      logger->Warning("drill", "what a rehearsal left cannot be removed",
                      {{"path", path}, {"error", removed.message()}});
  });
  if (!begun)
    options_.logger->Warning("drill", "what a rehearsal left is not removed", {{"path", Directory()}});
}

void Drills::OnChange() {
  if (is_running_ && (options_.operation_runs() || options_.replica->view().role != v1::NODE_ROLE_STANDBY))
    give_way_ = true;
}

void Drills::Cancel() { cancelled_ = true; }

absl::Status Drills::WhyNot() const {
  if (cancelled_) return NoDrillNowError();
  if (is_running_) return DrillRunningError(drill_->drill_id(), drill_->operator_name(), drill_->host());
  const std::string& id = options_.config.node_id;
  const replication::ReplicaView view = options_.replica->view();
  if (view.role != v1::NODE_ROLE_STANDBY) {
    std::string role = v1::NodeRole_Name(view.role).substr(std::string("NODE_ROLE_").size());
    absl::AsciiStrToLower(&role);
    return Blocked("role", id, absl::StrCat("it is ", role), "a standby: what could be promoted is rehearsed",
                   "holdfast status");
  }
  if (!view.not_serving_reason.empty())
    return Blocked("data", id, view.not_serving_reason, "a node whose data is whole",
                   "holdfast verify --deep");
  if (options_.store->visible().revision.is_zero())
    return Blocked("data", id, "it has no data", "a node that holds a copy", "holdfast status");
  if (options_.operation_runs()) {
    return Blocked("other-operation", id, "an operation runs here",
                   "a node with nothing more important to do", "holdfast operation list");
  }
  const absl::StatusOr<int64_t> free = options_.files->FreeBytes(options_.store->options().data_dir);
  HF_RETURN_IF_ERROR(free.status());
  const int64_t needed = node::BytesForACopy(options_.store->database_bytes(), options_.store->wal_bytes());
  if (*free >= needed) return absl::OkStatus();
  return Blocked("disk", id, absl::StrCat(*free >> 20, " MiB are free"),
                 absl::StrCat(needed >> 20, " MiB: room for a copy of the data"), "holdfast status -o json");
}

absl::StatusOr<v1::StartDrillResponse> Drills::StartDrill(const v1::StartDrillRequest& request) {
  HF_RETURN_IF_ERROR(WhyNot());
  v1::Drill drill;
  drill.set_drill_id(UuidToString(NewUuid7(*options_.clock, *options_.random)));
  drill.set_node_id(options_.config.node_id);
  drill.set_state(v1::DRILL_STATE_RUNNING);
  drill.set_operator_name(request.operator_name());
  drill.set_host(request.host());
  drill.set_version(options_.version);
  *drill.mutable_started() = ToProto(options_.clock->Now());
  if (drill_ && drill_->has_last_passed()) *drill.mutable_last_passed() = drill_->last_passed();
  HF_RETURN_IF_ERROR(node::WriteDrill(options_.store->node(), drill));
  drill_ = drill;
  is_running_ = true;
  give_way_ = false;
  began_at_ = step_at_ = options_.clock->SinceBoot();
  Log(drill);
  v1::StartDrillResponse response;
  *response.mutable_drill() = drill;
  // There is a place: nothing else runs, and what Start left to do is one task.
  if (!worker_.TryPost([this, drill] { Run(drill); })) {
    drill.set_state(v1::DRILL_STATE_INTERRUPTED);
    Finish(drill);
    return NoDrillNowError();
  }
  return response;
}

v1::GetDrillResponse Drills::GetDrill() {
  v1::GetDrillResponse response;
  if (!drill_) return response;
  *response.mutable_drill() = *drill_;
  if (!is_running_) return response;
  const absl::Duration now = options_.clock->SinceBoot();
  storage::FillDuration(now - began_at_, response.mutable_drill()->mutable_took());
  auto& steps = *response.mutable_drill()->mutable_steps();
  if (!steps.empty() && steps.rbegin()->state() == v1::DRILL_STATE_RUNNING)
    storage::FillDuration(now - step_at_, steps.rbegin()->mutable_took());
  return response;
}

void Drills::Run(v1::Drill drill) {
  Rehearsal::Options rehearsal;
  rehearsal.store = options_.store;
  rehearsal.clock = options_.clock;
  rehearsal.logger = options_.logger;
  rehearsal.config = options_.config;
  rehearsal.directory = Directory();
  rehearsal.cluster_id = RandomHexId(*options_.random);
  rehearsal.start_node = options_.start_node;
  rehearsal.open_canary = options_.open_canary;
  rehearsal.interrupted = [this, deadline = options_.clock->SinceBoot() + options_.limit]() -> absl::Status {
    if (cancelled_) return DrillInterruptedError("the node stops");
    if (give_way_)
      return DrillInterruptedError("the node has more important work: an operation, or another role");
    if (options_.clock->SinceBoot() > deadline) return DrillTooSlowError(options_.limit);
    return absl::OkStatus();
  };
  rehearsal.on_begin = [this](const std::string& step) {
    options_.strand->Post([this, step] { BeginStep(step); });
  };
  rehearsal.on_end = [this](v1::DrillState state, const std::string& detail) {
    options_.strand->Post([this, state, detail] { EndStep(state, detail); });
  };
  Rehearsal(std::move(rehearsal), &drill).Run();
  options_.strand->Post([this, drill = std::move(drill)] { Finish(drill); });
}

void Drills::BeginStep(const std::string& name) {
  step_at_ = options_.clock->SinceBoot();
  v1::DrillStep& step = *drill_->add_steps();
  step.set_name(name);
  step.set_state(v1::DRILL_STATE_RUNNING);
}

void Drills::EndStep(v1::DrillState state, const std::string& detail) {
  v1::DrillStep& step = *drill_->mutable_steps()->rbegin();
  step.set_state(state);
  step.set_detail(detail);
  storage::FillDuration(options_.clock->SinceBoot() - step_at_, step.mutable_took());
}

// What the worker found out, and the steps that were counted here.
void Drills::Finish(v1::Drill result) {
  *result.mutable_steps() = drill_->steps();
  storage::FillDuration(options_.clock->SinceBoot() - began_at_, result.mutable_took());
  if (result.state() == v1::DRILL_STATE_PASSED)
    *result.mutable_last_passed() = ToProto(options_.clock->Now());
  drill_ = std::move(result);
  is_running_ = false;
  Log(*drill_);
  if (const absl::Status kept = node::WriteDrill(options_.store->node(), *drill_); !kept.ok())
    options_.logger->Warning("drill", "the result of a rehearsal cannot be kept",
                             {{"error", kept.message()}});
}

void Drills::Log(const v1::Drill& drill) {
  options_.logger->Info("drill", "rehearsal",
                        {{"drill", drill.drill_id()},
                         {"state", v1::DrillState_Name(drill.state())},
                         {"operator", drill.operator_name()},
                         {"host", drill.host()},
                         {"error", drill.error()}});
}

}  // namespace holdfast::primary
