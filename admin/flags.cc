#include "admin/flags.h"

#include <limits>

#include "CLI/CLI.hpp"
#include "admin/context.h"

namespace holdfast::admin {

Option& Option::Required() {
  option_->required();
  return *this;
}

Option& Option::OneOf(std::vector<std::string> values) {
  option_->check(CLI::IsMember(std::move(values)));
  return *this;
}

Option& Option::Excludes(const Option& other) {
  option_->excludes(other.option_);
  return *this;
}

Option& Option::Between(int64_t least, int64_t most) {
  if (most == std::numeric_limits<int64_t>::max()) {
    option_->check(CLI::Range(least, most, "at least " + std::to_string(least)));
  } else {
    option_->check(CLI::Range(least, most));
  }
  return *this;
}

Option& Option::ShowDefault() {
  option_->capture_default_str();
  return *this;
}

Option& Option::Group(const std::string& title) {
  option_->group(title);
  return *this;
}

bool Option::given() const { return option_ != nullptr && option_->count() > 0; }

Command Command::Add(const std::string& name, const std::string& description, const std::string& examples) {
  CLI::App* command = app_->add_subcommand(name, description);
  command->footer("Examples:\n" + examples);
  return Command(command, context_);
}

Option Command::Text(const std::string& name, std::string* value, const std::string& help) {
  return Option(app_->add_option(name, *value, help));
}

Option Command::Texts(const std::string& name, std::vector<std::string>* values, const std::string& help) {
  return Option(app_->add_option(name, *values, help));
}

Option Command::Number(const std::string& name, int64_t* value, const std::string& help) {
  return Option(app_->add_option(name, *value, help));
}

Option Command::Flag(const std::string& name, bool* value, const std::string& help) {
  return Option(app_->add_flag(name, *value, help));
}

void Command::NeedsCommand() { app_->require_subcommand(1); }

void Command::Runs(Action action) {
  // A command below that was named has set its own action by now.
  app_->callback([app = app_, context = context_, action = std::move(action)] {
    if (app->get_subcommands().empty()) context->action = action;
  });
}

}  // namespace holdfast::admin
