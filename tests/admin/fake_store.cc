#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "tests/admin/fake_node.h"

namespace holdfast::admin {
namespace {

template <typename Request>
bool InRange(const Request& request, const std::string& key) {
  if (request.range_end().empty()) return key == request.key();
  return key >= request.key() && (request.range_end() == std::string(1, '\0') || key < request.range_end());
}

absl::Status Refusal(absl::StatusCode code, const std::string& reason) {
  return MakeError(code, reason, absl::StrCat(reason, " by the fake"));
}

constexpr size_t kPageRows = 3;  // small, so that every listing of a test has pages

}  // namespace

FakeStore::FakeStore() : states_(1), entries_(1) {}

const FakeStore::State& FakeStore::At(int64_t revision) {
  return revision == 0 ? states_.back() : states_[revision - 1];
}

int64_t FakeStore::revision() {
  MutexLock lock(&mu_);
  return static_cast<int64_t>(states_.size());
}

int64_t FakeStore::key_count() {
  MutexLock lock(&mu_);
  return static_cast<int64_t>(states_.back().size());
}

void FakeStore::RefuseAfter(int commits) {
  MutexLock lock(&mu_);
  refuse_after_ = commits;
}

void FakeStore::CompactTo(int64_t floor) {
  MutexLock lock(&mu_);
  floor_ = floor;
}

int FakeStore::list_count() {
  MutexLock lock(&mu_);
  return lists_;
}

int FakeStore::commit_count() {
  MutexLock lock(&mu_);
  return static_cast<int>(states_.size()) - 1;
}

absl::StatusOr<v1::GetResponse> FakeStore::Get(const v1::GetRequest& request) {
  MutexLock lock(&mu_);
  const State& state = At(request.options().at_revision());
  const auto it = state.find(request.key());
  if (it == state.end()) return Refusal(absl::StatusCode::kNotFound, "KEY_NOT_FOUND");
  v1::GetResponse response;
  *response.mutable_kv() = it->second;
  return response;
}

absl::StatusOr<v1::ListResponse> FakeStore::List(const v1::ListRequest& request) {
  MutexLock lock(&mu_);
  ++lists_;
  v1::ListResponse response;
  const int64_t at = request.options().at_revision();
  if (at != 0 && at < floor_) return Refusal(absl::StatusCode::kOutOfRange, "COMPACTED");
  response.set_revision(at == 0 ? static_cast<int64_t>(states_.size()) : at);
  for (const auto& [key, kv] : At(at)) {
    if (!InRange(request, key)) continue;
    response.set_count(response.count() + 1);
    if (request.count_only() || key <= request.page_token()) continue;
    if (response.kvs_size() == static_cast<int>(kPageRows)) {
      response.set_next_page_token(response.kvs(kPageRows - 1).key());
      break;
    }
    *response.add_kvs() = kv;
    if (request.keys_only()) response.mutable_kvs(response.kvs_size() - 1)->clear_value();
  }
  return response;
}

absl::StatusOr<v1::HistoryResponse> FakeStore::History(const v1::HistoryRequest& request) {
  MutexLock lock(&mu_);
  v1::HistoryResponse response;
  for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
    if (entry->revision() <= request.after_revision()) continue;
    v1::HistoryEntry found = *entry;
    found.clear_events();
    for (const v1::WatchEvent& event : entry->events()) {
      if (InRange(request, event.kv().key())) *found.add_events() = event;
    }
    if (found.events_size() > 0) *response.add_entries() = found;
  }
  return response;
}

std::vector<v1::WatchEvent> FakeStore::EventsAfter(const v1::WatchRequest& request, int64_t revision) {
  MutexLock lock(&mu_);
  std::vector<v1::WatchEvent> events;
  for (const v1::HistoryEntry& entry : entries_) {
    for (const v1::WatchEvent& event : entry.events()) {
      if (entry.revision() > revision && InRange(request, event.kv().key())) events.push_back(event);
    }
  }
  return events;
}

absl::Status FakeStore::Judge(const v1::CommitRequest& request) {
  for (const v1::Precondition& condition : request.preconditions()) {
    bool holds = true;
    const auto it = states_.back().find(condition.key());
    if (condition.has_absent()) holds = it == states_.back().end();
    if (condition.has_mod_revision()) {
      holds = it != states_.back().end() && it->second.mod_revision() == condition.mod_revision();
    }
    if (condition.has_range_unchanged_since()) {
      for (const v1::HistoryEntry& entry : entries_) {
        if (entry.revision() <= condition.range_unchanged_since()) continue;
        for (const v1::WatchEvent& event : entry.events())
          holds = holds && !InRange(condition, event.kv().key());
      }
    }
    if (!holds) return Refusal(absl::StatusCode::kFailedPrecondition, "PRECONDITION_FAILED");
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::CommitResponse> FakeStore::Commit(const v1::CommitRequest& request) {
  MutexLock lock(&mu_);
  v1::CommitResponse response;
  response.set_changed(true);
  response.set_acknowledged(2);
  if (const auto it = requests_.find(request.request_id()); it != requests_.end()) {
    response.set_revision(it->second);
    response.set_repeated(true);
    return response;
  }
  if (refuse_after_.has_value() && static_cast<int>(states_.size()) - 1 >= *refuse_after_) {
    return Refusal(absl::StatusCode::kFailedPrecondition, "NO_PRIMARY");
  }
  if (absl::Status status = Judge(request); !status.ok()) return status;
  State state = states_.back();
  const int64_t revision = static_cast<int64_t>(states_.size()) + 1;
  v1::HistoryEntry entry;
  entry.set_revision(revision);
  entry.mutable_time()->set_seconds(1'700'000'000 + revision);
  entry.set_author(request.author());
  entry.set_message(request.message());
  entry.set_request_id(request.request_id());
  for (const v1::Mutation& mutation : request.mutations()) {
    const auto old = state.find(mutation.key());
    if (mutation.has_delete_() && old == state.end()) continue;
    v1::WatchEvent& event = *entry.add_events();
    v1::KeyValue& kv = *event.mutable_kv();
    kv.set_key(mutation.key());
    kv.set_mod_revision(revision);
    event.set_deleted(mutation.has_delete_());
    if (mutation.has_delete_()) {
      state.erase(old);
      continue;
    }
    kv.set_value(mutation.put());
    kv.set_create_revision(old == state.end() ? revision : old->second.create_revision());
    kv.set_version(old == state.end() ? 1 : old->second.version() + 1);
    state[mutation.key()] = kv;
  }
  if (entry.events_size() == 0) {
    response.set_changed(false);
    response.set_revision(revision - 1);
    return response;
  }
  states_.push_back(std::move(state));
  entries_.push_back(std::move(entry));
  requests_[request.request_id()] = revision;
  response.set_revision(revision);
  return response;
}

}  // namespace holdfast::admin
