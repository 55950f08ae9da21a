#include "tests/sim/rare_events.h"

#include "absl/strings/str_format.h"

namespace holdfast::sim {

const std::vector<RareEvent>& RareEvents() {
  static const auto* const kEvents = new std::vector<RareEvent>{
      {"rewinds_of_visible_records", "a rewind of records that readers had seen"},
      {"former_primaries_rewound", "a former primary cuts what it alone had admitted"},
      {"crashes_during_a_rewind", "the process dies in the middle of a rewind"},
      {"snapshots_during_a_promotion", "a follower takes a snapshot while a promotion is under way"},
      {"crashes_near_incoming", "the process dies while it assembles a snapshot"},
      {"crashes_near_salvage", "the process dies while it writes a salvage file"},
      {"epochs_beside_another", "epochs on both sides, neither of which knows the other"},
      {"plan_blocked_by_branches", "a promotion between branches is held up until one is chosen"},
      {"branches_chosen", "an operator chooses a branch by name"},
      {"overrides_settled", "the voters that an override waived come, and it is settled"},
      {"take_overs_by_override", "a promotion that is not proven, with the operator's word"},
      {"take_overs_with_harvest", "a candidate fetches records that another node alone had"},
      {"harvests_from_a_proxy", "the freshest node is a proxy"},
      {"take_overs_beside_a_renewed_voter", "a voter that lost its log answers, and does not count"},
      {"wiped_voters_admitted", "a voter that lost its log is admitted anew by a record"},
      {"incarnations_renewed", "a node comes back with an empty disk"},
      {"voter_changes_during_a_fault", "the rule changes while a site or a node is cut off"},
      {"members_added", "a node becomes a member while the cluster runs"},
      {"members_removed", "a node ceases to be a member while the cluster runs"},
      {"switchovers", "the role is handed over with both sites up"},
      {"switchovers_rolled_back", "a hand-over fails before its point of no return"},
      {"roles_taken_back", "the old primary takes its role back in a fresh epoch"},
      {"in_place_epochs", "the primary goes on without its voters, in place"},
      {"operations_aborted_after_promises", "an operation is given up after nodes have promised"},
      {"resumes_after_a_crash", "the candidate dies, and its operation is resumed"},
      {"aborts_after_a_crash", "the candidate dies, and its operation is given up"},
      {"operations_left_to_another_node", "the candidate dies, and another node takes over"},
      {"operations_overtaken", "an operation meets a higher promise"},
      {"operation_error_VERDICT_WORSE", "fewer promises come than the plan had counted on"},
      {"operation_ended_UNKNOWN", "nobody can say whether the EPOCH record counts"},
      {"two_operators_at_once", "two operators promote two nodes"},
      {"two_losses_in_a_row", "the site that was promoted is lost too, before the first one is back"},
      {"promise_LOWER_EPOCH", "a node that has promised a higher epoch refuses a lower one"},
      {"promised_epochs_asked_for", "another candidate asks for an epoch that is promised"},
      {"verdict_fenced", "a former primary that follows nobody fences itself"},
      {"closed_FOLLOW_LOOP", "relays would feed each other"},
      {"snapshots_with_a_tail", "a snapshot brings more than it shows"},
      {"failed_syncs", "a sync fails, and nobody knows what is durable"},
      {"full_disks", "a disk is full"},
      {"io_errors", "the disk fails a read or a write"},
      {"watches_rewound", "a watch is told that what it saw is lost"},
      {"session_reads_REWOUND", "a client brings a revision of a lost history"},
      {"commit_OUTCOME_UNKNOWABLE", "a retry whose record is forgotten gets no false answer"},
  };
  return *kEvents;
}

const std::vector<std::string>& OrdinaryEvents() {
  static const auto* const kNames = new std::vector<std::string>{
      "crashes",
      "crashes_inside_a_step",
      "wipes",
      "paused_processes",
      "slow_disks",
      "partitions",
      "messages_lost",
      "rewinds",
      "snapshots_taken",
      "chunks_altered",
      "followed_a_relay",
      "verdict_continue",
      "verdict_rewind",
      "verdict_snapshot",
      "verdict_suspended",
      "commits_repeated",
      "commit_COMMIT_UNKNOWN",
      "commit_PRECONDITION_FAILED",
      "commit_REQUEST_ID_AHEAD",
      "commit_DISK_FULL",
      "compactions",
      "voter_changes",
      "voters_admitted",
      "take_overs_proven",
      "take_overs_given_up",
      "second_confirmations",
      "commands_gone",
      "candidates_lost",
      "crashes_at_promise-self",
      "crashes_at_promises",
      "crashes_at_harvest",
      "crashes_at_judge",
      "crashes_at_epoch",
      "crashes_at_open",
      "crashes_at_converge",
      "crashes_at_hand-over",
      "operations_aborted",
      "left_operations_aborted",
      "left_operations_resumed",
      "unfinished_operations_resumed",
      "operation_ended_DONE",
      "operation_ended_ROLLED_BACK",
      "operation_ended_INCOMPLETE",
      "freshness_checks",
      "freshness_checks_while_cut_off",
      "watch_events",
      "watch_events_with_previous",
      "watches_from_now_with_demand",
      "watches_resumed_with_demand",
      "watch_ended_REWOUND",
      "watch_ended_COMPACTED",
      "watch_ended_STALE",
      "session_reads_ok",
      "session_reads_STALE",
      "session_lists_ok",
      "listings",
  };
  return *kNames;
}

std::string RareEventTable(const Coverage& coverage) {
  std::string text;
  for (const RareEvent& event : RareEvents())
    absl::StrAppendFormat(&text, "%10d  %s\n", coverage.Get(event.counter), event.what);
  return text;
}

}  // namespace holdfast::sim
