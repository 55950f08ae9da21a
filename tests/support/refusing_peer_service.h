#pragma once

#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "replication/transport.h"

namespace holdfast::testing {

// What a node answers peers in tests that are not about candidates: it gives no records, is not frozen and
// looks around for nobody. The rest is the test's.
class RefusingPeerService : public replication::PeerService {
 public:
  void AcceptFetchRecords(const v1::FetchRecordsRequest&,
                          std::function<void(absl::StatusOr<v1::FetchRecordsResponse>)> done) override {
    done(NotHere());
  }
  absl::StatusOr<v1::FreezeResponse> AcceptFreeze(const v1::FreezeRequest&) override { return NotHere(); }
  void AcceptLook(const v1::LookRequest&,
                  std::function<void(absl::StatusOr<v1::LookResponse>)> done) override {
    done(NotHere());
  }

 protected:
  static absl::Status NotHere() { return absl::UnimplementedError("not part of this test"); }
};

}  // namespace holdfast::testing
