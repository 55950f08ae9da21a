#pragma once

namespace holdfast::rpc {

// Sets what gRPC reads once, when it is first used: called before anything else of rpc/ touches it. Any
// thread.
void PrepareLibrary();

// Keeps gRPC's own log lines off standard error, unless GRPC_VERBOSITY asks for them: for commands, whose
// errors say the same. Before anything else of rpc/.
void SilenceLibrary();

}  // namespace holdfast::rpc
