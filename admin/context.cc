#include "admin/context.h"

#include "absl/strings/str_cat.h"
#include "admin/cluster_file.h"
#include "admin/errors.h"
#include "base/status_macros.h"
#include "client/connect.h"

namespace holdfast::admin {
namespace {

// Who names a deadline wants it used up before hearing that nobody answers.
constexpr int kPatientRounds = 10'000;

void FillFrom(const Environment& environment, const char* variable, std::string& value) {
  if (value.empty()) value = environment.Variable(variable);
}

}  // namespace

std::string Context::PlaygroundDir() const {
  const std::string dir = environment_->Variable("HOLDFAST_DIR");
  return dir.empty() ? ".holdfast" : dir;
}

absl::Status Context::Complete() {
  FillFrom(*environment_, "HOLDFAST_ENDPOINTS", flags.endpoints);
  FillFrom(*environment_, "HOLDFAST_CA", flags.tls.ca);
  FillFrom(*environment_, "HOLDFAST_CERT", flags.tls.cert);
  FillFrom(*environment_, "HOLDFAST_KEY", flags.tls.key);
  FillFrom(*environment_, "HOLDFAST_AUTHOR", flags.author);
  if (!flags.deadline.empty()) {
    if (!absl::ParseDuration(flags.deadline, &deadline_) || deadline_ <= absl::ZeroDuration()) {
      return UsageError(
          absl::StrCat("--deadline ", flags.deadline, " is no duration; write 500ms, 10s or 2m"));
    }
  }
  endpoints_ = client::SplitEndpoints(flags.endpoints);
  if (endpoints_.empty()) {
    const auto playground = ReadClusterFile(absl::StrCat(PlaygroundDir(), "/cluster.json"));
    if (playground.ok()) endpoints_ = playground->ClientEndpoints();
  }
  if (endpoints_.empty()) endpoints_ = {"127.0.0.1:7400"};
  return absl::OkStatus();
}

std::string Context::author() const {
  return flags.author.empty() ? absl::StrCat(environment_->user, "@", environment_->host) : flags.author;
}

absl::StatusOr<client::Client*> Context::client() {
  if (client_ == nullptr) {
    client::Options options;
    options.endpoints = endpoints_;
    options.timeout = deadline_;
    if (!flags.deadline.empty()) options.max_rounds = kPatientRounds;
    options.clock = environment_->clock;
    options.random = environment_->random;
    HF_ASSIGN_OR_RETURN(client_, client::Connect(std::move(options), flags.tls));
  }
  return client_.get();
}

absl::StatusOr<NodeAdmin*> Context::nodes() {
  if (nodes_ == nullptr) {
    HF_ASSIGN_OR_RETURN(nodes_, MakeNodeAdmin(flags.tls));
  }
  return nodes_.get();
}

std::string Context::Style(const char* code) const {
  if (!environment_->out_is_terminal || !environment_->Variable("NO_COLOR").empty()) return {};
  return absl::StrCat("\033[", code, "m");
}

}  // namespace holdfast::admin
