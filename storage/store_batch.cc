// Appending: a primary's drafts and a follower's exact bytes, in one transaction.
#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/mutants.h"
#include "base/status_macros.h"
#include "storage/errors.h"
#include "storage/sqlite_transaction.h"
#include "storage/store_impl.h"

namespace holdfast::storage {

struct Store::Batch::Impl {
  explicit Impl(Store::Impl* of) : store(of), tail(of->tail), floor(of->floor) {}

  Store::Impl* const store;
  std::optional<SqliteTransaction> transaction;
  // As they will be when this batch is durable.
  StoreTail tail;
  StoreFloor floor;
  std::vector<LogRecordPtr> records;
  absl::Status failed;  // a change went wrong half-way: nothing of this batch may become durable

  // Rolls back what is not committed. The next batch may begin.
  void End() {
    if (!transaction.has_value()) return;
    transaction.reset();
    store->has_open_batch = false;
  }

  absl::Status Fail(absl::Status status) {
    failed = store->Checked(status);
    return status;
  }

  // Damage that was met while asking is reported (I13).
  template <typename T>
  absl::StatusOr<T> Noted(absl::StatusOr<T> answer) {
    store->Checked(answer.status()).IgnoreError();
    return answer;
  }
  absl::StatusOr<std::optional<RequestRecord>> FindRequest(absl::string_view request_id);

