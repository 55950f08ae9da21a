#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "admin/exit_code.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

// What commands need of CLI11, whose header costs seconds in each file that includes it. One thread.
namespace holdfast::admin {

class Context;

// One argument or flag. A handle; lives as long as the command line.
class Option {
 public:
  Option() = default;
  explicit Option(CLI::Option* option) : option_(option) {}

  Option& Required();
  Option& OneOf(std::vector<std::string> values);
  Option& Excludes(const Option& other);
  Option& Between(int64_t least, int64_t most);
  Option& ShowDefault();
  Option& Group(const std::string& title);

  // Whether the user gave it. After parsing.
  bool given() const;

 private:
  CLI::Option* option_ = nullptr;
};

// A command that is being described. A handle; lives as long as the command line. Variables must outlive the
// parsing.
class Command {
 public:
  using Action = std::function<absl::StatusOr<ExitCode>(Context&)>;

  Command(CLI::App* app, Context* context) : app_(app), context_(context) {}

  // A command below this one, with its one-line description and its examples, one a line.
  Command Add(const std::string& name, const std::string& description, const std::string& examples);

  // Arguments have a bare name, flags begin with dashes ("-m,--message").
  Option Text(const std::string& name, std::string* value, const std::string& help);
  Option Texts(const std::string& name, std::vector<std::string>* values, const std::string& help);
  Option Number(const std::string& name, int64_t* value, const std::string& help);
  Option Flag(const std::string& name, bool* value, const std::string& help);

  // One of the commands below this one must be named.
  void NeedsCommand();

  // What happens when this command is named, and none below it.
  void Runs(Action action);

 private:
  CLI::App* const app_;
  Context* const context_;
};

}  // namespace holdfast::admin
