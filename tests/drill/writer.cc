#include "tests/drill/writer.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/executor.h"
#include "base/uuid.h"
#include "tests/drill/keys.h"

namespace holdfast::drill {
namespace {

constexpr size_t kKeysPerCommit = 2;
// Between two attempts at the same commit: the grain of a measured outage.
constexpr absl::Duration kAgain = absl::Milliseconds(10);

bool IsFinal(const std::string& reason) {
  static const auto* const kReasons = new std::set<std::string>{
      "INVALID_KEY",       "INVALID_REQUEST",    "TOO_LARGE",        "PRECONDITION_FAILED",
      "REQUEST_ID_REUSED", "OUTCOME_UNKNOWABLE", "REQUEST_ID_AHEAD", "PERMISSION_DENIED"};
  return kReasons->contains(reason);
}

}  // namespace

v1::CommitRequest RequestOf(int64_t number, const std::vector<int>& keys, const std::string& request_id) {
  v1::CommitRequest request;
  request.set_request_id(request_id);
  request.set_author("drill");
  for (const int key : keys) {
    v1::Mutation& mutation = *request.add_mutations();
    mutation.set_key(KeyOf(key));
    mutation.set_put(ValueOf(key, number));
  }
  return request;
}

Writer::Writer(Options options)
    : options_(std::move(options)), random_(SeededRandom(options_.seed)), thread_([this] { Run(); }) {}

Writer::~Writer() { Stop(); }

void Writer::Stop() {
  halt_.Now();
  if (thread_.joinable()) thread_.join();
}

void Writer::Run() {
  NameThisThread("write");
  Pace pace(options_.per_second, options_.clock->SinceBoot());
  while (!halt_.Within(pace.Next(options_.clock->SinceBoot()))) CommitOne();
}

void Writer::CommitOne() {
  std::set<int> keys;
  while (keys.size() < std::min<size_t>(kKeysPerCommit, static_cast<size_t>(options_.key_count)))
    keys.insert(PickKey(*random_, options_.key_count));
  const std::vector<int> list(keys.begin(), keys.end());
  const int64_t number = options_.journal->Begin(options_.name, list);
  const v1::CommitRequest request = RequestOf(number, list, NewUuid7(*options_.clock, *SystemRandom()));
  do {
    const absl::Duration began = options_.clock->SinceBoot();
    const absl::StatusOr<v1::CommitResponse> answer = options_.call(request);
    const absl::Duration now = options_.clock->SinceBoot();
    if (answer.ok()) {
      options_.journal->Acknowledge(number, {answer->revision(), answer->header().node_id(), now});
      return;
    }
    const std::string reason = ReasonOf(answer.status());
    options_.journal->Fail(number, {options_.name, reason, now, now - began},
                           DetailOf(answer.status(), "revision"));
    if (!IsFinal(reason)) {
      if (options_.gives_up) return;
      continue;
    }
    MutexLock lock(&mu_);
    ++refused_count_;
    refusals_.Add(absl::StrCat("commit ", number, " was refused: ", answer.status().ToString()));
    return;
  } while (!halt_.Within(kAgain));
}

Findings Writer::refusals() const {
  MutexLock lock(&mu_);
  return refusals_;
}

int64_t Writer::refused_count() const {
  MutexLock lock(&mu_);
  return refused_count_;
}

}  // namespace holdfast::drill
