#include "serving/range_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"

namespace holdfast::serving {
namespace {

std::vector<RangeIndex::Id> Touched(const RangeIndex& index, std::vector<std::string> keys) {
  std::sort(keys.begin(), keys.end());
  const std::vector<absl::string_view> views(keys.begin(), keys.end());
  std::vector<RangeIndex::Id> ids;
  index.ForEachTouched(views, [&ids](RangeIndex::Id id) { ids.push_back(id); });
  std::sort(ids.begin(), ids.end());
  return ids;
}

using Ids = std::vector<RangeIndex::Id>;

TEST(RangeIndexTest, FindsWhomAKeyConcerns) {
  RangeIndex index;
  index.Add(KeyRange("a/", "a0"), 1);
  index.Add(KeyRange("a/b", ""), 2);
  index.Add(KeyRange("", std::string(1, '\0')), 3);
  index.Add(KeyRange("b/", "b0"), 4);
  EXPECT_EQ(Touched(index, {"a/b"}), (Ids{1, 2, 3}));
  EXPECT_EQ(Touched(index, {"a/c"}), (Ids{1, 3}));
  EXPECT_EQ(Touched(index, {"c"}), (Ids{3}));
  EXPECT_EQ(Touched(index, {"a/b", "a/c", "b/x"}), (Ids{1, 2, 3, 4}));
  EXPECT_EQ(Touched(index, {}), (Ids{}));
}

TEST(RangeIndexTest, ForgetsWhoLeaves) {
  RangeIndex index;
  index.Add(KeyRange("a/", "a0"), 1);
  index.Add(KeyRange("a/", "a0"), 2);
  index.Remove(KeyRange("a/", "a0"), 1);
  EXPECT_EQ(Touched(index, {"a/b"}), (Ids{2}));
  index.Remove(KeyRange("a/", "a0"), 2);
  EXPECT_TRUE(index.empty());
  EXPECT_EQ(index.range_count(), 0u);
}

KeyRange RandomRange(Random& random) {
  const std::string key = absl::StrCat(random.Below(40));
  switch (random.Below(4)) {
    case 0:
      return KeyRange(key, "");
    case 1:
      return KeyRange(key, std::string(1, '\0'));
    case 2:
      return KeyRange(key, PrefixEnd(key));
    default:
      return KeyRange(key, key + absl::StrCat(random.Below(9)));
  }
}

TEST(RangeIndexTest, AgreesWithAsking) {
  const auto random = SeededRandom(3);
  RangeIndex index;
  std::map<RangeIndex::Id, KeyRange> ranges;
  for (RangeIndex::Id step = 1; step <= 5000; ++step) {
    if (random->Below(5) < 3 || ranges.empty()) {
      const KeyRange range = RandomRange(*random);
      if (range.IsEmpty()) continue;
      index.Add(range, step);
      ranges.emplace(step, range);
    } else {
      auto victim = ranges.lower_bound(random->Below(step));
      if (victim == ranges.end()) victim = ranges.begin();
      index.Remove(victim->second, victim->first);
      ranges.erase(victim);
    }
    if (step % 10 != 0) continue;
    std::vector<std::string> keys;
    for (uint64_t i = random->Below(4); i > 0; --i) keys.push_back(absl::StrCat(random->Below(400)));
    Ids expected;
    for (const auto& [id, range] : ranges) {
      if (std::any_of(keys.begin(), keys.end(),
                      [&r = range](const std::string& key) { return r.Contains(key); }))
        expected.push_back(id);
    }
    ASSERT_EQ(Touched(index, keys), expected) << step;
  }
}

}  // namespace
}  // namespace holdfast::serving
