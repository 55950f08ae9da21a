#pragma once

#include <memory>
#include <string>
#include <vector>

namespace holdfast::testing {

// A certificate authority for one test, with keys made on the spot (P-256). Files go to `directory`.
class TestAuthority {
 public:
  // Writes `<name>-ca.pem`. `directory` must exist.
  TestAuthority(std::string directory, std::string name);
  ~TestAuthority();

  struct Files {
    std::string ca;
    std::string cert;
    std::string key;
  };

  // When a certificate is good: now and for a year, for a day, or until an hour ago.
  enum class Validity { kNow, kNearlyOver, kOver };

  // Issues a certificate with a common name and subject alternative names in OpenSSL's notation
  // ("IP:127.0.0.1", "DNS:x", "URI:holdfast://node/p1").
  Files Issue(const std::string& common_name, const std::vector<std::string>& alternative_names,
              Validity validity = Validity::kNow);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::testing
