#include "rpc/connect.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "rpc/errors.h"

namespace holdfast::rpc {
namespace {

// Listens on loopback; closes the first `refused` connections at once, and greets all later ones as an HTTP/2
// server does: that is all a channel needs to call itself connected.
class MoodyListener {
 public:
  explicit MoodyListener(int refused) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(socket_, reinterpret_cast<const sockaddr*>(&any), sizeof(any)), 0);
    EXPECT_EQ(listen(socket_, 16), 0);
    socklen_t size = sizeof(any);
    EXPECT_EQ(getsockname(socket_, reinterpret_cast<sockaddr*>(&any), &size), 0);
    address_ = absl::StrCat("127.0.0.1:", ntohs(any.sin_port));
    thread_ = std::thread([this, refused] { Accept(refused); });
  }
  ~MoodyListener() {
    shutdown(socket_, SHUT_RDWR);  // ends accept
    thread_.join();
    close(socket_);
  }
  const std::string& address() const { return address_; }
  int accepted() const { return accepted_; }

 private:
  void Accept(int refused) {
    std::vector<int> open;
    for (int peer = accept(socket_, nullptr, nullptr); peer >= 0; peer = accept(socket_, nullptr, nullptr)) {
      if (++accepted_ <= refused) {
        close(peer);
        continue;
      }
      constexpr char kEmptySettings[] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
      EXPECT_EQ(send(peer, kEmptySettings, sizeof(kEmptySettings), MSG_NOSIGNAL),
                static_cast<ssize_t>(sizeof(kEmptySettings)));
      open.push_back(peer);
    }
    for (const int peer : open) close(peer);
  }

  const int socket_;
  std::string address_;
  std::atomic<int> accepted_ = 0;
  std::thread thread_;
};

class ConnectTest : public ::testing::Test {
 protected:
  absl::Status Connect(const std::string& address) {
    return ConnectedChannel(*channels_, address, absl::Seconds(20), UnreachableError).status();
  }
  const std::unique_ptr<ChannelCache> channels_ = *ChannelCache::Create({}, ChannelUse::kPeer);
};

TEST_F(ConnectTest, OneAttemptThatFailsIsNoAnswer) {
  MoodyListener listener(1);
  EXPECT_EQ(Connect(listener.address()), absl::OkStatus());
  EXPECT_EQ(listener.accepted(), 2);
}

TEST_F(ConnectTest, TwoAreAndTheNextCallTriesAnew) {
  MoodyListener listener(2);
  EXPECT_EQ(ReasonOf(Connect(listener.address())), "UNREACHABLE");
  EXPECT_EQ(Connect(listener.address()), absl::OkStatus());
}

}  // namespace
}  // namespace holdfast::rpc
