#pragma once

#include <string>
#include <utility>
#include <vector>

#include "admin/salvage_sort.h"
#include "base/digest.h"
#include "holdfast/v1/salvage.pb.h"
#include "storage/salvage_codec.h"

namespace holdfast::admin {

// What node dc1-a of cluster c0ffee lost after revision 0.3, record by record: a chain as a primary would
// have made it.
class SalvageSample {
 public:
  SalvageSample() {
    header_.cluster_id = "c0ffee";
    header_.node_id = "dc1-a";
    header_.incarnation = "11111111111111111111111111111111";
    header_.reason = "rewind to the history of epoch 1";
    header_.made_at = absl::FromUnixSeconds(1'700'000'400);
    header_.ancestor = {Revision(3), NextChainHash({}, "0.3")};
  }

  using Changes = std::vector<std::pair<std::string, std::string>>;  // an empty value deletes

  // The next record, a commit by alice at 2023-11-14 22:13:20 plus its index in seconds.
  SalvageSample& Commit(Changes changes, const std::string& message = "", bool was_visible = false) {
    v1::Record record = NextRecord(v1::RECORD_KIND_COMMIT);
    record.mutable_commit()->set_author("alice");
    record.mutable_commit()->set_message(message);
    record.mutable_commit()->set_request_id(ClientRequestId(record.revision()));
    for (auto& [key, value] : changes) {
      v1::Change& change = *record.add_changes();
      change.set_key(key);
      if (!value.empty()) change.set_value(value);
    }
    Append(record, was_visible);
    return *this;
  }
  SalvageSample& Settings() {
    Append(NextRecord(v1::RECORD_KIND_SETTINGS), false);
    return *this;
  }

  static std::string ClientRequestId(int64_t revision) {
    std::string id(16, static_cast<char>(revision));
    id[6] = 0x70;
    id[8] = static_cast<char>(0x80);
    return id;
  }

  static constexpr char kFile[] = "salvage-0.4-20231114T222000Z-1.hfsalvage";

  v1::SalvageFileSummary Summary(const std::string& node_id = "dc1-a") const {
    v1::SalvageFileSummary summary;
    summary.set_node_id(node_id);
    summary.set_file(kFile);
    summary.set_size_bytes(4096);
    summary.set_cluster_id(header_.cluster_id);
    summary.set_incarnation(header_.incarnation);
    summary.mutable_ancestor()->set_revision(header_.ancestor.revision.number());
    summary.mutable_ancestor()->set_chain_hash(std::string(header_.ancestor.chain_hash.view()));
    const v1::SalvageFileHeader header = storage::ToProto(Header());
    *summary.mutable_first_lost() = header.first_lost(0);
    *summary.mutable_last_lost() = storage::ToProto(stored_.back()).position();
    summary.set_record_count(static_cast<int64_t>(stored_.size()));
    summary.set_made_at_us(absl::ToUnixMicros(header_.made_at));
    summary.set_reason(header_.reason);
    return summary;
  }

  // What ReadSalvage streams: the header, one message for each record, the end.
  std::vector<v1::ReadSalvageResponse> Messages() const {
    std::vector<v1::ReadSalvageResponse> messages(1);
    *messages[0].mutable_header() = storage::ToProto(Header());
    for (const storage::SalvageRecord& record : stored_)
      *messages.emplace_back().add_records() = storage::ToProto(record);
    messages.emplace_back().set_complete(true);
    return messages;
  }

  storage::SalvageHeader Header() const {
    storage::SalvageHeader header = header_;
    header.first_lost = {stored_.front().position};
    return header;
  }
  storage::SalvageHeader& header() { return header_; }
  const std::vector<LostRecord>& records() const { return records_; }
  const std::vector<storage::SalvageRecord>& stored() const { return stored_; }

 private:
  v1::Record NextRecord(v1::RecordKind kind) const {
    v1::Record record;
    record.set_format_version(1);
    record.set_kind(kind);
    record.set_revision(4 + static_cast<int64_t>(stored_.size()));
    record.set_wall_time_us((1'700'000'000 + record.revision()) * int64_t{1'000'000});
    record.set_origin_node("dc1-a");
    record.set_state_digest(std::string(16, '\x01'));
    return record;
  }
  void Append(const v1::Record& record, bool was_visible) {
    const ChainHash& previous =
        stored_.empty() ? header_.ancestor.chain_hash : stored_.back().position.chain_hash;
    storage::SalvageRecord stored;
    stored.bytes = record.SerializeAsString();
    stored.position = {Revision(record.revision()), NextChainHash(previous, stored.bytes)};
    stored.was_visible = was_visible;
    records_.push_back({stored.position, was_visible, record});
    stored_.push_back(std::move(stored));
  }

  storage::SalvageHeader header_;
  std::vector<storage::SalvageRecord> stored_;
  std::vector<LostRecord> records_;
};

}  // namespace holdfast::admin
