// holdfast-primary: a Configuration Server node, primary or standby.
#include "node/program.h"
#include "primary/primary_server.h"

int main(int argc, char** argv) {
  const holdfast::node::ProgramDescription description = {
      "holdfast-primary",
      "A Configuration Server node. Starts as a standby, or as what it was; becomes primary by `holdfast "
      "init`.",
      "holdfast-primary --config /etc/holdfast/dc1-a.toml"};
  return holdfast::node::RunProgram(description, holdfast::primary::StartPrimaryServer, argc, argv);
}
