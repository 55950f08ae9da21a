#include "tests/drill/commit_call.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/status_macros.h"
#include "client/connect.h"
#include "holdfast/v1/config.grpc.pb.h"
#include "rpc/channel.h"
#include "rpc/status.h"

namespace holdfast::drill {
namespace {

constexpr absl::Duration kAttempt = absl::Milliseconds(250);
// One that stays silent is left alone for longer each time. The first time is short: a primary that has just
// begun may be slow with its first commit, and is not to be passed by for long.
constexpr absl::Duration kLeftAloneFirst = absl::Milliseconds(50);
constexpr absl::Duration kLeftAloneAtMost = absl::Seconds(2);

struct Server {
  std::string address;
  absl::Duration silent_until;
  absl::Duration left_alone;
};

class Direct {
 public:
  Direct(std::unique_ptr<rpc::ChannelCache> channels, std::vector<Server> servers, Clock* clock)
      : channels_(std::move(channels)), servers_(std::move(servers)), clock_(clock) {}

  absl::StatusOr<v1::CommitResponse> Commit(const v1::CommitRequest& request) {
    // If all of them are silent, the present one is as good as any.
    for (size_t i = 0; i < servers_.size() && servers_[present_].silent_until > clock_->SinceBoot(); ++i)
      Next();
    Server& server = servers_[present_];
    HF_ASSIGN_OR_RETURN(const auto channel, channels_->Get(server.address));
    const auto stub = v1::ConfigService::NewStub(channel);
    grpc::ClientContext context;
    rpc::SetTimeout(context, kAttempt);
    v1::CommitResponse response;
    const absl::Status status = rpc::FromGrpcStatus(stub->Commit(&context, request, &response));
    const std::string reason = ReasonOf(status);
    if (reason == "DEADLINE" || reason == "UNREACHABLE") {
      server.left_alone = std::clamp(2 * server.left_alone, kLeftAloneFirst, kLeftAloneAtMost);
      server.silent_until = clock_->SinceBoot() + server.left_alone;
    } else {
      server.left_alone = absl::ZeroDuration();
    }
    if (status.ok()) return response;
    Next();
    return status;
  }

 private:
  void Next() { present_ = (present_ + 1) % servers_.size(); }

  const std::unique_ptr<rpc::ChannelCache> channels_;
  std::vector<Server> servers_;
  Clock* const clock_;
  size_t present_ = 0;
};

}  // namespace

absl::StatusOr<CommitCall> DirectCommits(const std::vector<std::string>& servers, Clock* clock) {
  HF_ASSIGN_OR_RETURN(auto channels, rpc::ChannelCache::Create({}, rpc::ChannelUse::kClient));
  std::vector<Server> list;
  for (const std::string& address : servers) {
    HF_RETURN_IF_ERROR(channels->Get(address).status());
    list.push_back({address, absl::ZeroDuration(), absl::ZeroDuration()});
  }
  auto direct = std::make_shared<Direct>(std::move(channels), std::move(list), clock);
  return [direct](const v1::CommitRequest& request) { return direct->Commit(request); };
}

absl::StatusOr<CommitCall> LibraryCommits(const std::vector<std::string>& endpoints, absl::Duration timeout) {
  client::Options options;
  options.endpoints = endpoints;
  options.timeout = timeout;
  HF_ASSIGN_OR_RETURN(std::shared_ptr<client::Client> client, client::Connect(std::move(options)));
  return [client](const v1::CommitRequest& request) { return client->Commit(request); };
}

}  // namespace holdfast::drill
