#pragma once

#include <cstddef>

#include "absl/time/time.h"

// The bounds of connections and messages; what users may send is in base/limits.h.
namespace holdfast::rpc {

// A message that we accept. Answers to clients stay below 4 MiB, which stock gRPC clients take without a
// setting; between nodes a batch of 1 MiB may end with a record of 3 MiB.
inline constexpr int kMaxReceiveBytes = 8 << 20;

// Streams on one connection; the rest wait at the client.
inline constexpr int kMaxStreamsPerConnection = 10'000;

// What a server buffers over all its connections before it refuses new ones.
inline constexpr size_t kMaxServerBufferBytes = size_t{512} << 20;

// Flow-control windows, fixed because a measured (BDP) window lets a stalled reader absorb 6 to 7 MiB. A
// client's window bounds what a stalled watch holds; a peer's must fill a long line (4 MiB at 50 ms is 80
// MB/s).
inline constexpr int kServerWindowBytes = 1 << 20;
inline constexpr int kClientWindowBytes = 256 << 10;
inline constexpr int kPeerWindowBytes = 4 << 20;

// A silent cut is noticed after interval + timeout.
inline constexpr absl::Duration kClientKeepaliveInterval = absl::Seconds(10);
inline constexpr absl::Duration kPeerKeepaliveInterval = absl::Seconds(2);
inline constexpr absl::Duration kServerKeepaliveInterval = absl::Seconds(20);
inline constexpr absl::Duration kKeepaliveTimeout = absl::Seconds(5);
inline constexpr absl::Duration kMinPingInterval = absl::Seconds(1);

// How long a channel waits between attempts to connect.
inline constexpr absl::Duration kMinReconnectDelay = absl::Milliseconds(100);
// How long one attempt to connect may take, TLS over a wide-area link on a busy machine included.
inline constexpr absl::Duration kConnectTimeout = absl::Seconds(5);
inline constexpr absl::Duration kMaxReconnectDelay = absl::Seconds(1);

// Addresses that a ChannelCache holds; the least recently asked for goes.
inline constexpr int kMaxCachedChannels = 1024;

}  // namespace holdfast::rpc
