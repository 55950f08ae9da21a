#include "tests/drill/watcher.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/executor.h"
#include "base/status_macros.h"
#include "client/range.h"
#include "holdfast/v1/config.grpc.pb.h"
#include "rpc/status.h"
#include "tests/drill/keys.h"

namespace holdfast::drill {
namespace {

constexpr absl::Duration kAgain = absl::Milliseconds(50);
constexpr absl::Duration kProgress = absl::Milliseconds(500);

// What is not ours, or no value of ours, is a change that no history holds.
Change ChangeOf(const v1::KeyValue& kv) {
  const int key = KeyNumber(kv.key()).value_or(-1);
  return {kv.mod_revision(), key, WriteOf(key, kv.value()).value_or(-1)};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Watcher>> Watcher::Start(Options options) {
  HF_ASSIGN_OR_RETURN(auto channels, rpc::ChannelCache::Create({}, rpc::ChannelUse::kClient));
  HF_RETURN_IF_ERROR(channels->Get(options.address).status());
  std::unique_ptr<Watcher> watcher(new Watcher(std::move(options), std::move(channels)));
  watcher->thread_ = std::thread([self = watcher.get()] { self->Run(); });
  return watcher;
}

Watcher::Watcher(Options options, std::unique_ptr<rpc::ChannelCache> channels)
    : options_(std::move(options)), channels_(std::move(channels)), reached_(options_.after) {}

Watcher::~Watcher() { Stop(); }

void Watcher::Stop() {
  halt_.Now();
  {
    MutexLock lock(&mu_);
    if (stream_ != nullptr) stream_->TryCancel();
  }
  if (thread_.joinable()) thread_.join();
}

void Watcher::Run() {
  NameThisThread("watch");
  do {
    const absl::Status ended = RunStream();
    if (halt_.is_said()) return;
    MutexLock lock(&mu_);
    ++ended_count_;
    ends_.Add(absl::StrCat("watch at '", options_.node_id, "' ended: ", ended.ToString()));
  } while (!halt_.Within(kAgain));
}

absl::Status Watcher::RunStream() {
  v1::WatchRequest request;
  client::SetPrefix(request, kPrefix);
  request.mutable_progress_interval()->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(kProgress)));
  HF_ASSIGN_OR_RETURN(const auto channel, channels_->Get(options_.address));
  grpc::ClientContext context;
  {
    MutexLock lock(&mu_);
    if (halt_.is_said()) return absl::OkStatus();
    stream_ = &context;
    request.set_start_revision(reached_ + 1);
  }
  const auto stub = v1::ConfigService::NewStub(channel);
  const auto stream = stub->Watch(&context, request);
  v1::WatchResponse message;
  while (stream->Read(&message)) Take(message);
  const absl::Status status = rpc::FromGrpcStatus(stream->Finish());
  MutexLock lock(&mu_);
  stream_ = nullptr;
  return status;
}

void Watcher::Take(const v1::WatchResponse& message) {
  MutexLock lock(&mu_);
  if (message.has_rewound()) {
    std::vector<Change> restored;
    for (const v1::KeyValue& kv : message.rewound().restored()) {
      if (kv.mod_revision() != 0) restored.push_back(ChangeOf(kv));  // else it does not exist
    }
    log_.Rewound(message.rewound().common_revision(), restored);
    reached_ = std::min(reached_, message.rewound().common_revision());
  }
  for (const v1::WatchEvent& event : message.events()) {
    log_.Event(event.deleted() ? Change{event.kv().mod_revision(), -1, -1} : ChangeOf(event.kv()));
  }
  if (!message.fragment()) reached_ = std::max(reached_, message.revision());
}

int64_t Watcher::reached() const {
  MutexLock lock(&mu_);
  return reached_;
}

WatchLog Watcher::log() const {
  MutexLock lock(&mu_);
  return log_;
}

int64_t Watcher::ended_count() const {
  MutexLock lock(&mu_);
  return ended_count_;
}

Findings Watcher::ends() const {
  MutexLock lock(&mu_);
  return ends_;
}

}  // namespace holdfast::drill
