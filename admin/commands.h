#pragma once

#include "admin/context.h"

// One function for each command, each in its own command_<name>.cc: adds the command to `root` and lets it
// set `context.action`. `context` must outlive `root`.
namespace holdfast::admin {

void AddInitCommand(Command& root);
void AddGetCommand(Command& root);
void AddListCommand(Command& root);
void AddPutCommand(Command& root);
void AddDeleteCommand(Command& root);
void AddCommitCommand(Command& root);
void AddImportCommand(Command& root);
void AddExportCommand(Command& root);
void AddHistoryCommand(Command& root);
void AddDiffCommand(Command& root);
void AddRollbackCommand(Command& root);
void AddWatchCommand(Command& root);
void AddStatusCommand(Command& root);
void AddVerifyCommand(Command& root);
void AddCheckCommand(Command& root);
void AddNodesCommand(Command& root);
// Below `nodes`.
void AddNodesPointCommand(Command& nodes);
void AddDurabilityCommand(Command& root);
void AddDrainCommand(Command& root);
void AddSnapshotCommand(Command& root);
void AddDrillCommand(Command& root);
void AddPromoteCommand(Command& root);
void AddSwitchoverCommand(Command& root);
void AddRejoinCommand(Command& root);
void AddOperationCommand(Command& root);
void AddSalvageCommand(Command& root);
void AddUpCommand(Command& root);
void AddDownCommand(Command& root);

}  // namespace holdfast::admin
