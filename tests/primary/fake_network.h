#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/error.h"
#include "replication/transport.h"

namespace holdfast::primary {

// A network in which nodes say what the test wants when they are asked for a promise; nobody else is there.
class FakeNetwork : public replication::PeerTransport {
 public:
  std::map<std::string, v1::PromiseResponse> says;  // by peer address

  std::unique_ptr<replication::StreamEnd<v1::FollowRequest>> Follow(
      const std::string&, replication::StreamEvents<v1::FollowResponse>*) override {
    return nullptr;
  }
  std::unique_ptr<replication::SnapshotStream> FetchSnapshot(
      const std::string&, const v1::FetchSnapshotRequest&,
      replication::StreamEvents<v1::FetchSnapshotResponse>*) override {
    return nullptr;
  }
  void Promise(const std::string& address, const v1::PromiseRequest&, absl::Duration,
               std::function<void(absl::StatusOr<v1::PromiseResponse>)> done) override {
    const auto said = says.find(address);
    said == says.end() ? done(Nobody()) : done(said->second);
  }
  void FetchRecords(const std::string&, const v1::FetchRecordsRequest&, absl::Duration,
                    std::function<void(absl::StatusOr<v1::FetchRecordsResponse>)> done) override {
    done(Nobody());
  }
  void Look(const std::string&, const v1::LookRequest&, absl::Duration,
            std::function<void(absl::StatusOr<v1::LookResponse>)> done) override {
    done(Nobody());
  }
  void Freeze(const std::string&, const v1::FreezeRequest&, absl::Duration,
              std::function<void(absl::StatusOr<v1::FreezeResponse>)> done) override {
    done(Nobody());
  }

 private:
  static absl::Status Nobody() {
    return MakeError(absl::StatusCode::kUnavailable, "UNREACHABLE", "nobody is there");
  }
};

}  // namespace holdfast::primary
