// holdfast-proxy: a read-only node.
#include "node/program.h"
#include "proxy/proxy_server.h"

int main(int argc, char** argv) {
  const holdfast::node::ProgramDescription description = {
      "holdfast-proxy",
      "A read-only Configuration Server proxy. Serves reads and watches from its own copy, with or without a "
      "primary.",
      "holdfast-proxy --config /etc/holdfast/dc2-p1.toml"};
  return holdfast::node::RunProgram(description, holdfast::proxy::StartProxyServer, argc, argv);
}
