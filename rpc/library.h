#pragma once

namespace holdfast::rpc {

// Sets what gRPC reads once, when it is first used: called before anything else of rpc/ touches it. Any
// thread.
void PrepareLibrary();

}  // namespace holdfast::rpc
