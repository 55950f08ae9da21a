#include "failover/rival.h"

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "base/error.h"
#include "base/uuid.h"

namespace holdfast::failover {
namespace {

std::string BegunAt(const std::string& operation_id) {
  constexpr size_t kDigits = 32;
  const std::string digits = absl::StrReplaceAll(operation_id, {{"-", ""}});
  if (digits.size() != kDigits || digits.find_first_not_of("0123456789abcdef") != std::string::npos)
    return "";
  const std::string bytes = absl::HexStringToBytes(digits);
  if (!IsUuid7(bytes)) return "";
  return absl::FormatTime(" (begun %Y-%m-%dT%H:%M:%SZ)", Uuid7Time(bytes), absl::UTCTimeZone());
}

}  // namespace

std::string WhoseOperation(const v1::EpochPromise& promise) {
  // "olga@desk" says from where.
  const bool says_where = promise.operator_name().find('@') != std::string::npos;
  return absl::StrCat("operation ", promise.operation_id(), " of ", promise.operator_name(),
                      says_where ? "" : absl::StrCat(" on ", promise.host()),
                      BegunAt(promise.operation_id()));
}

std::string MadeBy(const v1::EpochInfo& epoch, const std::string& node_id) {
  if (epoch.operation_id().empty() || epoch.node_id() != node_id) return "";
  v1::EpochPromise promise;
  promise.set_operation_id(epoch.operation_id());
  promise.set_operator_name(epoch.operator_name());
  promise.set_host(epoch.host());
  return absl::StrCat("; made so by ", WhoseOperation(promise));
}

std::optional<v1::EpochPromise> OtherPromise(storage::Store& store, const std::string& operation_id) {
  v1::EpochPromise promise = store.node().promise();
  for (const storage::Milestone& milestone : store.milestones()) {
    if (!milestone.epoch || milestone.position.revision.epoch() != promise.epoch()) continue;
    promise.set_operation_id(milestone.epoch->operation_id());
    promise.set_operator_name(milestone.epoch->operator_name());
    promise.set_host(milestone.epoch->host());
  }
  if (promise.operation_id().empty() || promise.operation_id() == operation_id) return std::nullopt;
  return promise;
}

std::optional<v1::EpochPromise> PromiseNamedIn(const absl::Status& refusal) {
  v1::EpochPromise promise;
  uint64_t epoch = 0;
  if (!absl::SimpleAtoi(DetailOf(refusal, "promised_epoch"), &epoch)) return std::nullopt;
  promise.set_epoch(epoch);
  promise.set_candidate_node_id(DetailOf(refusal, "candidate"));
  promise.set_operation_id(DetailOf(refusal, "operation"));
  promise.set_operator_name(DetailOf(refusal, "operator"));
  promise.set_host(DetailOf(refusal, "host"));
  if (promise.operation_id().empty()) return std::nullopt;
  return promise;
}

}  // namespace holdfast::failover
