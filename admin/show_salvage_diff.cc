#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "admin/show.h"
#include "admin/show_salvage.h"
#include "base/key_rules.h"

namespace holdfast::admin {
namespace {

constexpr size_t kSides = 3;
constexpr size_t kSidePlaces = 30;  // three of them with their gaps, and six blanks before
constexpr size_t kSideLines = 8;
constexpr size_t kKeyPlaces = 40;

using Lines = std::vector<std::string>;

Lines LinesOf(const std::optional<std::string>& value, absl::string_view none) {
  if (!value) return {std::string(none)};
  if (!IsPlainText(*value)) return {absl::StrCat("(", value->size(), " bytes, not text)")};
  if (value->empty()) return {"(empty)"};
  Lines lines = absl::StrSplit(*value, '\n');
  if (lines.size() > 1 && lines.back().empty()) lines.pop_back();
  for (std::string& line : lines) {
    std::replace_if(
        line.begin(), line.end(), [](char c) { return c == '\t' || c == '\r'; }, ' ');
  }
  return lines;
}

std::string SideBySide(const std::array<Lines, kSides>& sides, size_t row) {
  std::string line(6, ' ');
  for (size_t side = 0; side < kSides; ++side) {
    const std::string cell = row < sides[side].size() ? Shorten(sides[side][row], kSidePlaces) : "";
    absl::StrAppend(&line, cell, std::string(kSidePlaces - Places(cell) + 1, ' '));
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return absl::StrCat(line, "\n");
}

// The first lines in which the three differ.
std::string ShowSides(std::array<std::string, kSides> headings, const std::array<Lines, kSides>& sides) {
  size_t longest = 0;
  size_t equal = 0;
  for (const Lines& lines : sides) longest = std::max(longest, lines.size());
  const auto is_equal = [&sides](size_t row) {
    return row < sides[0].size() && row < sides[1].size() && row < sides[2].size() &&
           sides[0][row] == sides[1][row] && sides[1][row] == sides[2][row];
  };
  while (is_equal(equal)) ++equal;
  std::array<Lines, kSides> heading;
  for (size_t side = 0; side < kSides; ++side) heading[side] = {headings[side]};
  std::string text = SideBySide(heading, 0);
  if (equal > 0) absl::StrAppend(&text, "      (", equal, equal == 1 ? " line" : " lines", " alike)\n");
  const size_t end = std::min(longest, equal + kSideLines);
  for (size_t row = equal; row < end; ++row) absl::StrAppend(&text, SideBySide(sides, row));
  if (end < longest) absl::StrAppend(&text, "      (", longest - end, " more lines; -o json has all)\n");
  return text;
}

std::string BaseHeading(const KeyFacts& known) {
  return known.base ? absl::StrCat("BASE ", ShowRevision(known.base->mod_revision())) : "BASE";
}

Lines BaseLines(const KeyFacts& known) {
  switch (known.base_state) {
    case KeyFacts::Base::kCompacted:
      return {"(compacted: not known)"};
    case KeyFacts::Base::kNoAncestor:
      return {"(no common ancestor)"};
    case KeyFacts::Base::kKnown:
      break;
  }
  return LinesOf(known.base ? std::optional<std::string>(known.base->value()) : std::nullopt,
                 "(no such key)");
}

std::string ShowConflict(const LostRecord& record, const v1::Change& change, const KeyFacts& known) {
  const std::optional<std::string> lost =
      change.has_value() ? std::optional<std::string>(change.value()) : std::nullopt;
  const std::optional<std::string> current =
      known.current ? std::optional<std::string>(known.current->value()) : std::nullopt;
  return ShowSides(
      {BaseHeading(known), absl::StrCat("LOST ", record.position.revision.ToString()),
       known.current ? absl::StrCat("CURRENT ", ShowRevision(known.current->mod_revision())) : "CURRENT"},
      {BaseLines(known), LinesOf(lost, "(deleted)"), LinesOf(current, "(no such key)")});
}

std::string Colour(const Context& context, SalvageSort sort) {
  switch (sort) {
    case SalvageSort::kClean:
      return context.Green();
    case SalvageSort::kConflicting:
      return context.Red();
    default:
      return context.Dim();
  }
}

std::string By(const KeyFacts& known, int64_t revision) {
  for (const KeyFacts::Later& later : known.since) {
    if (later.revision == revision && !later.author.empty()) return absl::StrCat(" by ", later.author);
  }
  return {};
}

const KeyFacts& FactsOf(const SalvageRun& run, const v1::Change& change) {
  return run.facts.keys.find(change.key())->second;
}

std::string Keys(const LostRecord& record) {
  constexpr int kShownKeys = 3;
  std::vector<std::string> keys;
  for (int n = 0; n < std::min(record.message.changes_size(), kShownKeys); ++n)
    keys.push_back(record.message.changes(n).key());
  std::string text = absl::StrJoin(keys, ", ");
  const int more = record.message.changes_size() - kShownKeys;
  if (more > 0) absl::StrAppend(&text, " and ", more, " more");
  return text;
}

// Both names are typed, so they are never cut.
std::string OverwriteCommand(const Salvage& salvage, size_t i, const RecordVerdict& verdict) {
  return absl::StrCat("holdfast salvage apply ", salvage.name, " --overwrite-newer ",
                      ShowOverwrite(salvage.records[i], verdict));
}

std::string ShowResult(const Salvage& salvage, const SalvageRun& run, size_t i) {
  const SalvageResult& result = run.results[i];
  const RecordVerdict& verdict = run.verdicts[i];
  const bool overwrites = verdict.sort == SalvageSort::kConflicting;
  switch (result.outcome) {
    case SalvageOutcome::kPresent:
      return verdict.present_at == 0 ? "already present"
                                     : absl::StrCat("already present as ", ShowRevision(verdict.present_at));
    case SalvageOutcome::kNotConfiguration:
      return "not configuration";
    case SalvageOutcome::kNotChosen:
      return "not chosen";
    case SalvageOutcome::kConflicting:
      return "CONFLICTING, left as it is";
    case SalvageOutcome::kToApply:
      return overwrites ? absl::StrCat("would be applied over ", ShowRevision(verdict.seen))
                        : "would be applied";
    case SalvageOutcome::kApplied:
      return absl::StrCat("applied as ", ShowRevision(result.revision),
                          overwrites ? absl::StrCat(" over ", ShowRevision(verdict.seen)) : "");
    case SalvageOutcome::kAppliedBefore:
      return absl::StrCat("applied before as ", ShowRevision(result.revision));
    case SalvageOutcome::kChanged:
      return "NOT APPLIED: somebody was faster";
    case SalvageOutcome::kDependent:
      return "NOT APPLIED: goes on from one that was not";
    case SalvageOutcome::kRefused:
      return "REFUSED";
    case SalvageOutcome::kUnknown:
      return "OUTCOME UNKNOWN";
    case SalvageOutcome::kNotTried:
      return "not tried";
  }
  return {};
}

void PrintRunEnd(Context& context, const Salvage& salvage, const SalvageRun& run) {
  std::vector<std::string> commands;
  bool would = false;
  for (size_t i = 0; i < run.results.size(); ++i) {
    if (!run.results[i].why.empty()) {
      context.out() << salvage.records[i].position.revision.ToString() << ": " << run.results[i].why << "\n";
    }
    would = would || run.results[i].outcome == SalvageOutcome::kToApply;
    if (run.results[i].outcome == SalvageOutcome::kConflicting)
      commands.push_back(OverwriteCommand(salvage, i, run.verdicts[i]));
  }
  context.out() << "\n" << ShowCounts(run.verdicts) << "\n";
  if (would) context.out() << "nothing was committed: without --dry-run, what is said above is done\n";
  if (commands.empty()) return;
  context.out()
      << commands.size()
      << " conflicting, left as the cluster has it. Compare, and edit by hand:\n  holdfast salvage diff "
      << salvage.name << "\nor overwrite what it shows, by name:\n";
  for (const std::string& command : commands) context.out() << "  " << command << "\n";
}

}  // namespace

std::string ShowSort(SalvageSort sort) {
  switch (sort) {
    case SalvageSort::kPresent:
      return "already present";
    case SalvageSort::kClean:
      return "clean";
    case SalvageSort::kConflicting:
      return "conflicting";
    case SalvageSort::kNotConfiguration:
      return "not configuration";
  }
  return {};
}

std::string ShowWhy(const ChangeVerdict& verdict, const KeyFacts& known) {
  const std::string revision = ShowRevision(verdict.revision);
  switch (verdict.why) {
    case SalvageWhy::kCommittedAgain:
      return absl::StrCat("its client has committed it again, as ", revision);
    case SalvageWhy::kApplied:
      return absl::StrCat("applied as ", revision);
    case SalvageWhy::kSameValue:
      return known.current || verdict.after_record >= 0 ? "has this value already" : "does not exist already";
    case SalvageWhy::kSuperseded:
      return absl::StrCat("a later lost change is in place, as ", revision);
    case SalvageWhy::kUntouched:
      return "nobody has changed it since";
    case SalvageWhy::kContinues:
      return absl::StrCat("goes on from ", revision);
    case SalvageWhy::kChanged:
      return verdict.revision == 0
                 ? "changed since"
                 : absl::StrCat("changed since, at ", revision, By(known, verdict.revision));
    case SalvageWhy::kBaseUnknown:
      return known.base_state == KeyFacts::Base::kCompacted
                 ? "may have been changed since: the history is compacted"
                 : "may have been changed since: no common ancestor is known";
  }
  return {};
}

std::string ShowCounts(const std::vector<RecordVerdict>& verdicts) {
  std::vector<std::string> parts;
  for (const SalvageSort sort : {SalvageSort::kPresent, SalvageSort::kClean, SalvageSort::kConflicting,
                                 SalvageSort::kNotConfiguration}) {
    const auto count = std::count_if(verdicts.begin(), verdicts.end(),
                                     [sort](const RecordVerdict& verdict) { return verdict.sort == sort; });
    if (count > 0 || sort != SalvageSort::kNotConfiguration)
      parts.push_back(absl::StrCat(count, " ", ShowSort(sort)));
  }
  return absl::StrJoin(parts, ", ");
}

std::string ShowOverwrite(const LostRecord& record, const RecordVerdict& verdict) {
  return absl::StrCat(record.position.revision.ToString(), "=",
                      verdict.seen == 0 ? "none" : ShowRevision(verdict.seen));
}

void PrintSalvageDiff(Context& context, const Salvage& salvage, const SalvageRun& run) {
  context.out() << context.Bold() << salvage.name << context.Plain() << "\nagainst revision "
                << ShowRevision(run.facts.read_revision)
                << (run.facts.read_at.empty() ? "" : absl::StrCat(", as ", run.facts.read_at, " shows it"))
                << "; both histories share everything up to " << ShowRevision(run.facts.ancestor) << "\n";
  for (size_t i = 0; i < salvage.records.size(); ++i) {
    const LostRecord& record = salvage.records[i];
    const RecordVerdict& verdict = run.verdicts[i];
    context.out() << "\n"
                  << ShowLostRecord(record) << "\n  " << Colour(context, verdict.sort)
                  << ShowSort(verdict.sort) << context.Plain() << "\n";
    for (size_t n = 0; n < verdict.changes.size(); ++n) {
      const v1::Change& change = record.message.changes(static_cast<int>(n));
      const KeyFacts& known = FactsOf(run, change);
      const bool conflicts = verdict.changes[n].sort == SalvageSort::kConflicting;
      context.out() << Shorten(absl::StrCat(conflicts ? "  ! " : "    ", Shorten(change.key(), kKeyPlaces),
                                            ": ", ShowWhy(verdict.changes[n], known)),
                               kOutputWidth)
                    << "\n";
      if (conflicts) context.out() << ShowConflict(record, change, known);
    }
    if (verdict.sort == SalvageSort::kConflicting)
      context.out() << "  to overwrite it all the same:\n    " << OverwriteCommand(salvage, i, verdict)
                    << "\n";
  }
  context.out() << "\n" << ShowCounts(run.verdicts) << "\n";
  const bool any_clean =
      std::any_of(run.verdicts.begin(), run.verdicts.end(),
                  [](const RecordVerdict& verdict) { return verdict.sort == SalvageSort::kClean; });
  const bool any_conflict =
      std::any_of(run.verdicts.begin(), run.verdicts.end(),
                  [](const RecordVerdict& verdict) { return verdict.sort == SalvageSort::kConflicting; });
  if (any_clean) {
    context.out() << "next: holdfast salvage apply " << salvage.name << " --dry-run\n";
  } else if (any_conflict) {
    context.out() << "next: edit by hand what conflicts, or overwrite it by name as said above\n";
  } else {
    context.out() << "nothing is left to be done\n";
  }
}

void PrintSalvageRun(Context& context, const Salvage& salvage, const SalvageRun& run) {
  Table table({{"LOST"}, {"AUTHOR"}, {"KEYS"}, {"BECOMES"}});
  for (size_t i = 0; i < salvage.records.size(); ++i) {
    const LostRecord& record = salvage.records[i];
    const bool is_commit = record.is_commit();
    table.Add({record.position.revision.ToString(), is_commit ? record.message.commit().author() : "-",
               is_commit ? Shorten(Keys(record), kKeyPlaces) : ShowKind(record.message.kind()),
               ShowResult(salvage, run, i)});
  }
  context.Print(table);
  PrintRunEnd(context, salvage, run);
}

}  // namespace holdfast::admin
