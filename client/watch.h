#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "client/transport.h"
#include "holdfast/v1/config.pb.h"

namespace holdfast::client {

class Client;

// A watch that survives its node: each matching change comes once and in order (I11), whichever endpoints it
// came through. Next is called by one thread; Cancel by any. The client must outlive it.
class Watch {
 public:
  ~Watch();

  // Waits for the next message, reconnecting as often as it takes: changes, a progress mark, or `rewound`. A
  // commit that was cut by a lost stream is not delivered twice: what was delivered before is left out. A
  // `rewound` that was cut begins anew.
  // Errors: COMPACTED (start again from a reading), REWOUND, INVALID_KEY and other refusals of the request;
  // CANCELLED after Cancel. After an error it stays ended.
  absl::StatusOr<v1::WatchResponse> Next();

  // Ends the watch; a waiting Next returns CANCELLED.
  void Cancel();

  // From where another watch would go on; 0 before the first message.
  int64_t next_revision() const { return next_revision_; }

  // The node that feeds it now; empty between nodes.
  std::string address() const;

 private:
  friend class Client;
  Watch(Client* client, v1::WatchRequest request) : client_(client), request_(std::move(request)) {}

  absl::Status Open();
  absl::Status PauseBeforeRetry(const absl::Status& why);
  bool Accept(v1::WatchResponse* response);
  void DropDelivered(v1::WatchResponse* response);

  Client* const client_;
  v1::WatchRequest request_;

  // Of the thread that calls Next.
  int64_t next_revision_ = 0;       // all before it have been delivered whole
  int64_t delivered_revision_ = 0;  // the last event handed out, by (revision, key)
  std::string delivered_key_;
  int64_t shown_revision_ = 0;  // the highest that the present stream began after or has named
  int failures_ = 0;            // since the last message
  bool demand_seen_ = true;     // send min_revision; given up once after REWOUND
  absl::Status ended_;

  mutable Mutex mu_;
  CondVar cancelled_cv_;
  std::shared_ptr<WatchCall> call_ ABSL_GUARDED_BY(mu_);
  std::string address_ ABSL_GUARDED_BY(mu_);
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace holdfast::client
