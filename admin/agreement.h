#pragma once

#include <map>
#include <string>
#include <vector>

#include "holdfast/v1/admin.pb.h"

namespace holdfast::admin {

// Decides whether nodes hold the same (I4: equal revision means equal chain hash and equal state digest).
// Nodes move while they are asked, so each is asked several times, and what it had at each revision is kept:
// nodes are compared at revisions that they share. Pure; one thread.
class Agreement {
 public:
  enum class Verdict {
    kAgree,       // there is a revision at which all nodes were seen, alike
    kDiffer,      // two nodes were seen at one revision, unlike
    kNotCompared  // no revision is shared by all yet
  };

  explicit Agreement(std::vector<std::string> node_ids) : node_ids_(std::move(node_ids)) {}

  // What `node_id` has now, by its own word.
  void Observe(const std::string& node_id, const v1::LogPosition& position, const std::string& state_digest);

  Verdict verdict() const;

  // The revision that the verdict speaks of: the highest one where all agree, or the lowest one where two
  // differ; 0 if none.
  int64_t revision() const;

  // The nodes that differ from most of the others there, by name; empty unless they differ.
  std::vector<std::string> Dissenters() const;

 private:
  struct Held {
    std::string chain_hash;
    std::string state_digest;
    auto operator<=>(const Held&) const = default;
  };

  std::vector<std::string> node_ids_;
  std::map<int64_t, std::map<std::string, Held>> seen_;
};

}  // namespace holdfast::admin
