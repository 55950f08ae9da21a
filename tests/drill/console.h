#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "admin/json_value.h"
#include "admin/node_admin.h"
#include "base/clock.h"
#include "tests/drill/halt.h"
#include "tests/process/local_cluster.h"

namespace holdfast::drill {

// The operator of the drill, who sits in the site that is left: types real commands and looks at real nodes.
// Everything ends early when the drill is halted. One thread.
class Console {
 public:
  // Both must outlive the console. Errors: none without TLS.
  static absl::StatusOr<std::unique_ptr<Console>> Open(testing::LocalCluster* cluster, const Halt* halt,
                                                       Clock* clock);

  // `holdfast ARGS`.
  testing::CommandResult Type(const std::vector<std::string>& arguments) const;

  // A planned operation, carried out.
  struct Carried {
    absl::Duration began;  // since boot: when the command that carried it out was started
    int looks = 0;         // at plans; more than one if it was refused first
    int exit_status = 0;
    admin::JsonValue operation;  // as `-o json` prints it
  };
  // Looks at the plan, confirms it by its id, and begins again if it is refused or has changed, within
  // `patience`. An operation that ended DONE or INCOMPLETE is carried out. The error is what the command said
  // last.
  absl::StatusOr<Carried> CarryOut(const std::vector<std::string>& verb, absl::Duration patience) const;

  // Types a command with `-o json` until it exits with 0, within `patience`: somebody may be away for a
  // moment. Answers with what it printed; the error is what it said last.
  absl::StatusOr<admin::JsonValue> Ask(const std::vector<std::string>& command,
                                       absl::Duration patience) const;

  // What a node says of itself, now.
  absl::StatusOr<v1::StatusResponse> StatusOf(const std::string& node_id) const;

  // Asks `holds` a few times a second. False if it did not come true in time.
  bool Wait(absl::Duration patience, const std::function<bool()>& holds) const;

  Clock& clock() const { return *clock_; }

 private:
  Console(testing::LocalCluster* cluster, const Halt* halt, Clock* clock,
          std::unique_ptr<admin::NodeAdmin> nodes)
      : cluster_(cluster), halt_(halt), clock_(clock), nodes_(std::move(nodes)) {}

  testing::LocalCluster* const cluster_;
  const Halt* const halt_;
  Clock* const clock_;
  const std::unique_ptr<admin::NodeAdmin> nodes_;
};

}  // namespace holdfast::drill
