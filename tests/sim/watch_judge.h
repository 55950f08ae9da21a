#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "holdfast/v1/config.pb.h"
#include "tests/sim/history.h"
#include "tests/sim/sim_node.h"

namespace holdfast::sim {

// What one client makes of its watch, over restarts and nodes, held against the truth (I11): each matching
// change once and in order, none missing, each with the state that the key then had; a history that was lost
// is told of, and only then; and nothing else is. One thread.
class WatchJudge {
 public:
  // `world` must outlive this. `request` says what is watched.
  WatchJudge(World* world, std::string name, v1::WatchRequest request);

  // A new stream begins; what the old one had begun to tell is forgotten. The request goes on where the watch
  // stands, or, with `from_now`, with what follows the greeting. `demanded` (null: nothing) is what the node
  // must have shown: its revision is the `min_revision` (I5).
  v1::WatchRequest Open(const Entry* demanded, bool from_now);
  void OnMessage(const std::string& node, const v1::WatchResponse& message);
  // What came is no message.
  void OnMalformed(const std::string& node) { Violation(node, "got something that is no message"); }
  // `node` ended the stream. If the history is lost or compacted, the client reads what the node shows and
  // goes on from there.
  void OnEnded(const std::string& node, const absl::Status& status);

  // Everything up to here was delivered; null before the first message.
  const Entry* told() const { return told_; }

 private:
  void Forget();
  void CheckGreeting(const std::string& node, const v1::WatchResponse& message, const Entry* reached);
  bool IsLostAt(const std::string& node, const Entry* entry) const;
  bool Matches(const v1::Change& change) const;
  bool InWatchedRange(const std::string& key) const;
  void OnRewound(const std::string& node);
  void CheckRestored(const std::string& node, const Entry* common);
  void CheckEvents(const std::string& node, const Entry* reached);
  bool IsEventOf(const std::string& node, const v1::WatchEvent& event, const v1::Change& change,
                 const Entry& entry);
  bool IsPreviousRight(const std::string& node, const v1::WatchEvent& event, const Entry& entry) const;
  void Violation(const std::string& node, const std::string& what);

  World* const world_;
  const std::string name_;
  const v1::WatchRequest request_;
  const Entry* told_ = nullptr;
  const Entry* demanded_ = nullptr;     // by the present stream
  bool from_now_ = true;                // so it began
  bool greeted_ = false;                // it was told something
  std::vector<v1::WatchEvent> events_;  // since `told_`
  v1::Rewound rewound_;                 // its fragments so far
  Model model_;
  Model before_;  // one record behind `model_`
};

}  // namespace holdfast::sim