  // Applies, seals (which makes the bytes, or checks them) and stores `record`, whose message and revision
  // are set.
  absl::Status Add(std::shared_ptr<LogRecord> record, absl::FunctionRef<absl::Status(LogRecord&)> seal) {
    HF_RETURN_IF_ERROR(store->tables->ApplyChanges(record.get(), &tail));
    HF_RETURN_IF_ERROR(seal(*record));
    HF_RETURN_IF_ERROR(store->tables->InsertRecord(*record, &tail, &floor));
    records.push_back(std::move(record));
    return absl::OkStatus();
  }
};

Store::Batch::Batch(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Store::Batch::~Batch() { impl_->End(); }

absl::StatusOr<std::unique_ptr<Store::Batch>> Store::BeginBatch() {
  HF_CHECK(!impl_->has_open_batch, "one batch at a time");
  HF_RETURN_IF_ERROR(impl_->Writable());
  HF_RETURN_IF_ERROR(impl_->Checked(impl_->MakeRoomInWal()));
  if (MutantActive(Mutant::kPrimarySkipsSync) || MutantActive(Mutant::kFollowerSkipsSync)) {
    const bool is_own = !impl_->milestones.empty() && impl_->milestones.back().epoch &&
                        impl_->milestones.back().epoch->node_id() == impl_->node->identity().node_id;
    HF_RETURN_IF_ERROR(impl_->writer->SetSynced(is_own != MutantActive(Mutant::kPrimarySkipsSync)));
  }
  auto batch = std::make_unique<Batch::Impl>(impl_.get());
  HF_ASSIGN_OR_RETURN(SqliteTransaction transaction, SqliteTransaction::Begin(*impl_->writer));
  batch->transaction.emplace(std::move(transaction));
  impl_->has_open_batch = true;
  return std::unique_ptr<Batch>(new Batch(std::move(batch)));
}

absl::StatusOr<std::optional<v1::KeyValue>> Store::Batch::Get(absl::string_view key) {
  HF_RETURN_IF_ERROR(impl_->failed);
  return impl_->Noted(impl_->store->tables->keys.Get(key));
}

absl::StatusOr<Revision> Store::Batch::RangeChangedAfter(absl::string_view key, absl::string_view range_end,
                                                         Revision after) {
  HF_RETURN_IF_ERROR(impl_->failed);
  return impl_->Noted(impl_->store->RangeChangedAfter(KeyRange(key, range_end), after, impl_->records));
}

absl::StatusOr<std::optional<Store::Batch::RequestRecord>> Store::Batch::FindRequest(
    absl::string_view request_id) {
  HF_RETURN_IF_ERROR(impl_->failed);
  return impl_->Noted(impl_->FindRequest(request_id));
}

absl::StatusOr<std::optional<Store::Batch::RequestRecord>> Store::Batch::Impl::FindRequest(
    absl::string_view request_id) {
  LogTable& log = store->tables->log;
  HF_ASSIGN_OR_RETURN(const std::optional<uint64_t> index, log.FindRequest(request_id));
  if (!index.has_value()) return std::optional<RequestRecord>();
  HF_ASSIGN_OR_RETURN(const std::optional<LogRow> row, log.Read(*index));
  const bool is_there = row.has_value() && row->record->message.commit().request_id() == request_id;
  if (!is_there)
    return DamagedDatabaseError(store->data_path(), "a request id leads to no record of its own");
  const std::optional<Digest128> digest =
      Digest128::FromBytes(row->record->message.commit().request_digest());
  return std::optional<RequestRecord>({row->record->position.revision, digest.value_or(Digest128())});
}

const std::string& Store::Batch::NewestForgottenRequest() const {
  return impl_->store->floor.newest_forgotten_request;
}

absl::Time Store::Batch::NextRecordTime() const {
  return std::max(impl_->store->options.clock->Now(), absl::FromUnixMicros(impl_->tail.wall_time_us));
}

absl::StatusOr<LogRecordPtr> Store::Batch::Append(uint64_t epoch, absl::string_view origin_node,
                                                  const RecordDraft& draft) {
  HF_RETURN_IF_ERROR(impl_->failed);
  const StoreTail& tail = impl_->tail;
  const Revision last = tail.position.revision;
  HF_CHECK(epoch >= last.epoch(), "epochs only grow (I2)");
  HF_CHECK(epoch == last.epoch() || draft.kind == v1::RECORD_KIND_EPOCH,
           "an epoch begins with its EPOCH record");

  auto record = std::make_shared<LogRecord>();
  record->previous = tail.position.chain_hash;
  record->position.revision = Revision(epoch, last.index() + 1);
  v1::Record& message = record->message;
  message.set_format_version(kRecordFormatVersion);
  message.set_kind(draft.kind);
  message.set_revision(record->position.revision.number());
  message.set_wall_time_us(absl::ToUnixMicros(NextRecordTime()));
  message.set_origin_node(std::string(origin_node));
  for (const v1::Change& change : draft.changes) *message.add_changes() = change;
  if (draft.commit.has_value()) *message.mutable_commit() = *draft.commit;
  if (draft.epoch.has_value()) *message.mutable_epoch() = *draft.epoch;
  if (draft.rule.has_value()) *message.mutable_rule() = *draft.rule;
  if (draft.compact_floor.has_value()) message.set_compact_floor(draft.compact_floor->number());

  const absl::Status added = impl_->Add(record, [this](LogRecord& applied) -> absl::Status {
    applied.message.set_state_digest(impl_->tail.state_digest.ToBytes());
    const absl::Status sound = CheckRecord(applied.message);
    HF_CHECK(sound.ok(), sound.ToString());
    applied.bytes = applied.message.SerializeAsString();
    applied.position.chain_hash = NextChainHash(applied.previous, applied.bytes);
    return absl::OkStatus();
  });
  if (!added.ok()) return impl_->Fail(added);
  return LogRecordPtr(record);
}

absl::StatusOr<LogRecordPtr> Store::Batch::AppendEncoded(const ChainHash& previous, absl::string_view bytes) {
  HF_RETURN_IF_ERROR(impl_->failed);
  auto record = std::make_shared<LogRecord>();
  HF_ASSIGN_OR_RETURN(record->message, DecodeRecord(bytes));
  const Revision revision(record->message.revision());
  const Revision last = impl_->tail.position.revision;
  if (previous != impl_->tail.position.chain_hash) {
    return BrokenChainError(revision.number(), "it does not follow this log's last record");
  }
  if (revision.index() != last.index() + 1) return BrokenChainError(revision.number(), "a gap before it");
  const bool begins_epoch =
      revision.epoch() > last.epoch() && record->message.kind() == v1::RECORD_KIND_EPOCH;
  if (revision.epoch() != last.epoch() && !begins_epoch) {
    return BrokenChainError(revision.number(), "epochs only grow, each from its EPOCH record");
  }
  record->previous = previous;
  record->bytes = std::string(bytes);
  record->position = {revision, NextChainHash(previous, bytes)};

  const absl::Status added = impl_->Add(record, [this](LogRecord& applied) -> absl::Status {
    const bool is_same_state = impl_->tail.state_digest.ToBytes() == applied.message.state_digest();
    return is_same_state || MutantActive(Mutant::kDigestNotChecked)
               ? absl::OkStatus()
               : DivergedError(applied.position.revision);
  });
  if (!added.ok()) return impl_->Fail(added);
  return LogRecordPtr(record);
}

absl::Status Store::Batch::Commit() {
  Store::Impl& store = *impl_->store;
  HF_CHECK(impl_->transaction.has_value(), "a batch is committed once");
  if (!impl_->failed.ok()) {
    impl_->End();
    return impl_->failed;
  }
  if (impl_->records.empty()) {
    impl_->End();
    return absl::OkStatus();
  }
  impl_->tail.visible = store.visible;
  const auto commit = [&]() -> absl::Status {
    HF_RETURN_IF_ERROR(store.tables->meta.WriteTail(impl_->tail));
    return impl_->transaction->Commit();
  };
  const absl::Status committed = commit();
  impl_->End();
  if (!committed.ok()) return impl_->Fail(committed);

  bool milestones_changed = false;
  store.tail = impl_->tail;
  store.floor = impl_->floor;
  for (const LogRecordPtr& record : impl_->records) {
    if (std::optional<Milestone> milestone = MilestoneOf(*record)) {
      store.milestones.push_back(*std::move(milestone));
      milestones_changed = true;
    }
  }
  if (store.oldest_record.is_zero()) store.oldest_record = impl_->records.front()->position.revision;
  store.cache.Append(impl_->records);
  store.state.CountWrite();
  store.Publish(milestones_changed);
  store.NoteSizes();
  for (StoreObserver* observer : store.observers) observer->OnAppended(impl_->records);
  return absl::OkStatus();
}

}  // namespace holdfast::storage
