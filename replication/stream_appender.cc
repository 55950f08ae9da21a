#include "replication/stream_appender.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/mutants.h"
#include "replication/errors.h"
#include "storage/record_codec.h"

namespace holdfast::replication {
namespace {

using Result = StreamAppender::Result;

Result Judge(absl::Status status) {
  const std::string reason = ReasonOf(status);
  if (reason == "DIVERGED" || reason == "CHAIN_BROKEN" || reason == "UNKNOWN_RECORD") {
    return {Result::kHalt, std::move(status)};
  }
  if (reason == "COMPACTED") return {Result::kNeedsSnapshot, std::move(status)};
  return {Result::kTryAgain, std::move(status)};
}

Result Broken(Revision at, absl::string_view what) {
  return {Result::kStreamBroken, BrokenChainError(at, what)};
}

}  // namespace

void StreamAppender::Begin(uint64_t stream_epoch, const Position& ancestor) {
  stream_epoch_ = stream_epoch;
  verified_ = ancestor;
  // Both go on as if the stream could only be right: what it does not have, or what is not committed, goes.
  if (MutantActive(Mutant::kShorterStreamCuts) && verified_ != store_->appended())
    store_->RewindTo(verified_, "a shorter stream").status().IgnoreError();
  if (MutantActive(Mutant::kCutOwnEpoch) && store_->appended().revision.epoch() == stream_epoch)
    store_->RewindTo(store_->visible(), "begun anew").status().IgnoreError();
}

bool StreamAppender::OwnsWholeLog() const {
  const Position appended = store_->appended();
  return verified_ == appended || appended.revision.epoch() == stream_epoch_;
}

Result StreamAppender::Append(const v1::FollowRecords& batch) {
  const std::optional<ChainHash> previous = ChainHash::FromBytes(batch.previous_chain_hash());
  if ((!previous || *previous != verified_.chain_hash) && !MutantActive(Mutant::kMatchByIndex)) {
    return Broken(verified_.revision, "a batch does not go on where the stream was");
  }
  int first = 0;
  Result result;
  if (verified_ != store_->appended()) {
    result = SkipOwn(batch, &first);
    if (result.kind != Result::kDone || first == batch.records_size()) return result;
    if (verified_ != store_->appended()) {
      result = Cut();
      if (result.kind != Result::kDone) return result;
    }
  }
  return AppendNew(batch, first);
}

Result StreamAppender::SkipOwn(const v1::FollowRecords& batch, int* skipped) {
  for (; *skipped < batch.records_size() && verified_ != store_->appended(); ++*skipped) {
    const std::string& bytes = batch.records(*skipped);
    const absl::StatusOr<v1::Record> record = storage::DecodeRecord(bytes);
    if (!record.ok()) return Judge(record.status());
    const Revision revision(record->revision());
    if (revision.index() != verified_.revision.index() + 1) return Broken(revision, "a gap in the stream");
    const absl::StatusOr<std::optional<Position>> own = store_->PositionAt(revision);
    if (!own.ok()) return Judge(own.status());
    if (!*own && MutantActive(Mutant::kMatchByIndex)) {
      const auto there = store_->log().ReadAfter(verified_.revision, store_->appended().revision, 1, 1);
      if (!there.ok() || there->empty()) return {};
      verified_ = there->front()->position;
      continue;
    }
    if (!*own) return {};  // another record stands at this index here: a conflict
    const Position streamed{revision, NextChainHash(verified_.chain_hash, bytes)};
    if (**own != streamed) {
      return {Result::kHalt, DivergedError(revision, "the upstream has another record of this revision")};
    }
    verified_ = streamed;
  }
  return {};
}

Result StreamAppender::Cut() {
  const Revision last = store_->appended().revision;
  if (last.epoch() >= stream_epoch_) {
    return {Result::kHalt, DivergedError(last, "the upstream conflicts with a record of its own epoch")};
  }
  if (verified_.revision.is_zero()) return Broken(last, "the stream has no record in common with this log");
  if (verified_.revision < store_->floor()) {
    return {Result::kNeedsSnapshot,
            BrokenChainError(verified_.revision, "the common record is compacted here")};
  }
  if (before_cut_ && verified_.revision < store_->visible().revision) before_cut_();
  const auto salvaged =
      store_->RewindTo(verified_, absl::StrCat("epoch ", stream_epoch_, " went another way"));
  if (!salvaged.ok()) return Judge(salvaged.status());
  return {};
}

Result StreamAppender::AppendNew(const v1::FollowRecords& batch, int first) {
  auto transaction = store_->BeginBatch();
  if (!transaction.ok()) return Judge(transaction.status());
  Position end = verified_;
  for (int i = first; i < batch.records_size(); ++i) {
    const auto record = (*transaction)->AppendEncoded(end.chain_hash, batch.records(i));
    // It is given this log's own end to follow: what does not, or leaves a gap, the stream has done.
    if (ReasonOf(record.status()) == "CHAIN_BROKEN") return {Result::kStreamBroken, record.status()};
    if (!record.ok()) return Judge(record.status());
    end = (*record)->position;
    // A stream carries nothing from epochs above its own (R11).
    if (end.revision.epoch() > stream_epoch_)
      return Broken(end.revision, "a record from above the stream's epoch");
  }
  if (absl::Status status = (*transaction)->Commit(); !status.ok()) return Judge(std::move(status));
  verified_ = end;
  return {};
}

}  // namespace holdfast::replication
