#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/position.h"
#include "holdfast/v1/replication.pb.h"
#include "replication/rule.h"

namespace holdfast::replication {

// R18: a former primary that starts asks before it admits anything. Collects the answers to inspect-Promises
// and says when it may go on. Pure; one thread.
class Resume {
 public:
  struct Options {
    std::string node_id;
    uint64_t epoch = 0;  // its own
    Position appended;   // its last record
    // The rule in force at the highest record it knows committed, and every later one of its log, in order.
    std::vector<Rule> rules;
    // For q = 0: the node ids of the other servers, each with the incarnation that the inventory knows.
    std::map<std::string, std::string> other_servers;
    std::set<std::string> proxies;  // node ids; with q = 0 they may vouch where every server has been wiped
  };
  enum Verdict {
    kWaiting,    // more answers are needed
    kReady,      // it may admit
    kSuspended,  // somebody has promised higher, or holds more of this epoch than this node: only a fresh
                 // epoch helps
    kFenced,     // somebody has a record of a higher epoch
  };

  explicit Resume(Options options);

  // Whom to ask: every voter of the rules, and with q = 0 every other member, if there is another server. In
  // node id order.
  const std::set<std::string>& whom() const { return whom_; }

  // An answer; repeated ones are harmless. Bad news stays, whatever comes afterwards. An answer of a
  // node that was not asked is ignored (one of another cluster refuses the question).
  void OnAnswer(const v1::PromiseResponse& answer);

  Verdict verdict() const;
  // For people: what is waited for, or what was found.
  std::string explanation() const;
  // The highest epoch that was heard of.
  uint64_t highest_epoch() const { return highest_epoch_; }

 private:
  bool Met(const Rule& rule, bool newest) const;
  // Does the log of `answer`'s node, or the inventory, vouch for what it says? With q = 0 one answer is
  // enough, and a server that has been wiped since knows nothing of what it promised.
  bool Counts(const v1::PromiseResponse& answer) const;

  const Options options_;
  std::set<std::string> whom_;
  std::map<std::string, std::string> answered_;  // node id -> incarnation
  std::set<std::string> counted_;                // for q = 0
  std::set<std::string> servers_;                // for q = 0: one of them must answer, if there are any
  Verdict bad_news_ = kWaiting;
  std::string found_;
  uint64_t highest_epoch_ = 0;
};

}  // namespace holdfast::replication
