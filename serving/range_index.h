#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "serving/range.h"

namespace holdfast::serving {

// Which watchers does a commit concern? A treap of distinct ranges ordered by where they begin, each node
// knowing how far its subtree reaches (the interval tree of Cormen et al., ch. 14.3): a look-up touches the
// ranges that contain a key and O(log n) others for each key. One thread.
class RangeIndex {
 public:
  using Id = uint64_t;

  RangeIndex();
  ~RangeIndex();

  // `range` must not be empty. The same id may be added once for each range.
  void Add(const KeyRange& range, Id id);
  // The pair must have been added.
  void Remove(const KeyRange& range, Id id);

  // Calls `visit` once for each (range, id) whose range contains at least one of `keys`, which must be in
  // order.
  void ForEachTouched(absl::Span<const absl::string_view> keys, absl::FunctionRef<void(Id)> visit) const;

  bool empty() const { return root_ == nullptr; }
  size_t range_count() const { return range_count_; }

 private:
  struct Node;
  using NodePtr = std::unique_ptr<Node>;

  static int Compare(const KeyRange& a, const KeyRange& b);
  static void Update(Node& node);
  static void RotateUp(NodePtr& parent, bool from_left);
  static NodePtr Join(NodePtr left, NodePtr right);
  void Add(NodePtr& node, const KeyRange& range, Id id);
  void Remove(NodePtr& node, const KeyRange& range, Id id);
  static void Visit(const Node* node, absl::Span<const absl::string_view> keys,
                    absl::FunctionRef<void(Id)> visit);

  NodePtr root_;
  size_t range_count_ = 0;
  uint64_t priorities_ = 0;
};

}  // namespace holdfast::serving
