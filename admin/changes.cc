#include "admin/changes.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "admin/json_writer.h"
#include "admin/line_diff.h"
#include "base/key_rules.h"

namespace holdfast::admin {
namespace {

std::string SizeOf(const std::string& bytes) { return ShowBytes(static_cast<int64_t>(bytes.size())); }

void ShowText(Context& context, const KeyChange& change) {
  static const std::string* const kNothing = new std::string;
  const std::string& before = change.before == nullptr ? *kNothing : *change.before;
  const std::string& after = change.after == nullptr ? *kNothing : *change.after;
  if (!IsPlainText(before) || !IsPlainText(after)) {
    context.out() << "    (not text)\n";
    return;
  }
  const std::string diff = LineDiff(before, after);
  for (const absl::string_view line : absl::StrSplit(diff, '\n', absl::SkipEmpty())) {
    const std::string colour = line[0] == '+'   ? context.Green()
                               : line[0] == '-' ? context.Red()
                               : line[0] == '@' ? context.Dim()
                                                : std::string();
    context.out() << "    " << colour << line << (colour.empty() ? "" : context.Plain()) << "\n";
  }
}

}  // namespace

std::vector<KeyChange> Compare(const Documents& before, const Documents& after) {
  std::vector<KeyChange> changes;
  auto a = before.begin();
  auto b = after.begin();
  while (a != before.end() || b != after.end()) {
    if (b == after.end() || (a != before.end() && a->first < b->first)) {
      changes.push_back({a->first, &a->second, nullptr});
      ++a;
    } else if (a == before.end() || b->first < a->first) {
      changes.push_back({b->first, nullptr, &b->second});
      ++b;
    } else {
      if (a->second != b->second) changes.push_back({a->first, &a->second, &b->second});
      ++a, ++b;
    }
  }
  return changes;
}

void ShowChanges(Context& context, const std::vector<KeyChange>& changes, const std::string& prefix,
                 bool with_text) {
  if (context.json()) {
    JsonWriter json;
    json.BeginObject().Key("changes").BeginArray();
    for (const KeyChange& change : changes) {
      json.BeginObject().Bytes("key", absl::StrCat(prefix, change.key));
      json.Member("change", change.before == nullptr  ? "added"
                            : change.after == nullptr ? "removed"
                                                      : "changed");
      if (with_text && change.before != nullptr) json.Bytes("before", *change.before);
      if (with_text && change.after != nullptr) json.Bytes("after", *change.after);
      json.EndObject();
    }
    context.out() << json.EndArray().EndObject().text() << "\n";
    return;
  }
  for (const KeyChange& change : changes) {
    const std::string key = absl::StrCat(prefix, change.key);
    if (change.before == nullptr) {
      context.out() << context.Green() << "+ " << key << context.Plain() << "  (" << SizeOf(*change.after)
                    << ")\n";
    } else if (change.after == nullptr) {
      context.out() << context.Red() << "- " << key << context.Plain() << "  (" << SizeOf(*change.before)
                    << ")\n";
    } else {
      context.out() << context.Yellow() << "~ " << key << context.Plain() << "  (" << SizeOf(*change.before)
                    << " -> " << SizeOf(*change.after) << ")\n";
    }
    if (with_text) ShowText(context, change);
  }
}

}  // namespace holdfast::admin
