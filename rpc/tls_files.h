#pragma once

#include <string>

namespace holdfast::rpc {

// PEM files. All empty: no TLS. Read once, when a listener or channel is made. A plain value without gRPC,
// for configuration.
struct TlsFiles {
  std::string ca;
  std::string cert;
  std::string key;

  bool enabled() const { return !ca.empty() || !cert.empty() || !key.empty(); }
};

}  // namespace holdfast::rpc
