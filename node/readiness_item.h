#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "holdfast/v1/readiness.pb.h"
#include "node/readiness_facts.h"

// The single ratings that RateReadiness is made of. Pure; any thread.
namespace holdfast::node {

v1::ReadinessItem Fine(const std::string& check, const std::string& seen);
v1::ReadinessItem NotFine(v1::ReadinessLevel level, const std::string& check, const std::string& seen,
                          const std::string& needed, const std::string& next_command);

// "0.4 s", "12 s", "3 h", "29 days": whole numbers from 10 s on, for people.
std::string ShowAge(absl::Duration age);
// "2026-11-22 14:03 UTC".
std::string ShowMoment(absl::Time time);
absl::Time TimeFrom(const google::protobuf::Timestamp& time);

// What the node has of its own: readiness_own.cc.
v1::ReadinessItem RateIntegrity(const ReadinessFacts& facts);
v1::ReadinessItem RateVersion(const ReadinessFacts& facts);
v1::ReadinessItem RateCertificates(const ReadinessFacts& facts);
v1::ReadinessItem RateDisk(const ReadinessFacts& facts);
v1::ReadinessItem RateDrill(const ReadinessFacts& facts);

// Its place among the others: readiness_place.cc.
v1::ReadinessItem RateServing(const ReadinessFacts& facts);
v1::ReadinessItem RatePosition(const ReadinessFacts& facts);
v1::ReadinessItem RateDigest(const ReadinessFacts& facts);
v1::ReadinessItem RatePair(const ReadinessFacts& facts);
v1::ReadinessItem RateVote(const ReadinessFacts& facts);
v1::ReadinessItem RateVoters(const ReadinessFacts& facts);  // of a primary
v1::ReadinessItem RatePromise(const ReadinessFacts& facts);

}  // namespace holdfast::node
