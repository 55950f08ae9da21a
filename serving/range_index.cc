#include "serving/range_index.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace holdfast::serving {

struct RangeIndex::Node {
  explicit Node(KeyRange r) : range(std::move(r)) {}

  KeyRange range;
  uint64_t priority = 0;
  std::vector<Id> ids;
  // How far any range of this subtree reaches; a pointer into one of its nodes, nullptr for "to the end of
  // all keys".
  const std::string* reach = nullptr;
  NodePtr left;
  NodePtr right;
};

namespace {

// SplitMix64 (Steele, Lea and Flood, 2014): priorities that look random and are the same in every run.
uint64_t Mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

}  // namespace

RangeIndex::RangeIndex() = default;
RangeIndex::~RangeIndex() = default;

int RangeIndex::Compare(const KeyRange& a, const KeyRange& b) {
  if (const int order = a.begin().compare(b.begin()); order != 0) return order;
  if (a.unbounded() != b.unbounded()) return a.unbounded() ? 1 : -1;
  return a.end().compare(b.end());
}

void RangeIndex::Update(Node& node) {
  node.reach = node.range.unbounded() ? nullptr : &node.range.end();
  for (const Node* child : {node.left.get(), node.right.get()}) {
    if (child == nullptr || node.reach == nullptr) continue;
    if (child->reach == nullptr || *child->reach > *node.reach) node.reach = child->reach;
  }
}

void RangeIndex::RotateUp(NodePtr& parent, bool from_left) {
  NodePtr child = std::move(from_left ? parent->left : parent->right);
  (from_left ? parent->left : parent->right) = std::move(from_left ? child->right : child->left);
  Update(*parent);
  (from_left ? child->right : child->left) = std::move(parent);
  parent = std::move(child);
  Update(*parent);
}

RangeIndex::NodePtr RangeIndex::Join(NodePtr left, NodePtr right) {
  if (left == nullptr) return right;
  if (right == nullptr) return left;
  NodePtr& top = left->priority > right->priority ? left : right;
  if (&top == &left) {
    left->right = Join(std::move(left->right), std::move(right));
  } else {
    right->left = Join(std::move(left), std::move(right->left));
  }
  Update(*top);
  return std::move(top);
}

void RangeIndex::Add(const KeyRange& range, Id id) {
  HF_CHECK(!range.IsEmpty(), "an empty range concerns nobody");
  Add(root_, range, id);
}

void RangeIndex::Add(NodePtr& node, const KeyRange& range, Id id) {
  if (node == nullptr) {
    node = std::make_unique<Node>(range);
    node->priority = Mix(++priorities_);
    ++range_count_;
  }
  const int order = Compare(range, node->range);
  if (order == 0) {
    node->ids.push_back(id);
    Update(*node);
    return;
  }
  NodePtr& child = order < 0 ? node->left : node->right;
  Add(child, range, id);
  if (child->priority > node->priority) {
    RotateUp(node, order < 0);
  } else {
    Update(*node);
  }
}

void RangeIndex::Remove(const KeyRange& range, Id id) { Remove(root_, range, id); }

void RangeIndex::Remove(NodePtr& node, const KeyRange& range, Id id) {
  HF_CHECK(node != nullptr, "removed what was never added");
  const int order = Compare(range, node->range);
  if (order != 0) {
    Remove(order < 0 ? node->left : node->right, range, id);
    Update(*node);
    return;
  }
  const auto it = std::find(node->ids.begin(), node->ids.end(), id);
  HF_CHECK(it != node->ids.end(), "removed what was never added");
  *it = node->ids.back();
  node->ids.pop_back();
  if (!node->ids.empty()) return;
  node = Join(std::move(node->left), std::move(node->right));
  --range_count_;
}

void RangeIndex::ForEachTouched(absl::Span<const absl::string_view> keys,
                                absl::FunctionRef<void(Id)> visit) const {
  Visit(root_.get(), keys, visit);
}

void RangeIndex::Visit(const Node* node, absl::Span<const absl::string_view> keys,
                       absl::FunctionRef<void(Id)> visit) {
  if (node == nullptr) return;
  // What lies at or beyond the subtree's reach concerns nobody in it.
  if (node->reach != nullptr)
    keys = keys.first(
        static_cast<size_t>(std::lower_bound(keys.begin(), keys.end(), *node->reach) - keys.begin()));
  if (keys.empty()) return;
  Visit(node->left.get(), keys, visit);
  // What lies before this range lies before all to the right too.
  keys.remove_prefix(
      static_cast<size_t>(std::lower_bound(keys.begin(), keys.end(), node->range.begin()) - keys.begin()));
  if (keys.empty()) return;
  if (node->range.Contains(keys.front()))
    for (const Id id : node->ids) visit(id);
  Visit(node->right.get(), keys, visit);
}

}  // namespace holdfast::serving
