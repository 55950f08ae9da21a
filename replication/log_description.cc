#include "replication/log_description.h"

#include <algorithm>

#include "replication/epoch_history.h"
#include "replication/store_log.h"
#include "storage/record_codec.h"

namespace holdfast::replication {
namespace {

// Control records that stand behind the newest commit are passed over; more than these are not looked at.
constexpr int kMaxRecordsLookedAt = 8;

void DescribeEpochs(const storage::Store& store, const std::vector<v1::UnsettledEpoch>& unsettled,
                    v1::PromiseResponse* out) {
  const std::vector<EpochHistory::Span> spans = HistoryOf(store, store.appended().revision).spans();
  const size_t skipped = spans.size() > kMaxDescribedEpochs ? spans.size() - kMaxDescribedEpochs : 0;
  for (size_t i = skipped; i < spans.size(); ++i) {
    v1::LogEpoch& epoch = *out->add_epochs();
    *epoch.mutable_first() = storage::ToProto(spans[i].first);
    epoch.set_last_revision(spans[i].last.number());
    epoch.set_unsettled(std::any_of(unsettled.begin(), unsettled.end(), [&](const v1::UnsettledEpoch& open) {
      return open.revision() == spans[i].first.revision.number();
    }));
  }
  for (const storage::Milestone& milestone : store.milestones()) {
    const int64_t revision = milestone.position.revision.number();
    const auto epoch = std::find_if(
        out->mutable_epochs()->begin(), out->mutable_epochs()->end(), [&](const v1::LogEpoch& described) {
          return described.first().revision() <= revision && revision <= described.last_revision();
        });
    if (epoch == out->mutable_epochs()->end()) continue;
    if (milestone.epoch) {
      epoch->set_primary_node_id(milestone.epoch->node_id());
      epoch->set_breaks_glass(milestone.epoch->waived_rules_size() > 0);
    }
    if (!milestone.rule) continue;
    v1::LogRule& rule = *epoch->add_rules();
    rule.set_revision(revision);
    *rule.mutable_rule() = *milestone.rule;
  }
}

void DescribeLastCommit(storage::Store& store, v1::PromiseResponse* out) {
  Revision at = store.appended().revision;
  for (int looked_at = 0; looked_at < kMaxRecordsLookedAt && !at.is_zero(); ++looked_at) {
    const absl::StatusOr<storage::LogRecordPtr> record = store.log().ReadAt(at);
    if (!record.ok()) return;  // compacted: nobody needs it badly
    if ((*record)->message.has_commit()) {
      v1::LastCommit& last = *out->mutable_last_commit();
      last.set_revision(at.number());
      last.set_author((*record)->message.commit().author());
      last.set_wall_time_us((*record)->message.wall_time_us());
      return;
    }
    uint64_t epoch = 0;  // of the record before
    for (const v1::LogEpoch& described : out->epochs()) {
      const Revision first(described.first().revision());
      if (first.index() < at.index()) epoch = first.epoch();
    }
    at = at.index() == 1 ? Revision() : Revision(epoch, at.index() - 1);
  }
}

}  // namespace

void DescribeLog(storage::Store& store, const std::vector<v1::UnsettledEpoch>& unsettled,
                 v1::PromiseResponse* out) {
  DescribeEpochs(store, unsettled, out);
  DescribeLastCommit(store, out);
}

}  // namespace holdfast::replication
