#include "admin/operation_watch.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "admin/show.h"
#include "admin/show_operation.h"
#include "base/poll.h"
#include "base/status_macros.h"

namespace holdfast::admin {
namespace {

// One question; the node answers as soon as something has changed.
constexpr absl::Duration kQuestion = absl::Seconds(5);
// A node that is restarted is back by then.
constexpr absl::Duration kPatience = absl::Seconds(30);

}  // namespace

absl::StatusOr<ExitCode> WatchOperation(Context& context, const std::string& peer_address,
                                        const std::string& operation_id) {
  HF_ASSIGN_OR_RETURN(NodeAdmin* const admin, context.nodes());
  Clock& clock = *context.environment().clock;
  v1::GetOperationRequest question;
  question.set_operation_id(operation_id);
  int shown = 0;
  absl::Duration heard = clock.SinceBoot();
  for (;;) {
    const absl::StatusOr<v1::GetOperationResponse> answer =
        admin->GetOperation(peer_address, question, kQuestion);
    if (!answer.ok()) {
      const ExitCode code = ExitCodeOf(answer.status());
      if (code != ExitCode::kNotAsked) return answer.status();
      if (clock.SinceBoot() - heard > kPatience) {
        PrintError(context,
                   absl::StrCat(peer_address,
                                " cannot be asked any more: what became of the operation is not known "
                                "here; next: holdfast operation attach ",
                                operation_id));
        return ExitCode::kUnknown;
      }
      Pause(kPollInterval);
      continue;
    }
    heard = clock.SinceBoot();
    question.set_seen_changes(answer->changes());
    const v1::Operation& operation = answer->operation();
    shown = std::min(shown, operation.steps_size());
    for (; shown < operation.steps_size(); ++shown) {
      const v1::OperationStep& step = operation.steps(shown);
      if (step.state() == v1::OPERATION_STATE_RUNNING) break;
      if (!context.json()) context.out() << ShowStep(operation, step) << std::flush;
    }
    if (answer->is_driven()) continue;
    if (context.json()) {
      JsonWriter json;
      WriteOperation(json, operation);
      context.out() << json.text() << "\n";
    } else {
      PrintOperation(context, operation);
    }
    if (operation.state() == v1::OPERATION_STATE_RUNNING) {
      PrintError(
          context,
          absl::StrCat("the process at '", operation.plan().candidate(),
                       "' has ended in the middle of it, before the EPOCH record; go on, or give it up with "
                       "holdfast operation abort; next: holdfast operation resume ",
                       operation.operation_id()));
    }
    return ExitCodeOf(operation.state());
  }
}

}  // namespace holdfast::admin
