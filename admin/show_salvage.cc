#include "admin/show_salvage.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "admin/salvage_request.h"
#include "admin/show.h"
#include "base/uuid.h"

namespace holdfast::admin {
namespace {

constexpr size_t kKeyPlaces = 40;
constexpr size_t kValuePlaces = 24;
// Names are typed, so they are never cut; with them a line may be longer than others.
constexpr size_t kListWidth = 300;

std::string ShowState(const SalvageFiles& all, const SalvageFile& file) {
  if (!file.summary.damage().empty()) return "DAMAGED";
  if (!file.is_held) {
    const bool is_away = std::any_of(all.not_asked.begin(), all.not_asked.end(), [&file](const auto& node) {
      return node.first == file.summary.node_id();
    });
    return is_away ? "registered; node away" : "registered; not there";
  }
  if (!all.registry.ok()) return "there";
  return file.is_registered ? "registered" : "not registered yet";
}

// Equal ends of equal beginnings: the chain hash stands for all between.
std::string ContentOf(const v1::SalvageFileSummary& summary) {
  if (!summary.damage().empty()) return {};
  return absl::StrCat(summary.ancestor().chain_hash(), summary.last_lost().chain_hash());
}

void PrintCopies(Context& context, const SalvageFiles& files) {
  std::map<std::string, std::vector<std::string>> by_content;
  for (const SalvageFile& file : files.files) by_content[ContentOf(file.summary)].push_back(file.Name());
  by_content.erase("");
  for (const auto& [content, names] : by_content) {
    if (names.size() < 2) continue;
    context.out() << "\nthe same records, so one of these files stands for all:\n  "
                  << absl::StrJoin(names, "\n  ") << "\n";
  }
}

std::string Range(const v1::SalvageFileSummary& summary) {
  const std::string first = ShowRevision(summary.first_lost().revision());
  const std::string last = ShowRevision(summary.last_lost().revision());
  return first == last ? first : absl::StrCat(first, " to ", last);
}

// A key's value as the lost history had it before a record; nullopt: not known.
class Before {
 public:
  explicit Before(const SalvageFacts* facts) {
    if (facts == nullptr) return;
    for (const auto& [key, known] : facts->keys) {
      if (known.base_state != KeyFacts::Base::kKnown) continue;
      values_[key] = known.base ? std::optional<std::string>(known.base->value()) : std::nullopt;
    }
  }

  // Null: not known. Else the value, or that there was none.
  const std::optional<std::string>* Of(const std::string& key) const {
    const auto it = values_.find(key);
    return it == values_.end() ? nullptr : &it->second;
  }
  void Set(const v1::Change& change) {
    values_[change.key()] = change.has_value() ? std::optional<std::string>(change.value()) : std::nullopt;
  }

 private:
  std::map<std::string, std::optional<std::string>> values_;
};

std::string ShowChange(const v1::Change& change, const std::optional<std::string>* before) {
  const std::string key = Shorten(change.key(), kKeyPlaces);
  const std::string old = before == nullptr     ? "(not known here)"
                          : before->has_value() ? Preview(**before, kValuePlaces)
                                                : "(no such key)";
  if (!change.has_value()) return absl::StrCat("  - ", key, ": ", old);
  const std::string now = Preview(change.value(), kValuePlaces);
  if (before != nullptr && !before->has_value()) return absl::StrCat("  + ", key, ": ", now);
  return absl::StrCat("  ~ ", key, ": ", old, " -> ", now);
}

}  // namespace

std::string ShowKind(v1::RecordKind kind) {
  return std::string(absl::StripPrefix(v1::RecordKind_Name(kind), "RECORD_KIND_"));
}

std::string ShowLostRecord(const LostRecord& record) {
  const std::string begin = absl::StrCat(record.position.revision.ToString(), "  ",
                                         ShowTime(TimestampOf(record.message.wall_time_us())), "  ");
  if (!record.is_commit()) return absl::StrCat(begin, ShowKind(record.message.kind()));
  const v1::CommitInfo& commit = record.message.commit();
  const std::string author = commit.author().empty() ? "-" : commit.author();
  const std::string message = commit.message().empty() ? "" : Preview(commit.message(), kOutputWidth);
  return Shorten(absl::StrCat(begin, author, message.empty() ? "" : "  ", message), kOutputWidth);
}

void PrintSalvageFiles(Context& context, const SalvageFiles& files) {
  if (files.files.empty()) {
    context.out() << "no salvage files" << (files.not_asked.empty() ? "\n" : " where nodes could be asked\n");
    return;
  }
  Table table(
      {{"FILE"}, {"LOST FROM"}, {"AFTER"}, {"RECORDS", Align::kRight}, {"SEEN", Align::kRight}, {"STATE"}});
  for (const SalvageFile& file : files.files) {
    const v1::SalvageFileSummary& summary = file.summary;
    table.Add({file.Name(), ShowRevision(summary.first_lost().revision()),
               ShowRevision(summary.ancestor().revision()), ShowCount(summary.record_count()),
               ShowCount(summary.visible_count()), ShowState(files, file)});
  }
  context.out() << table.ToString(context.Bold(), context.Plain(), kListWidth);
  for (const SalvageFile& file : files.files) {
    if (file.summary.damage().empty()) continue;
    context.out() << context.Red() << file.Name() << context.Plain() << "\n  " << file.summary.damage()
                  << "\n";
  }
  PrintCopies(context, files);
  context.out() << "\nnext: holdfast salvage diff " << files.files.front().Name() << "\n";
}

void PrintSalvage(Context& context, const Salvage& salvage, const SalvageFacts* facts) {
  const v1::SalvageFileSummary& summary = salvage.summary;
  context.out() << context.Bold() << salvage.name << context.Plain() << "\n"
                << ShowCount(summary.record_count()) << " records that " << summary.node_id()
                << " held, and the present history does not: " << Range(summary) << ", after "
                << ShowRevision(summary.ancestor().revision()) << "\n"
                << "readers of " << summary.node_id() << " had seen " << ShowCount(summary.visible_count())
                << " of them\n"
                << Shorten(absl::StrCat("set aside ", ShowTime(TimestampOf(summary.made_at_us())), ": ",
                                        summary.reason()),
                           kOutputWidth)
                << "\n";
  Before before(facts);
  for (const LostRecord& record : salvage.records) {
    context.out() << "\n" << ShowLostRecord(record) << "\n";
    if (record.is_commit() && record.message.commit().request_id().size() == 16) {
      context.out() << context.Dim() << "  request " << UuidToString(record.message.commit().request_id())
                    << context.Plain() << "\n";
    }
    for (const v1::Change& change : record.message.changes()) {
      context.out() << ShowChange(change, before.Of(change.key())) << "\n";
      before.Set(change);
    }
  }
}

}  // namespace holdfast::admin
