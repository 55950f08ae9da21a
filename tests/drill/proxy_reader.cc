#include "tests/drill/proxy_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "base/error.h"
#include "base/executor.h"
#include "base/status_macros.h"
#include "holdfast/v1/config.grpc.pb.h"
#include "rpc/connect.h"
#include "rpc/errors.h"
#include "rpc/status.h"
#include "tests/drill/keys.h"

namespace holdfast::drill {

absl::StatusOr<std::unique_ptr<ProxyReader>> ProxyReader::Start(Options options) {
  HF_ASSIGN_OR_RETURN(auto kept, rpc::ChannelCache::Create({}, rpc::ChannelUse::kClient));
  HF_ASSIGN_OR_RETURN(auto fresh, rpc::ChannelCache::Create({}, rpc::ChannelUse::kClient));
  HF_RETURN_IF_ERROR(kept->Get(options.address).status());
  std::unique_ptr<ProxyReader> reader(new ProxyReader(std::move(options), std::move(kept), std::move(fresh)));
  reader->thread_ = std::thread([self = reader.get()] { self->Run(); });
  return reader;
}

ProxyReader::ProxyReader(Options options, std::unique_ptr<rpc::ChannelCache> kept,
                         std::unique_ptr<rpc::ChannelCache> fresh)
    : options_(std::move(options)),
      kept_(std::move(kept)),
      fresh_(std::move(fresh)),
      random_(SeededRandom(options_.seed)),
      began_(options_.clock->SinceBoot()) {}

ProxyReader::~ProxyReader() { Stop(); }

void ProxyReader::Suspend() {
  MutexLock lock(&mu_);
  if (state_ != State::kReading) return;
  state_ = State::kSuspended;
  results_.until = options_.clock->SinceBoot();
  ++spell_;
}

void ProxyReader::Resume() {
  // Whatever became of the connection while the site was away, a client that comes back makes a new one.
  kept_->Drop(options_.address);
  MutexLock lock(&mu_);
  if (state_ == State::kSuspended) state_ = State::kReading;
  changed_cv_.NotifyAll();
}

void ProxyReader::Stop() {
  {
    MutexLock lock(&mu_);
    if (state_ == State::kReading) results_.until = options_.clock->SinceBoot();
    state_ = State::kStopped;
    ++spell_;
    changed_cv_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void ProxyReader::Run() {
  NameThisThread("read");
  Pace pace(options_.per_second, options_.clock->SinceBoot());
  for (int64_t count = 1;; ++count) {
    {
      const absl::Duration wait = pace.Next(options_.clock->SinceBoot());
      MutexLock lock(&mu_);
      changed_cv_.WaitFor(&mu_, wait,
                          [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return state_ == State::kStopped; });
      changed_cv_.Wait(&mu_,
                       [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return state_ != State::kSuspended; });
      if (state_ == State::kStopped) return;
    }
    ReadOnce(count % options_.fresh_every == 0);
  }
}

void ProxyReader::ReadOnce(bool on_fresh_connection) {
  int64_t spell = 0;
  {
    MutexLock lock(&mu_);
    spell = spell_;
  }
  rpc::ChannelCache& channels = on_fresh_connection ? *fresh_ : *kept_;
  if (on_fresh_connection) fresh_->Drop(options_.address);
  Observation seen;
  seen.key = PickKey(*random_, options_.key_count);
  v1::GetRequest request;
  request.set_key(KeyOf(seen.key));
  v1::GetResponse response;
  grpc::ClientContext context;
  rpc::SetTimeout(context, options_.deadline);
  const auto channel =
      rpc::ConnectedChannel(channels, options_.address, options_.deadline, rpc::UnreachableError);
  const absl::Status status =
      channel.ok()
          ? rpc::FromGrpcStatus(v1::ConfigService::NewStub(*channel)->Get(&context, request, &response))
          : channel.status();
  seen.at = options_.clock->SinceBoot();

  MutexLock lock(&mu_);
  if (spell != spell_) return;
  if (!status.ok()) {
    results_.failed.push_back(seen.at);
    results_.failures.Add(absl::StrFormat(
        "read at '%s' failed%s after %.2f s of reading: %s: %s", options_.node_id,
        on_fresh_connection ? " on a fresh connection" : "", absl::ToDoubleSeconds(seen.at - began_),
        ReasonOf(status), std::string(status.message())));
    return;
  }
  seen.revision = response.header().revision();
  seen.modified = response.kv().mod_revision();
  seen.write = WriteOf(seen.key, response.kv().value());
  results_.answered.push_back(seen);
  results_.fresh_connections += on_fresh_connection;
  shown_ = std::max(shown_, seen.revision);
}

ProxyReader::Results ProxyReader::results() const {
  MutexLock lock(&mu_);
  Results results = results_;
  if (state_ == State::kReading) results.until = options_.clock->SinceBoot();
  return results;
}

int64_t ProxyReader::shown_revision() const {
  MutexLock lock(&mu_);
  return shown_;
}

}  // namespace holdfast::drill
